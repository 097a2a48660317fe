"""CAL: the covariance term, what it leaves of the loss, the distilled labels, and both stages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import roc_auc_score
from torch import nn
from training_helpers import finish, random_dataset, small_run

from lnl_core import TrainingSet
from lnl_core.methods.robust.cal import CovarianceAdjusted, counted, distil
from lnl_core.optim import make_optimizer


def begun(distilled: torch.Tensor | None = None, epoch: int = 3, **options):
    """The second stage at the beginning of that epoch, its distilled labels a permutation of the
    noisy ones or what is given, without dropout so that a formula can follow it."""
    run = small_run()
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    data = TrainingSet(run.data, run.config.train)
    if distilled is None:
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
        distilled = data.labels[order]
    margin = torch.arange(len(data)).float()
    method = run.build(CovarianceAdjusted, distilled=distilled, margin=margin, **options)
    method.begin_epoch(epoch, data)
    return method, data


def losses_of(method, x, floor: float) -> np.ndarray:
    return -np.log(softmax(method.net(x).detach().double().numpy(), -1) + floor)


def whole(method, data):
    return data.take(torch.arange(len(data)))


def test_the_mean_of_the_term_is_the_covariance_of_each_class():
    method, data = begun()
    batch = whole(method, data)
    found = method.covariance(method.net(batch.x), batch).mean().item()
    table, labels, classes = losses_of(method, batch.x, 1e-5), data.labels, method.distilled
    expected = 0.0
    for i in range(4):
        inside = (classes == i).numpy()
        for j in range(4):
            noise = (labels[inside] == j).double().numpy()
            covariance = np.mean(
                (noise - noise.mean()) * (table[inside, j] - table[inside, j].mean())
            )
            expected += inside.mean() * covariance
    assert found == pytest.approx(expected, rel=1e-4)
    assert abs(expected) > 1e-3


@pytest.mark.parametrize("epoch", [1, 3])
def test_the_loss_is_the_formula(epoch):
    floor, alpha = 1e-3, 0.7
    method, data = begun(epoch=epoch, alpha=alpha, floor=floor)
    batch = next(iter(method.batches(data)))
    table = losses_of(method, batch.x, floor)
    prior = np.bincount(data.labels, minlength=4) / len(data)
    weight = {1: 0.0, 3: alpha}[epoch]  # of three epochs the ramp is over before the third
    for row, index in enumerate(batch.index):
        t = np.bincount(data.labels[method.distilled == method.distilled[index]], minlength=4)
        t = t / t.sum()
        given = np.eye(4)[batch.labels[row]]
        expected = table[row] @ given - weight * table[row] @ prior - (given - t) @ table[row]
        assert method.loss(batch)[row].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_with_the_labels_for_distilled_ones_it_is_peer_loss():
    run = small_run()
    labels = TrainingSet(run.data, run.config.train).labels
    method, data = begun(labels)
    assert torch.equal(method.transition_matrix, torch.eye(4))
    batch = whole(method, data)
    assert (method.covariance(method.net(batch.x), batch) == 0).all()


def test_frequencies_are_counted_and_a_class_that_vanishes_is_itself():
    labels = nn.functional.one_hot(torch.tensor([0, 1, 1, 2, 3, 0]), 4).double()
    found = counted(torch.tensor([0, 0, 0, 1, 1, 0]), labels)
    expected = [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert found.tolist() == expected


def test_labels_that_the_network_is_sure_of_are_kept_and_others_replaced():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 4, generator=draw, dtype=torch.float64) * 12
    labels = torch.randint(4, (50,), generator=draw)
    found, margin = distil(logits, labels, 3.0, 1e-8)
    table = -np.log(softmax(logits.numpy(), -1) + 1e-8)
    difference = table[np.arange(50), labels] - table.mean(-1)
    np.testing.assert_allclose(margin, -difference, atol=1e-8)
    expected = np.where(difference < -3, labels, logits.argmax(-1))
    assert found.tolist() == expected.tolist()
    kept_against = (expected == labels.numpy()) & (logits.argmax(-1) != labels).numpy()
    assert kept_against.any()  # not merely the prediction


def test_it_distils_better_labels_and_then_trains_anew():
    run = finish(small_run("cal", epochs=12, dataset=random_dataset(400)))
    assert [record.stage for record in run.history] == ["sieve"] * 12 + ["correct"] * 12
    clean, labels = run.data.train.clean, run.data.train.labels
    assert (run.method.corrected_labels() == clean).double().mean() > 0.9
    assert roc_auc_score(clean == labels, run.method.clean_probability()) > 0.95
    found = run.estimates["transition_matrix"]
    realised = counted(clean, nn.functional.one_hot(labels, 4).double())
    np.testing.assert_allclose(found, realised, atol=0.08)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_the_first_stage_sieves_nothing_and_knows_all_labels_frequencies():
    run, floor = small_run("cal", options={"beta": 1.5, "floor": 1e-3}), 1e-3
    for record in run:
        if record.stage == "sieve":
            first = run.method
            assert not first.sieving
    data = TrainingSet(run.data, run.config.train)
    batch = data.take(torch.arange(len(data)))
    p = softmax(first.eval().net(batch.x).detach().double().numpy(), -1)
    own = -np.log(p[np.arange(len(data)), batch.labels])
    assert (own > -np.log(p).mean(-1)).any()  # what a sieve would leave out
    prior = np.bincount(data.labels, minlength=4) / len(data)
    expected = own + 1.5 * (prior * np.log(p + floor)).sum(-1)
    np.testing.assert_allclose(first.loss(batch).detach(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e4])
@pytest.mark.parametrize("distilled", [None, torch.zeros(48, dtype=torch.int64)])
def test_equal_or_certain_predictions_one_class_and_a_batch_of_one_are_finite(scale, distilled):
    method, data = begun(distilled)
    method.net.head.weight.data.mul_(scale), nn.init.zeros_(method.net.head.bias)
    optimizer = make_optimizer(method.parameter_groups(), small_run().config.train)
    for batch in [*method.batches(data), data.take(torch.tensor([3]))]:
        assert method.step(batch, optimizer).isfinite()
