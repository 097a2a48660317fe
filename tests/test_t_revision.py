"""T-Revision: the importance weight, what its gradient reaches, the slack, and the three stages."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from training_helpers import finish, random_dataset, small_run, weights

from lnl_core import TrainingSet, configure
from lnl_core.data import Batch
from lnl_core.losses.reweighting import importance
from lnl_core.methods.transition.t_revision import Revise, Reweight

T = np.array([[0.6, 0.4, 0, 0], [0.1, 0.9, 0, 0], [0, 0.2, 0.5, 0.3], [0.1, 0.1, 0.1, 0.7]])
LABELS = np.array([0, 1, 2, 3, 0, 3])


class Given(nn.Module):
    """A net whose logits are its parameters."""

    def __init__(self) -> None:
        super().__init__()
        drawn = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))
        self.table = nn.Parameter(2 * drawn)

    def forward(self, x):
        return self.table


def made(cls, **options):
    run = small_run()
    return cls(Given(), TrainingSet(run.data, run.config.train), transition_matrix=T, **options)


def batch() -> Batch:
    labels = torch.from_numpy(LABELS)
    return Batch((torch.zeros(6, 1),), labels, torch.arange(6))


def weighted(table: np.ndarray, matrices) -> tuple[np.ndarray, np.ndarray]:
    """β and β ℓ of each sample, in float64 and one by one."""
    beta, value = np.empty(6), np.empty(6)
    for i, (row, label, t) in enumerate(zip(softmax(table, -1), LABELS, matrices, strict=True)):
        beta[i] = row[label] / sum(row[j] * t[j, label] for j in range(4))
        value[i] = -beta[i] * np.log(row[label])
    return beta, value


def table_of(method) -> np.ndarray:
    return method.net.table.detach().double().numpy()


@pytest.mark.parametrize("cls", [Reweight, Revise])
def test_the_loss_is_cross_entropy_times_the_importance(cls):
    method = made(cls)
    beta, value = weighted(table_of(method), [T] * 6)
    np.testing.assert_allclose(method.loss(batch()).detach(), value, rtol=1e-5)
    assert beta.min() < 0.9 and beta.max() > 1.1  # it weighs


def test_under_importance_noisy_labels_have_the_clean_risk():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 4, generator=draw, dtype=torch.float64)
    loss = torch.rand(5, 4, generator=draw, dtype=torch.float64)  # any loss of each label
    clean = logits.softmax(-1)
    noisy = clean @ torch.from_numpy(T)
    each = [importance(logits, torch.full((5,), k), torch.from_numpy(T)) for k in range(4)]
    risk = (noisy * torch.stack(each, -1) * loss).sum(-1)
    torch.testing.assert_close(risk, (clean * loss).sum(-1))


def test_the_weight_is_held_when_reweighting():
    method = made(Reweight)
    method.loss(batch()).sum().backward()
    beta, _ = weighted(table_of(method), [T] * 6)
    slope = softmax(table_of(method), -1) - np.eye(4)[LABELS]
    np.testing.assert_allclose(method.net.table.grad, beta[:, None] * slope, atol=1e-5)


@pytest.mark.parametrize("cumulative", [False, True])
def test_revision_has_the_gradient_of_the_whole_product(cumulative):
    method = made(Revise, cumulative=cumulative)
    slack = np.random.default_rng(0).uniform(0, 0.02, (4, 4))
    method.slack.data = torch.from_numpy(slack).float()
    method.loss(batch()).sum().backward()

    def total(table, slack):
        # The i-th sample has the slack i times, or once each.
        times = range(1, 7) if cumulative else [1] * 6
        return weighted(table, [T + i * slack for i in times])[1].sum()

    table, h = table_of(method), 1e-6
    for found, position in ((method.slack.grad, 1), (method.net.table.grad, 0)):
        expected = np.empty(found.shape)
        for entry in np.ndindex(*found.shape):
            moved = [[table.copy(), slack.copy()] for _ in range(2)]
            moved[0][position][entry] += h
            moved[1][position][entry] -= h
            expected[entry] = (total(*moved[0]) - total(*moved[1])) / (2 * h)
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4)


def test_the_validation_labels_judge_the_noisy_prediction():
    method = made(Reweight)
    noisy = softmax(table_of(method), -1) @ T
    found = method.criterion(method.net.table.detach(), torch.from_numpy(LABELS))
    np.testing.assert_allclose(found, -np.log(noisy[np.arange(6), LABELS]), rtol=1e-5)


def test_a_matrix_that_leaves_nothing_of_a_label_gives_finite_losses():
    method = made(Revise)
    method.slack.data -= 2.0
    method.net.table.data *= 100
    loss = method.loss(batch())
    loss.sum().backward()
    assert loss.isfinite().all() and method.net.table.grad.isfinite().all()


@pytest.mark.parametrize(("later", "before"), [("reweight", "estimate"), ("revise", "reweight")])
def test_a_stage_begins_at_the_best_epoch_of_the_one_before(later, before):
    run = small_run("t-revision", epochs=3, stages={later: {"lr": 1e-30}})
    ends = []
    for record in run:
        ends.append((record, weights(run)["net.head.weight"].clone()))
    assert [r.stage for r, _ in ends] == ["estimate"] * 3 + ["reweight"] * 3 + ["revise"] * 3
    candidates = [(r.val_loss, w) for r, w in ends if r.stage == before]
    best = min(candidates, key=lambda pair: pair[0])[1]
    assert all(torch.equal(w, best) for r, w in ends if r.stage == later)


def test_the_rate_is_a_share_of_the_last_stages_and_moves_the_slack():
    still, moved = (
        finish(small_run("t-revision", epochs=2, options={"rate": rate})) for rate in (5e-5, 0.5)
    )
    assert moved.history[-1].lr == pytest.approx(0.05)
    assert still.history[-1].diagnostics["slack"] < 1e-4 < moved.history[-1].diagnostics["slack"]
    change = moved.estimates["revised_matrix"] - moved.estimates["transition_matrix"]
    assert np.abs(change).mean() == pytest.approx(moved.history[-1].diagnostics["slack"], rel=1e-3)


def test_it_learns_more_than_cross_entropy_keeps():
    given = {"noise": "symmetric:0.4", "dataset": random_dataset(300), "epochs": 30}
    run = finish(small_run("t-revision", **given))
    plain = finish(small_run("cross-entropy", **given))
    assert run.history[-1].test_accuracy >= plain.history[-1].test_accuracy


def test_on_cifar_each_stage_is_trained_as_in_the_authors_code():
    config = configure("t-revision", "cifar10", "part-dependent:0.2", profile="paper")
    found = {
        name: (train.epochs, train.lr, train.optimizer) for name, train in config.stages.items()
    }
    assert found == {
        "estimate": (20, 0.01, "sgd"),
        "reweight": (200, 0.01, "sgd"),
        "revise": (200, 0.01, "adam"),
    }
    assert "percentile" not in config.options
