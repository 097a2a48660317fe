"""L_c, L_p and L_e of Tanaka et al. 2018 against float64 formulas, and what holds of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax
from scipy.stats import entropy as scipy_entropy

from lnl_core import losses
from lnl_core.losses.soft import entropy, kl_divergence, prior_divergence

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**31)


def logits_and_labels(seed: int, batch: int = 6, classes: int = 5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(batch, classes)) * rng.uniform(0.1, 8)
    return torch.tensor(logits), torch.tensor(rng.dirichlet(np.ones(classes), batch))


@few
@given(seeds)
def test_kl_is_scipys(seed):
    logits, labels = logits_and_labels(seed)
    expected = rel_entr(labels.numpy(), softmax(logits.numpy(), -1)).sum(-1)
    np.testing.assert_allclose(kl_divergence(logits, labels), expected, rtol=1e-9, atol=1e-12)


@few
@given(seeds)
def test_entropy_is_scipys(seed):
    logits, _ = logits_and_labels(seed)
    expected = scipy_entropy(softmax(logits.numpy(), -1), axis=-1)
    np.testing.assert_allclose(entropy(logits), expected, rtol=1e-9, atol=1e-12)


@few
@given(seeds)
def test_prior_divergence_is_that_of_the_batchs_mean_prediction(seed):
    logits, labels = logits_and_labels(seed)
    prior = labels[0]
    expected = rel_entr(prior.numpy(), softmax(logits.numpy(), -1).mean(0)).sum()
    assert float(prior_divergence(logits, prior)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_kl_is_zero_at_the_prediction_and_cross_entropy_at_a_one_hot_label():
    logits, _ = logits_and_labels(3)
    assert kl_divergence(logits, logits.softmax(-1)).abs().max() < 1e-12
    classes = torch.arange(6) % 5
    one_hot = torch.eye(5, dtype=torch.float64)[classes]
    torch.testing.assert_close(
        kl_divergence(logits, one_hot), losses.cross_entropy(logits, classes)
    )


def test_the_prior_is_met_by_the_mean_and_not_by_each_sample():
    sure = 60 * torch.eye(4, dtype=torch.float64)  # each class once, with certainty
    uniform = torch.full((4,), 0.25, dtype=torch.float64)
    assert prior_divergence(sure, uniform).abs() < 1e-12
    collapsed = sure[:1].expand(4, -1)
    assert prior_divergence(collapsed, uniform) > 40


def test_a_class_of_no_prior_adds_nothing_and_a_stack_is_its_members():
    logits = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    prior = torch.tensor([0.5, 0.5, 0.0, 0.0])
    stacked = prior_divergence(logits, prior)
    assert stacked.shape == (3,) and stacked.isfinite().all()
    torch.testing.assert_close(stacked[1], prior_divergence(logits[1], prior))


def test_extreme_logits_give_large_losses_and_finite_gradients():
    logits = torch.tensor([[2000.0, -2000.0, 0.0]], requires_grad=True)
    label = torch.tensor([[0.0, 1.0, 0.0]])
    total = (
        kl_divergence(logits, label).sum()
        + entropy(logits).sum()
        + prior_divergence(logits, torch.full((3,), 1 / 3))
    )
    assert total > 1000 and total.isfinite()
    total.backward()
    assert logits.grad.isfinite().all()
