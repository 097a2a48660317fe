"""PENCIL: loss and the labels' own gradient against autograd in float64, and the three stages."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import Says, finish, random_dataset, small_run, softmax, weights

from lnl_core import TrainConfig, TrainingSet, configure
from lnl_core.data import Batch
from lnl_core.losses.label_learning import classification, compatibility, label_gradient
from lnl_core.methods.relabelling.pencil import LearnedLabels


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 3 * rng.normal(size=(5, 4)), 3 * rng.normal(size=(5, 4)), rng.integers(4, size=5)


def made(logits: np.ndarray, **options) -> LearnedLabels:
    run = small_run(dataset=random_dataset(20))
    data = TrainingSet(run.data, TrainConfig(epochs=3, batch_size=4))
    return LearnedLabels(Says(logits), data, **options)


def batch_of(index: list[int], labels: np.ndarray) -> Batch:
    return Batch((torch.zeros(len(index), 1),), torch.tensor(labels), torch.tensor(index))


@pytest.mark.parametrize("double", [False, True])
def test_the_losses_are_the_formulas(double):
    logits, z, labels = drawn()
    p, d = softmax(logits), softmax(z)
    expected = (p * (np.log(p) - np.log(d))).sum(-1) / 4
    found = classification(torch.tensor(logits), torch.tensor(z))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    held = -np.log((softmax(d) if double else d)[range(5), labels])
    found = compatibility(torch.tensor(z), torch.tensor(labels), double)
    np.testing.assert_allclose(found, held, rtol=1e-10)


@pytest.mark.parametrize("double", [False, True])
def test_the_labels_gradient_is_autograds(double):
    logits, z, labels = map(torch.tensor, drawn(1))
    free = z.clone().requires_grad_()
    value = classification(logits, free) + 0.7 * compatibility(free, labels, double)
    value.sum().backward()
    found = label_gradient(logits, z, labels, 0.7, double)
    torch.testing.assert_close(found, free.grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(
        found.sum(-1), torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("double", [False, True])
def test_two_visits_are_the_formulas(double):
    logits, _, labels = drawn(2)
    alpha, beta, rate = 0.3, 0.2, 256.0
    options = {"alpha": alpha, "beta": beta, "label_rate": rate, "double_softmax": double}
    method = made(logits, **options)
    index = [7, 2, 3, 0, 11]
    z = method.label_logits[index].double().numpy()
    p = softmax(logits)
    for _ in range(2):
        loss = method.loss(batch_of(index, labels))
        d = softmax(z)
        entropy = -(p * np.log(p)).sum(-1)
        held = -np.log((softmax(d) if double else d)[range(5), labels])
        expected = (p * np.log(p / d)).sum(-1) / 4 + alpha * held + beta * entropy / 4
        np.testing.assert_allclose(loss.detach(), expected, rtol=2e-4, atol=1e-5)
        slope = label_gradient(
            torch.tensor(logits), torch.tensor(z), torch.tensor(labels), alpha, double
        )
        z = z - rate / 128 * slope.numpy()
        np.testing.assert_allclose(method.label_logits[index], z, rtol=1e-4, atol=1e-4)
    others = [i for i in range(len(method.label_logits)) if i not in index]
    assert set(method.label_logits[others].unique().tolist()) == {0.0, 10.0}


def test_the_network_sees_the_label_as_it_was_before_its_step():
    logits, _, labels = drawn(3)
    method = made(logits)
    before = method.label_logits[:5].double()
    method.loss(batch_of(list(range(5)), labels)).sum().backward()
    free = torch.tensor(logits, requires_grad=True)
    p = free.softmax(-1)
    value = (p * (p.log() - before.log_softmax(-1))).sum(-1) / 4 - 0.1 / 4 * (p * p.log()).sum(-1)
    value.sum().backward()
    torch.testing.assert_close(method.net.logits.grad.double(), free.grad, rtol=1e-4, atol=1e-6)


def test_a_label_that_is_contradicted_long_gives_way_but_as_printed_alpha_holds_it():
    logits = np.array([[9.0, 0, 0, 0]])
    taken, held = made(logits), made(logits, double_softmax=False)
    # z of the noisy label, class 1, begins at 10 whatever the sample's own label is.
    for method in (taken, held):
        method.label_logits[0] = torch.tensor([0.0, 10.0, 0, 0])
        for _ in range(200):
            method.loss(batch_of([0], np.array([1])))
    assert taken.corrected_labels()[0].argmax() == 0
    # Where the gradient is 0, d is (p + K α e) / (1 + K α), with K α = 1.6.
    rest = (softmax(logits)[0] + 1.6 * np.eye(4)[1]) / 2.6
    np.testing.assert_allclose(held.corrected_labels()[0], rest, atol=2e-3)


def test_three_stages_one_network_labels_learned_in_the_second_alone():
    run = small_run("pencil", epochs=2)
    kept, seen = [], {}
    for record in run:
        if record.stage != "backbone":
            kept.append((record.stage, run.method.label_logits.clone()))
        seen[record.stage] = weights(run)["net.head.weight"].clone()
    assert [stage for stage, _ in kept] == ["labels"] * 2 + ["fine-tune"] * 2
    assert not torch.equal(kept[0][1], kept[1][1])
    assert torch.equal(kept[1][1], kept[2][1]) and torch.equal(kept[2][1], kept[3][1])
    assert len(seen) == 3


@pytest.mark.parametrize("later", ["labels", "fine-tune"])
def test_a_stage_begins_where_the_one_before_ended(later):
    run = small_run("pencil", epochs=2, stages={later: {"lr": 1e-30}})
    ends = {}
    for record in run:
        ends[record.stage] = weights(run)["net.head.weight"].clone()
    before = {"labels": "backbone", "fine-tune": "labels"}[later]
    assert torch.equal(ends[later], ends[before])


def test_it_recovers_labels_that_noise_took():
    given = {"noise": "symmetric:0.3", "epochs": 20, "dataset": random_dataset(200)}
    run = finish(small_run("pencil", **given))
    right = (run.data.train.labels == run.data.train.clean).double().mean().item()
    assert run.history[-1].diagnostics["recovered"] > right + 0.05


def test_on_cifar_each_stage_is_trained_as_in_the_authors_script():
    config = configure("pencil", "cifar10", "symmetric-inclusive:0.5", profile="paper")
    stages = {name: (train.epochs, train.lr) for name, train in config.stages.items()}
    assert stages == {"backbone": (70, 0.06), "labels": (130, 0.06), "fine-tune": (120, 0.2)}
    short = configure("pencil", "cifar10", "none", profile="paper", epochs=3)
    assert {train.epochs for train in short.stages.values()} == {3}
