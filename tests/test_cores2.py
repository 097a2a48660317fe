"""CORES²: loss and sieve against float64 formulas, the epochs of both, what passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import Says, finish, random_dataset, small_run, softmax

from lnl_core import TrainConfig, TrainingSet
from lnl_core.data import Batch
from lnl_core.methods.robust.cores2 import CORES2


def made(logits: np.ndarray, epochs: int = 100, **options) -> tuple[CORES2, TrainingSet]:
    run = small_run(dataset=random_dataset(20), noise="symmetric:0.4")
    data = TrainingSet(run.data, TrainConfig(epochs=epochs, batch_size=4))
    return CORES2(Says(logits), data, **options), data


def batch_of(index: list[int], labels: np.ndarray) -> Batch:
    return Batch((torch.zeros(len(index), 1),), torch.tensor(labels), torch.tensor(index))


@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("epoch", [5, 25, 35, 90])
def test_the_loss_is_the_formula(epoch, rescale):
    rng = np.random.default_rng(1)
    logits, labels = 4 * rng.normal(size=(6, 4)), rng.integers(4, size=6)
    method, data = made(logits, rescale=rescale, prior="all")
    method.begin_epoch(epoch, data)
    found = method.loss(batch_of(list(range(6)), labels)).mean()
    p = softmax(logits)
    prior = np.bincount(data.labels, minlength=4) / len(data)
    every = -np.log(p)
    own = every[range(6), labels]
    beta = {5: 0.0, 25: 2 * 14 / 30, 35: 2 * 24 / 30, 90: 2.0}[epoch]
    values = own - beta * -(prior * np.log(p + 1e-8)).sum(-1)
    passed = np.ones(6, bool) if epoch <= 30 else own <= every.mean(-1)
    assert 0 < passed.sum() < 6 or epoch <= 30
    expected = values[passed].mean() / (1 + beta if rescale else 1)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(method.clean_probability()[:6], every.mean(-1) - own, rtol=1e-5)


def test_the_gradient_is_that_of_what_passed_and_nothing_of_the_rest():
    logits = np.array([[3.0, 0, 0, 0], [3.0, 0, 0, 0]])
    method, data = made(logits)
    method.begin_epoch(90, data)
    method.loss(batch_of([0, 1], np.array([0, 1]))).mean().backward()
    gradient = method.net.logits.grad
    assert (gradient[1] == 0).all() and gradient[0].abs().sum() > 0
    held = torch.tensor(logits[:1], dtype=torch.float64, requires_grad=True)
    log_p = held.log_softmax(-1)
    mean = (method.prior.double() * (log_p.exp() + 1e-8).log()).sum()
    ((-log_p[0, 0] + 2 * mean) / 3).backward()
    torch.testing.assert_close(gradient[0].double(), held.grad[0], rtol=1e-4, atol=1e-6)


def test_a_batch_of_which_nothing_passes_teaches_nothing():
    method, data = made(np.array([[3.0, 0, 0, 0], [0, 5.0, 0, 0]]))
    method.begin_epoch(90, data)
    loss = method.loss(batch_of([0, 1], np.array([1, 2])))
    loss.mean().backward()
    assert (loss == 0).all() and (method.net.logits.grad == 0).all()


@pytest.mark.parametrize(("epochs", "first"), [(100, 31), (10, 4), (3, 2), (1, None)])
def test_the_sieve_begins_at_the_same_share_of_any_run(epochs, first):
    method, data = made(np.zeros((1, 4)), epochs)
    begun = []
    for epoch in range(1, epochs + 1):
        method.begin_epoch(epoch, data)
        begun += [epoch] if method.sieving else []
    assert begun == ([] if first is None else list(range(first, epochs + 1)))


def test_the_prior_is_of_the_labels_that_passed_or_of_all():
    for over in ("kept", "all"):
        method, data = made(np.zeros((1, 4)), prior=over)
        frequencies = torch.bincount(data.labels, minlength=4) / len(data)
        common = frequencies.argmax()
        method.margins.copy_(torch.where(data.labels == common, -1.0, 1.0))
        for epoch in (1, 30, 31):
            method.begin_epoch(epoch, data)
            assert torch.allclose(method.prior, frequencies)
        method.begin_epoch(32, data)
        assert (method.prior[common] == 0) == (over == "kept")
        assert method.prior.sum().item() == pytest.approx(1)
        method.margins.fill_(-1.0)  # nothing passed: of all
        method.begin_epoch(33, data)
        assert torch.allclose(method.prior, frequencies)


def test_the_sieve_tells_right_labels_from_wrong_ones():
    given = {"noise": "symmetric:0.4", "epochs": 20, "dataset": random_dataset(200)}
    run = finish(small_run("cores2", **given))
    assert run.history[-1].diagnostics["selection_auc"] > 0.9
    train = run.data.train
    passed, right = run.method.clean_probability() >= 0, train.labels == train.clean
    assert right[passed].double().mean() > right.double().mean() + 0.1


def test_without_regulariser_and_sieve_it_is_cross_entropy_weight_for_weight():
    plain = finish(small_run("cross-entropy"))
    without = finish(small_run("cores2", options={"beta": 0.0, "sieve_from": 3}))
    for key, value in plain.method.net.state_dict().items():
        assert torch.allclose(value, without.method.net.state_dict()[key], atol=1e-6), key
