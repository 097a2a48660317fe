"""The mixture of two beta distributions against a formula in float64 and known parameters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lnl_core.methods.semi_supervised.two_betas import EDGE, fit, upper_component


def drawn(seed: int, count: int = 400, share: float = 0.6) -> np.ndarray:
    """`share` of the values from Beta(2, 8), the rest from Beta(6, 2)."""
    rng = np.random.default_rng(seed)
    low = int(share * count)
    values = np.concatenate([rng.beta(2, 8, low), rng.beta(6, 2, count - low)])
    return np.clip(values, EDGE, 1 - EDGE)


def expected(x: np.ndarray, iterations: int):
    """Expectation-maximisation with scipy's densities, one component and sample at a time."""
    parameters = [(1.0, 2.0, 0.5), (2.0, 1.0, 0.5)]
    for _ in range(iterations):
        joint = np.array([w * stats.beta.pdf(x, a, b) for a, b, w in parameters])
        share = joint / joint.sum(0)
        parameters = []
        for r in share:
            mean = np.average(x, weights=r)
            variance = np.average((x - mean) ** 2, weights=r)
            a = mean * (mean * (1 - mean) / variance - 1)
            parameters.append((a, a * (1 - mean) / mean, r.mean()))
    return parameters


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.2, 0.8))
def test_ten_iterations_are_those_of_the_formulas(seed, share):
    x = drawn(seed, share=share)
    found = fit(torch.tensor(x), 10)
    np.testing.assert_allclose(torch.stack(found, 1), expected(x, 10), rtol=1e-7)


def test_known_parameters_are_found_again():
    alpha, beta, weight = fit(torch.tensor(drawn(0, 20000)), 100)
    np.testing.assert_allclose(alpha, [2, 6], rtol=0.1)
    np.testing.assert_allclose(beta, [8, 2], rtol=0.1)
    np.testing.assert_allclose(weight, [0.6, 0.4], atol=0.02)


def test_the_posterior_is_bayes_rule_on_the_scaled_losses():
    losses = 5 * drawn(1) ** 2
    low = np.quantile(losses, 0.05, method="lower")
    high = np.quantile(losses, 0.95, method="higher")
    scaled = np.clip((losses - low) / (high - low), EDGE, 1 - EDGE)
    parameters = expected(scaled[(losses >= low) & (losses <= high)], 10)
    assert parameters[0][0] / sum(parameters[0][:2]) < parameters[1][0] / sum(parameters[1][:2])

    def posterior(x):
        joint = [w * stats.beta.pdf(x, a, b) for a, b, w in parameters]
        return joint[1] / sum(joint)

    mean = parameters[1][0] / sum(parameters[1][:2])
    rows = posterior(scaled)
    rows[scaled > mean] = np.maximum(rows[scaled > mean], posterior(mean))
    np.testing.assert_allclose(upper_component(torch.tensor(losses)), rows, atol=1e-6)


def test_large_losses_are_of_the_upper_component_and_order_does_not_matter():
    x = torch.tensor(drawn(2))
    found = upper_component(x)
    assert found[:240].mean() < 0.2 and found[240:].mean() > 0.8
    assert found[x.argmax()] > 0.9 and found[x.argmin()] < 0.1
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(upper_component(x[order]), found[order])


def test_far_out_a_wider_lower_component_does_not_win():
    """Few losses close together above many that are anywhere."""
    rng = np.random.default_rng(0)
    x = torch.tensor(np.concatenate([rng.uniform(0, 1, 900), rng.normal(0.8, 0.01, 600)]))
    found = upper_component(x)
    assert found[x > 0.97].min() > 0.8


@pytest.mark.parametrize("values", [[], [0.3], [0.2] * 7, [0.0] * 40 + [9.0]])
def test_where_nothing_differs_nothing_is_of_the_upper_component(values):
    assert upper_component(torch.tensor(values)).tolist() == [0.0] * len(values)


@pytest.mark.parametrize(
    "values", [[0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1e-9, 3.0], [1.0] * 9 + [2.0] * 9, [0.0, 1e30]]
)
def test_few_values_give_probabilities(values):
    found = upper_component(torch.tensor(values))
    assert found.isfinite().all() and (found >= 0).all() and (found <= 1).all()
    assert found[0] < 0.5 < found[-1]
