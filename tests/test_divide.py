"""The formulas of DivideMix and UNICON against float64 ones, and what holds of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import rankdata

from lnl_core.losses.divide import (
    co_guess,
    co_refine,
    cutoff,
    jensen_shannon,
    min_max,
    ramp_up,
    sharpen,
    squared_error,
    uniform_selection,
)

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**31)


def distributions(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(shape[-1], 0.4), shape[:-1])


@few
@given(seeds, st.floats(0.2, 1))
def test_sharpening_is_a_power_that_sums_to_one(seed, temperature):
    p = distributions(seed, 5, 4)
    powers = p ** (1 / temperature)
    expected = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(sharpen(torch.tensor(p), temperature), expected, atol=1e-12)


def test_sharpening_keeps_zeros_and_never_underflows():
    p = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    torch.testing.assert_close(sharpen(p, 0.5), p)
    many = torch.full((1, 1000), 1e-3)
    torch.testing.assert_close(sharpen(many, 0.01), many, rtol=1e-4, atol=0)


@few
@given(seeds)
def test_co_refinement_is_equations_3_and_4(seed):
    rng = np.random.default_rng(seed)
    prediction, trust = distributions(seed, 6, 4), rng.uniform(size=6)
    labels = np.eye(4)[rng.integers(0, 4, 6)]
    mixed = trust[:, None] * labels + (1 - trust[:, None]) * prediction
    expected = mixed**2 / (mixed**2).sum(-1, keepdims=True)
    found = co_refine(*map(torch.tensor, (labels, prediction, trust)), temperature=0.5)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_label_fully_trusted_stays_and_one_not_trusted_is_forgotten():
    label, prediction = torch.eye(3)[[0, 0]], torch.tensor([[0.2, 0.5, 0.3]] * 2)
    found = co_refine(label, prediction, torch.tensor([1.0, 0.0]), 1.0)
    torch.testing.assert_close(found, torch.stack([label[0], prediction[0]]))


@few
@given(seeds)
def test_co_guessing_sharpens_the_mean_of_all_predictions(seed):
    p = distributions(seed, 4, 6, 3)
    squares = p.mean(0) ** 2
    expected = squares / squares.sum(-1, keepdims=True)
    np.testing.assert_allclose(co_guess(torch.tensor(p), 0.5), expected, atol=1e-12)


@few
@given(seeds)
def test_the_unlabelled_loss_is_the_mean_squared_error_of_probabilities(seed):
    logits, target = np.random.default_rng(seed).normal(size=(5, 4)) * 3, distributions(seed, 5, 4)
    expected = ((softmax(logits, -1) - target) ** 2).sum(-1) / 4
    found = squared_error(torch.tensor(logits), torch.tensor(target))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_ramp_rises_in_a_line_from_the_end_of_the_warm_up():
    assert [ramp_up(since, 16) for since in (-3, 0, 4, 16, 99)] == [0, 0, 0.25, 1, 1]
    assert ramp_up(0, 0) == 1


def test_scaling_to_zero_and_one_a_row_and_nothing_where_all_are_alike():
    values = torch.tensor([[3.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
    assert min_max(values).tolist() == [[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]]


@few
@given(seeds)
def test_the_divergence_is_scipys(seed):
    p, q = distributions(seed, 6, 4), distributions(seed + 1, 6, 4)
    expected = jensenshannon(p, q, axis=-1) ** 2
    np.testing.assert_allclose(
        jensen_shannon(torch.tensor(p), torch.tensor(q)), expected, atol=1e-9
    )


@few
@given(seeds)
def test_of_a_one_hot_label_it_depends_on_the_labels_probability_alone_and_falls(seed):
    p = distributions(seed, 8, 5)
    label = np.arange(8) % 5
    at_label = p[np.arange(8), label]
    expected = (
        math.log(2)
        + (at_label * np.log(np.maximum(at_label, 1e-300)) - (1 + at_label) * np.log1p(at_label))
        / 2
    )
    found = jensen_shannon(torch.tensor(p), torch.eye(5, dtype=torch.float64)[label]).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)
    order = at_label.argsort()
    assert (np.diff(found[order]) <= 1e-12).all()


def test_the_divergence_ends_at_0_and_at_log_2_also_in_single_precision():
    one_hot = torch.eye(3)
    assert jensen_shannon(one_hot, one_hot).tolist() == [0, 0, 0]
    assert jensen_shannon(one_hot, one_hot.roll(1, 0)).max() <= math.log(2)
    close = torch.tensor([[1 / 3] * 3])
    assert (jensen_shannon(close, close + 1e-8) >= 0).all()


def test_the_cutoff_is_the_mean_unless_that_is_above_the_adjustment_threshold():
    d = torch.tensor([0.2, 0.9, 1.0, 1.0])  # mean 0.775
    assert float(cutoff(d, 0.8, 5)) == pytest.approx(0.775)
    assert float(cutoff(d, 0.7, 5)) == pytest.approx(0.775 - (0.775 - 0.2) / 5)


@few
@given(seeds, st.integers(1, 40), st.integers(2, 5))
def test_of_each_class_as_many_of_the_least_divergences(seed, total, classes):
    rng = np.random.default_rng(seed)
    labels, d = rng.integers(0, classes, total), rng.permutation(total) / total
    count = int(rng.integers(0, total + 1))
    chosen = uniform_selection(torch.tensor(d), torch.tensor(labels), count, classes).numpy()
    for k in range(classes):
        inside = labels == k
        expected = rankdata(d[inside]) <= count // classes
        np.testing.assert_array_equal(chosen[inside], expected)


def test_a_class_that_is_too_small_gives_all_and_one_that_vanished_none():
    labels, d = torch.tensor([0, 0, 0, 2]), torch.tensor([0.3, 0.1, 0.2, 0.9])
    assert uniform_selection(d, labels, 6, 3).tolist() == [False, True, True, True]
    assert not uniform_selection(d, labels, 2, 3).any()
    assert uniform_selection(d[:0], labels[:0], 0, 3).tolist() == []
