"""NT-Xent against its formula in float64, written as a loop, and what holds of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lnl_core.losses.contrastive import nt_xent, unit

few = settings(max_examples=40, deadline=None)


def embeddings(seed: int, batch: int = 5, width: int = 3, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    return (unit(torch.randn(batch, width, generator=draw, dtype=dtype)) for _ in range(2))


def by_the_book(first, second, temperature: float) -> list[float]:
    """SimCLR's eq. 1 for every ordered pair of views, one exponential at a time."""
    views = [*np.asarray(first, dtype=np.float64), *np.asarray(second, dtype=np.float64)]
    n = len(views) // 2

    def pair(i: int, j: int) -> float:
        others = [math.exp(views[i] @ views[k] / temperature) for k in range(2 * n) if k != i]
        return -math.log(math.exp(views[i] @ views[j] / temperature) / sum(others))

    return [(pair(i, i + n) + pair(i + n, i)) / 2 for i in range(n)]


@few
@given(st.integers(0, 2**31), st.integers(1, 7), st.floats(0.05, 2))
def test_it_is_the_formula(seed, batch, temperature):
    first, second = embeddings(seed, batch)
    found = nt_xent(first, second, temperature)
    assert found.shape == (batch,) and found.dtype == torch.float64
    np.testing.assert_allclose(
        found, by_the_book(first, second, temperature), rtol=1e-9, atol=1e-12
    )


def test_a_batch_of_one_costs_nothing_and_moves_nothing():
    first, second = (view.requires_grad_() for view in embeddings(1, batch=1))
    loss = nt_xent(first, second, 0.05)
    assert loss.tolist() == [0.0]
    loss.sum().backward()
    assert first.grad.abs().max() == second.grad.abs().max() == 0


def test_where_all_views_are_alike_it_is_the_logarithm_of_the_candidates():
    alike = torch.ones(4, 2) / math.sqrt(2)
    assert nt_xent(alike, alike, 0.5).tolist() == pytest.approx([math.log(7)] * 4, rel=1e-6)


def test_pairs_that_match_cost_less_than_pairs_that_do_not():
    axes = torch.eye(4)
    assert nt_xent(axes, axes, 0.1).max() < 1e-3
    assert nt_xent(axes, axes.roll(1, 0), 0.1).min() > 5


def test_the_order_of_the_views_and_of_the_samples_does_not_matter():
    first, second = embeddings(3, batch=6)
    value, order = nt_xent(first, second, 0.2), torch.randperm(6)
    torch.testing.assert_close(nt_xent(second, first, 0.2), value)
    torch.testing.assert_close(nt_xent(first[order], second[order], 0.2), value[order])


def test_small_temperatures_and_half_precision_stay_finite():
    first, second = embeddings(5, batch=8, dtype=torch.float32)
    first, second = first.bfloat16().requires_grad_(), second.bfloat16()
    loss = nt_xent(first, second, 1e-3)
    assert loss.dtype == torch.float32 and loss.isfinite().all()
    loss.sum().backward()
    assert first.grad.isfinite().all()


def test_an_embedding_of_no_length_has_a_finite_gradient():
    zero = torch.zeros(2, 3, requires_grad=True)
    nt_xent(unit(zero), unit(torch.ones(2, 3)), 0.5).sum().backward()
    assert zero.grad.isfinite().all()
