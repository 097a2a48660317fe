"""Losses of label vectors against float64 formulas written independently."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from training_helpers import finish, small_run

from lnl_core import losses
from lnl_core.losses import multi_label
from lnl_core.methods.latent.icnm import ICNM

LABELS = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]]).double()
LOGITS = torch.tensor(np.random.default_rng(0).normal(0, 2, (4, 4)))
P, Y = LOGITS.sigmoid().numpy(), LABELS.numpy()


def logistic(p: np.ndarray) -> np.ndarray:
    return -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).sum(-1)


def test_labels_are_vectors_whichever_way_they_are_written():
    assert multi_label.label_vectors(LABELS, 4) is LABELS
    found = multi_label.label_vectors(torch.tensor([2, 0]), 3)
    assert found.tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("beta", [0.0, 0.8, 1.0])
def test_each_label_is_bootstrapped_on_its_own(beta):
    t = beta * Y + (1 - beta) * P
    expected = -(t * np.log(P) + (1 - t) * np.log(1 - P)).sum(-1)
    np.testing.assert_allclose(multi_label.bootstrap_soft(LOGITS, LABELS, beta), expected)


def test_of_one_label_bootstrapping_is_two_class_bootstrapping():
    """Logits (0, v) of two classes: the same as one label with logit v."""
    pair = torch.stack([torch.zeros(4).double(), LOGITS[:, 0]], -1)
    expected = losses.bootstrap_soft(pair, LABELS[:, 0].long(), 0.7)
    found = multi_label.bootstrap_soft(LOGITS[:, :1], LABELS[:, :1], 0.7)
    torch.testing.assert_close(found, expected)


def test_a_noisy_or_by_the_formula():
    t = np.random.default_rng(1).dirichlet(np.ones(4), 4)
    written = 1 - np.prod(1 - P[:, :, None] * t[None], axis=1)
    found = multi_label.noisy_or(LOGITS, LABELS, torch.tensor(t))
    np.testing.assert_allclose(found, logistic(written))


def test_without_noise_a_noisy_or_is_the_logistic_loss():
    found = multi_label.noisy_or(LOGITS, LABELS, torch.eye(4).double())
    torch.testing.assert_close(found, losses.binary_cross_entropy(LOGITS, LABELS))


def test_of_one_sure_label_a_noisy_or_is_its_row_of_the_matrix():
    t = torch.tensor(np.random.default_rng(1).dirichlet(np.ones(4), 4))
    sure = torch.full((4,), -60.0).double()
    sure[2] = 60.0
    for j, label in enumerate(torch.eye(4).double()):
        row = t[2]
        expected = -row[j].log() - torch.log1p(-row[torch.arange(4) != j]).sum()
        torch.testing.assert_close(multi_label.noisy_or(sure, label, t), expected)


def test_a_report_by_the_formula():
    there, absent = (
        torch.tensor(np.random.default_rng(seed).normal(0, 2, (4, 4))) for seed in (1, 2)
    )
    h = there.sigmoid().numpy() * P + absent.sigmoid().numpy() * (1 - P)
    found = multi_label.reported(LOGITS, LABELS, there, absent)
    np.testing.assert_allclose(found, logistic(h))


def test_extreme_logits_give_large_losses_and_finite_gradients():
    logits = torch.tensor([[1e3, -1e3, 1e3, -1e3]], requires_grad=True)
    labels, eye = torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.eye(4)
    for loss in (
        multi_label.bootstrap_soft(logits, labels),
        multi_label.noisy_or(logits, labels, eye),
        multi_label.reported(logits, labels, logits, -logits),
    ):
        assert loss.isfinite().all() and loss > 10
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert gradient.isfinite().all()


# --- ICNM ---------------------------------------------------------------------------------------


def test_the_reports_begin_at_the_truth_and_the_labels_frequencies():
    run = small_run("icnm", options={"start": 0.8})
    records = iter(run)
    next(records)
    fresh = ICNM(run.net(), run_data(run), start=0.8)
    frequency = F.one_hot(run.data.train.labels, 4).float().mean(0)
    there, absent = fresh.report(torch.randn(5, 12)).sigmoid().chunk(2, -1)
    torch.testing.assert_close(there, (0.8 + 0.2 * frequency).expand(5, 4))
    torch.testing.assert_close(absent, (0.2 * frequency).expand(5, 4))


def run_data(run):
    from lnl_core import TrainingSet

    return TrainingSet(run.data, run.config.train)


def test_what_is_there_predicts_and_not_what_is_reported():
    run = finish(small_run("icnm"))
    x = torch.randn(3, 1, 8, 8)
    run.method.eval()
    torch.testing.assert_close(run.method.predict(x), run.method.net(x).softmax(-1))
    assert not torch.equal(run.method.report.weight, torch.zeros_like(run.method.report.weight))
