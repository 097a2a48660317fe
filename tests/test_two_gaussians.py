"""The mixture of two normal distributions against scikit-learn's, and where there are no two."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture

from lnl_core.methods.semi_supervised.two_gaussians import lower_component


def losses(seed: int, low: int = 60, high: int = 40) -> np.ndarray:
    """Two overlapping groups, scaled to [0, 1]."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(0.2, 0.1, low), rng.normal(0.7, 0.15, high)])
    return (values - values.min()) / np.ptp(values)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(5, 90))
def test_it_is_scikit_learns_from_the_same_beginning(seed, low):
    x = losses(seed, low, 100 - low)[:, None]
    ordered = np.sort(x, 0)  # scikit-learn's k-means stops short of the best cut now and then
    cuts = [(ordered[:k], ordered[k:]) for k in range(1, len(x))]
    members = min(cuts, key=lambda parts: sum(len(part) * part.var() for part in parts))
    theirs = GaussianMixture(
        2,
        max_iter=10,
        tol=1e-2,
        reg_covar=5e-4,
        weights_init=[len(part) / len(x) for part in members],
        means_init=[part.mean(0) for part in members],
        precisions_init=[[[1 / (part.var() + 5e-4)]] for part in members],
    )
    expected = theirs.fit(x).predict_proba(x)[:, theirs.means_.argmin()]
    np.testing.assert_allclose(lower_component(torch.tensor(x[:, 0])), expected, atol=1e-5)


def test_groups_far_apart_are_told_apart_whatever_their_order():
    x = torch.tensor([0.9, 0.0, 1.0, 0.05, 0.95, 0.02])
    assert lower_component(x).round().tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("values", [[], [0.3], [0.0, 0.0, 0.0]])
def test_where_nothing_differs_everything_is_of_the_lower_one(values):
    assert lower_component(torch.tensor(values)).tolist() == [1.0] * len(values)


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1e-12, 1.0]])
def test_few_values_give_probabilities(values):
    found = lower_component(torch.tensor(values))
    assert found.isfinite().all() and found[0] > 0.99 and found[-1] < 0.01


def test_the_same_values_give_the_same_bits():
    x = torch.tensor(losses(3))
    state = torch.get_rng_state()
    assert torch.equal(lower_component(x), lower_component(x))
    assert torch.equal(torch.get_rng_state(), state)  # nothing is drawn
