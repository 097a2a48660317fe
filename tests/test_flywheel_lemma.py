"""Lemma 1 solved numerically and met by its closed form; and how far it holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from lnl_core.losses import flywheel_lemma as lemma

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**31)
K = 4
EVEN = torch.full((K,), 1 / K, dtype=torch.float64)


def mixture(share: float, manifold: list[float]) -> torch.Tensor:
    """p(ŷ|x) = γ' p_π + (1-γ')/K."""
    return share * torch.tensor(manifold, dtype=torch.float64) + (1 - share) * EVEN


def solved(p: torch.Tensor, prior: torch.Tensor, weight: float, floor: float) -> np.ndarray:
    """min of the lemma's loss on {g ≥ floor, Σg = 1} by SLSQP, from several starts."""
    margin = (p - weight * prior).numpy()
    best = None
    for start in [np.full(K, 1 / K), *(0.7 * np.eye(K) + 0.3 / K)]:
        found = minimize(
            lambda g: -(margin * np.log(g)).sum(),
            start,
            jac=lambda g: -margin / g,
            bounds=[(floor, 1)] * K,
            constraints={"type": "eq", "fun": lambda g: g.sum() - 1, "jac": lambda g: np.ones(K)},
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 500},
        )
        if best is None or found.fun < best.fun:
            best = found
    return best.x


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("manifold", [[1, 0, 0, 0], [0.7, 0.3, 0, 0], [0.5, 0.3, 0.15, 0.05]])
def test_the_lemmas_weight_recovers_the_manifold(share, manifold):
    p = mixture(share, manifold)
    found = lemma.minimiser(p, EVEN, 1 - share)
    np.testing.assert_allclose(found, manifold, atol=1e-12)
    np.testing.assert_allclose(solved(p, EVEN, 1 - share, 1e-9), manifold, atol=1e-3)


@few
@given(seeds, st.floats(0, 1))
def test_while_the_loss_is_bounded_the_closed_form_is_its_minimiser(seed, part):
    rng = np.random.default_rng(seed)
    p, prior = (torch.tensor(rng.dirichlet(2 * np.ones(K))) for _ in range(2))
    weight = part * lemma.largest_weight(p, prior).item()
    found = lemma.minimiser(p, prior, weight)
    assert found.sum().item() == pytest.approx(1)
    assume(part < 0.95)  # nearer to the bound the optimum is at the solver's floor
    np.testing.assert_allclose(solved(p, prior, weight, 1e-9), found, atol=2e-4)


@pytest.mark.parametrize("weight", [0.3, 0.6, 0.9, 1.2])
def test_above_it_the_closed_form_is_what_minimisers_with_a_floor_tend_to(weight):
    p = mixture(0.8, [0.6, 0.3, 0.1, 0.0])
    assert weight > lemma.largest_weight(p, EVEN).item() == pytest.approx(0.2)
    closed = lemma.minimiser(p, EVEN, weight).numpy()
    gaps = [np.abs(solved(p, EVEN, weight, floor) - closed).max() for floor in (1e-2, 1e-4)]
    assert gaps[1] < 1e-3 and gaps[1] < gaps[0]


def test_at_the_experiments_weight_it_is_the_likeliest_class():
    p = mixture(0.5, [0.4, 0.3, 0.2, 0.1])
    closed = lemma.minimiser(p, EVEN, 3.0)  # no class has p > 3/4
    assert closed.tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(solved(p, EVEN, 3.0, 1e-4), closed, atol=1e-3)


@few
@given(seeds, st.floats(1.01, 4))
def test_above_the_largest_weight_the_loss_has_no_bound(seed, times):
    rng = np.random.default_rng(seed)
    p, prior = (torch.tensor(rng.dirichlet(2 * np.ones(K))) for _ in range(2))
    largest = lemma.largest_weight(p, prior).item()
    assume(largest > 0.01)
    weight = times * largest
    depth = torch.tensor([0.0, 50.0, 1e4, 2e4], dtype=torch.float64)
    values = lemma.loss(lemma.runaway(p, prior, weight, depth), p, prior, weight)
    steepest = (p - weight * prior).min().item()
    slope = (values[3] - values[2]).item() / 1e4
    assert steepest < 0 and slope == pytest.approx(steepest, rel=1e-3, abs=1e-6)
    below = lemma.loss(lemma.runaway(p, prior, 0.9 * largest, depth), p, prior, 0.9 * largest)
    assert below[3] > below[2] > below[1]  # bounded: the same way leads up


@few
@given(seeds)
def test_no_weight_above_1_is_bounded_whatever_the_distributions_are(seed):
    rng = np.random.default_rng(seed)
    p, prior = (torch.tensor(rng.dirichlet(np.ones(K))) for _ in range(2))
    assert lemma.largest_weight(p, prior) <= 1
    assert lemma.largest_weight(p, p).item() == pytest.approx(1)


def test_a_class_that_no_label_names_bounds_nothing():
    prior = torch.tensor([0.5, 0.5, 0.0])
    assert lemma.largest_weight(torch.tensor([0.6, 0.4, 0.0]), prior).item() == pytest.approx(0.8)
    assert lemma.minimiser(torch.tensor([0.6, 0.4, 0.0]), prior, 0.8)[2] == 0
