"""ELR: its targets and its loss, step by step in float64; what the second term is for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import Says, finish, random_dataset, small_run, softmax

from lnl_core import TrainConfig, TrainingSet
from lnl_core.data import Batch
from lnl_core.losses.early_learning import clipped_probabilities, early_learning
from lnl_core.methods.robust.elr import ELR


def elr(**options) -> tuple[ELR, Says, TrainingSet]:
    run = small_run(dataset=random_dataset(20))
    data = TrainingSet(run.data, TrainConfig(epochs=3, batch_size=4))
    net = Says(torch.zeros(1, 4))
    return ELR(net, data, **options), net, data


def batch_of(index: list[int], labels: list[int]) -> Batch:
    return Batch((torch.zeros(len(index), 1),), torch.tensor(labels), torch.tensor(index))


def test_three_visits_are_the_formulas():
    beta, weight, clip = 0.6, 2.5, 1e-3
    method, net, _ = elr(beta=beta, weight=weight, clip=clip)
    rng = np.random.default_rng(0)
    target = np.zeros((3, 4))
    index, labels = [5, 2, 9], [1, 3, 0]
    for visit in range(3):
        logits = rng.normal(size=(3, 4)) * (3 if visit < 2 else 12)  # the last one is clipped
        net.logits.data = torch.tensor(logits, dtype=torch.float32)
        loss = method.loss(batch_of(index, labels))
        p = np.clip(softmax(logits), clip, 1 - clip)
        target = beta * target + (1 - beta) * p / p.sum(-1, keepdims=True)
        entropy = -np.log(softmax(logits)[range(3), labels])
        expected = entropy + weight * np.log(1 - (p * target).sum(-1))
        np.testing.assert_allclose(loss.detach(), expected, rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(method.targets[index], target, atol=1e-6)
    others = [i for i in range(len(method.targets)) if i not in index]
    assert (method.targets[others] == 0).all()


def test_the_gradient_is_that_of_the_formula_with_the_target_held():
    """Autograd of a float64 formula, in which t is a number."""
    method, net, _ = elr()
    draw = torch.Generator().manual_seed(0)
    net.logits.data = torch.randn(2, 4, generator=draw)
    batch = batch_of([0, 1], [2, 2])
    method.loss(batch).sum().backward()
    target = method.targets[:2].double()
    logits = net.logits.detach().double().requires_grad_()
    p = logits.softmax(-1)
    entropy = -p[:, 2].log()
    (entropy + 3.0 * (1 - (p * target).sum(-1)).log()).sum().backward()
    torch.testing.assert_close(net.logits.grad.double(), logits.grad, rtol=1e-4, atol=1e-6)


def test_a_prediction_that_was_held_long_is_pulled_less_by_a_label_that_contradicts_it():
    method, net, _ = elr()
    net.logits.data = torch.tensor([[4.0, 0, 0, 0]])
    batch = batch_of([0], [1])
    pulls = []
    for _ in range(30):
        net.logits.grad = None
        method.loss(batch).sum().backward()
        pulls.append(-net.logits.grad[0, 1].item())
    assert pulls[0] > 0  # cross-entropy alone goes to the label
    assert pulls[-1] < pulls[0]
    assert method.targets[0, 0] > 0.9


def test_predictions_that_are_certain_give_finite_losses_and_gradients():
    method, net, _ = elr()
    net.logits.data = torch.tensor([[1e4, 0, 0, 0]])
    for _ in range(50):
        loss = method.loss(batch_of([3], [0]))
        loss.sum().backward()
    assert loss.isfinite().all() and net.logits.grad.isfinite().all()
    assert loss.item() == pytest.approx(3 * np.log(3e-4), rel=0.6)  # bounded by the clip


def test_losses_are_pure_and_reduce_the_last_dimension_alone():
    logits = torch.randn(3, 5, 4, dtype=torch.float64) * 9
    p = clipped_probabilities(logits, 0.01)
    assert p.min() >= 0.01 and p.max() <= 0.99
    target = torch.rand_like(p)
    target = target / target.sum(-1, keepdim=True)
    expected = np.log(1 - (p * target).sum(-1).numpy())
    np.testing.assert_allclose(early_learning(p, target), expected, rtol=1e-12)


def test_corrected_labels_are_distributions_also_of_what_was_never_seen():
    method, _, data = elr()
    assert torch.allclose(method.corrected_labels(), torch.full((len(data), 4), 0.25))
    run = finish(small_run("elr", epochs=2))
    assert torch.allclose(run.method.corrected_labels().sum(-1), torch.ones(len(run.data.train)))
    assert "recovered" in run.history[-1].diagnostics


def test_without_the_term_it_is_cross_entropy_weight_for_weight():
    plain = finish(small_run("cross-entropy"))
    without = finish(small_run("elr", options={"weight": 0.0}))
    for key, value in plain.method.net.state_dict().items():
        assert torch.allclose(value, without.method.net.state_dict()[key], atol=1e-6), key
