"""MentorNet's predefined curriculum: the weight as a minimum, the moving quantile, the phases of a
run, the dropout."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.metrics import roc_auc_score
from torch import nn
from training_helpers import finish, random_dataset, small_run

from lnl_core import TrainingSet
from lnl_core.losses.curriculum import curriculum_weight, random_subset
from lnl_core.methods.selection.mentornet import MentorNet
from lnl_core.optim import make_optimizer

WHOLE = {"early_dropout": 0.0, "dropout": 0.0}  # no sample left out
LINEAR = {"burn_in": 0.0, "graded_from": 0.0}  # one rule for the whole run


def begun(epoch: int = 1, epochs: int = 3, **options) -> tuple[MentorNet, TrainingSet]:
    """The method at the beginning of that epoch, without dropout so that a formula can follow."""
    run = small_run(epochs=epochs)
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    method = run.build(MentorNet, **options)
    data = TrainingSet(run.data, run.config.train)
    method.begin_epoch(epoch, data)
    return method, data


def cross_entropy(method: MentorNet, batch) -> np.ndarray:
    logits = method.net(batch.x).detach().double().numpy()
    return -log_softmax(logits, -1)[np.arange(len(logits)), batch.labels]


@given(st.floats(0, 8), st.floats(0, 4), st.floats(0.1, 3))
def test_the_weight_is_the_least_of_the_curriculums_objective(loss, threshold, spread):
    v = np.linspace(0, 1, 10001)
    objective = v * loss + spread * v**2 / 2 - (threshold + spread) * v
    found = curriculum_weight(torch.tensor(loss, dtype=torch.float64), threshold, spread)
    assert found.item() == pytest.approx(v[objective.argmin()], abs=1e-4)


def test_with_a_spread_of_zero_it_is_self_paced():
    found = curriculum_weight(torch.tensor([0.1, 0.5, 0.6]), 0.5, 0.0)
    assert found.tolist() == [1, 1, 0]


def test_the_subset_is_random_and_its_size_is_not():
    torch.manual_seed(0)
    drawn = torch.stack([random_subset(torch.zeros(10), 0.7) for _ in range(2000)])
    assert (drawn.sum(1) == 3).all()
    assert (drawn.mean(0) - 0.3).abs().max() < 0.05
    assert random_subset(torch.zeros(10), 0.0).sum() == 10
    assert random_subset(torch.zeros(1), 0.9).sum() == 1  # never none
    assert random_subset(torch.zeros(16), 0.05).sum() == 15


def test_three_batches_are_the_formulas():
    method, data = begun(percentile=0.6, spread=0.3, decay=0.8, **WHOLE, **LINEAR)
    threshold = None
    for batch in method.batches(data):
        values = cross_entropy(method, batch)
        quantile = np.quantile(values, 0.6)
        threshold = quantile if threshold is None else 0.8 * threshold + 0.2 * quantile
        v = np.clip(1 - (values - threshold) / 0.3, 0, 1)
        assert v.min() < 1
        loss = method.loss(batch).detach()
        np.testing.assert_allclose(loss, v * values, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(method.clean_probability()[batch.index], v, atol=1e-5)
    assert method.diagnostics()["threshold"] == pytest.approx(threshold, rel=1e-5)


def test_no_gradient_passes_through_the_weight():
    method, data = begun(spread=5.0, percentile=0.0, **WHOLE, **LINEAR)
    batch = next(iter(method.batches(data)))
    method.loss(batch).sum().backward()
    v = method.weights[batch.index][:, None]
    p = method.net(batch.x).softmax(-1).detach()
    expected = (v * (p - nn.functional.one_hot(batch.labels, 4))).sum(0)
    torch.testing.assert_close(method.net.head.bias.grad, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("epochs", "epoch"),
    [(100, 1), (100, 19), (100, 20), (100, 90), (100, 91), (100, 100),
     (37, 8), (37, 9), (37, 34), (37, 35), (1, 1)],
)  # fmt: skip
def test_v_is_one_then_one_or_none_then_graded(epochs, epoch):
    """As the authors count: in whole percents of the run, 18 the last of the first phase and 90 the
    first of the last one."""
    method, data = begun(epoch, epochs, percentile=0.5, **WHOLE)
    batch = next(iter(method.batches(data)))
    values = cross_entropy(method, batch)
    above = values - np.quantile(values, 0.5)
    judged, percent = (above <= 0).astype(float), 100 * (epoch - 1) // epochs
    v = np.ones(16) if percent <= 18 else judged
    if percent >= 90:
        v = judged = np.clip(1 - above, 0, 1)
        assert ((v > 0) & (v < 1)).any()
    np.testing.assert_allclose(method.loss(batch).detach(), v * values, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(method.clean_probability()[batch.index], judged, atol=1e-5)
    assert 0 < judged.sum() < 16


@pytest.mark.parametrize(
    ("epoch", "burning_in", "dropped"), [(1, True, 0.5), (20, True, 0.05), (21, False, 0.05)]
)
def test_burn_in_and_dropout_go_by_the_share_of_the_epochs(epoch, burning_in, dropped):
    given = {"burn_in": 0.2, "graded_from": 0.0, "spread": 0.01, "percentile": 0.5}
    method, data = begun(epoch, epochs=100, **given)
    assert (method.burning_in, method.dropped) == (burning_in, dropped)
    batch = next(iter(method.batches(data)))
    loss = method.loss(batch).detach().numpy()
    v = np.ones(16) if burning_in else method.weights[batch.index].numpy()
    counted = np.isclose(loss, v * cross_entropy(method, batch), rtol=1e-4)
    assert (counted | (loss == 0)).all()
    assert counted[v > 0].sum() <= int(16 * (1 - dropped) + 1e-6)
    assert (counted & (v > 0)).sum() >= int(16 * (1 - dropped)) - (v == 0).sum()
    assert method.clean_probability()[batch.index].min() < 0.01  # judged all the same


def test_half_the_batch_is_left_out_in_the_first_sixth_alone():
    assert [begun(epoch, epochs=100)[0].dropped for epoch in (1, 17, 18, 100)] == [
        0.5, 0.5, 0.05, 0.05,
    ]  # fmt: skip


def test_wrong_labels_count_less():
    given = {"epochs": 15, "dataset": random_dataset(400)}
    run = finish(small_run("mentornet", options={"percentile": 0.6}, **given))
    right = run.data.train.clean == run.data.train.labels
    assert roc_auc_score(right, run.method.clean_probability()) > 0.85
    assert 0 < run.history[-1].diagnostics["weight"] < 1


def test_where_nothing_is_selected_nothing_changes():
    method, data = begun(spread=0.0, percentile=0.0, decay=0.999999, **LINEAR)
    batch = next(iter(method.batches(data)))
    method.threshold.fill_(-1.0), method.begun.fill_(True)
    before = [value.clone() for value in method.parameters()]
    optimizer = make_optimizer(method.parameter_groups(), small_run().config.train)
    assert method.step(batch, optimizer) == 0
    assert all(
        torch.equal(one, other) for one, other in zip(before, method.parameters(), strict=True)
    )


def test_equal_losses_count_alike_and_a_batch_of_one_is_trained_on():
    method, data = begun(**WHOLE, **LINEAR)
    nn.init.zeros_(method.net.head.weight), nn.init.zeros_(method.net.head.bias)
    loss = method.loss(next(iter(method.batches(data))))
    assert torch.allclose(loss, torch.tensor(4.0).log())
    optimizer = make_optimizer(method.parameter_groups(), small_run().config.train)
    assert method.step(data.take(torch.tensor([3])), optimizer).isfinite()
