"""Jindal et al.'s random matrices: eq. 1, and ImageNet's ten other classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, kstest

from lnl_core.data import make_noisy
from lnl_core.noise import Noise, parse_noise
from lnl_core.noise.random_matrices import random_k_matrix, simplex_matrix
from lnl_core.transition import check_matrix

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@few
@given(seed=seeds, size=st.integers(2, 30), rate=st.floats(0, 1))
def test_phi_is_one_minus_p_of_the_identity_and_p_of_delta(seed, size, rate):
    t = Noise("uniform-simplex", rate).transition_matrix(size, seed=seed)
    check_matrix(t)
    np.testing.assert_allclose(t.diagonal(), np.full(size, 1 - rate), atol=1e-12)
    np.testing.assert_allclose(t.sum(1), np.ones(size), atol=1e-12)  # rows: ours is [clean, noisy]
    delta = simplex_matrix(size, seed)
    np.testing.assert_allclose(t, (1 - rate) * np.eye(size) + rate * delta, atol=1e-12)
    assert not delta.diagonal().any() and (delta[~np.eye(size, dtype=bool)] > 0).all()


def test_a_row_is_uniform_on_the_simplex():
    """Each entry of a uniform point of the (K-2)-simplex is Beta(1, K-2): Kolmogorov-Smirnov."""
    first = [simplex_matrix(5, seed)[0, 1:] for seed in range(2000)]
    for entries in np.array(first).T:
        assert kstest(entries, beta(1, 3).cdf).pvalue > 1e-4
    # Independent rows, and no row alike.
    pairs = np.array([simplex_matrix(5, seed)[[0, 1], [2, 2]] for seed in range(2000)])
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.1


@few
@given(seed=seeds, size=st.integers(2, 40))
def test_random_k_names_ten_other_classes_or_all_of_them(seed, size):
    matrix = random_k_matrix(size, seed)
    assert ((matrix > 0).sum(1) == min(10, size - 1)).all()
    assert not matrix.diagonal().any()
    np.testing.assert_allclose(matrix.sum(1), np.ones(size), atol=1e-12)


def test_the_ten_classes_are_any_ten():
    chosen = (np.stack([random_k_matrix(41, seed) for seed in range(200)]) > 0).mean(0)
    others = chosen[~np.eye(41, dtype=bool)]
    assert others.mean() == pytest.approx(0.25)
    # Binomial(200, 1/4): five standard deviations of a share are 0.15.
    assert others.min() > 0.09 and others.max() < 0.41


@pytest.mark.parametrize("name", ["uniform-simplex", "random-k"])
def test_delta_comes_from_the_noise_seed_and_is_the_same_at_every_rate(name):
    one, same, other = (
        Noise(name, rate).transition_matrix(12, seed=seed)
        for rate, seed in ((0.5, 1), (0.2, 1), (0.5, 2))
    )
    np.testing.assert_allclose((one - 0.5 * np.eye(12)) / 0.5, (same - 0.8 * np.eye(12)) / 0.2)
    assert not np.allclose(one, other)


def test_a_run_knows_the_matrix_that_made_its_labels():
    from training_helpers import random_dataset

    dataset = random_dataset(4000)
    for seed in (0, 1):
        data = make_noisy(dataset, parse_noise("uniform-simplex:0.6"), noise_seed=seed)
        t = Noise("uniform-simplex", 0.6).transition_matrix(4, seed=seed)
        np.testing.assert_allclose(data.transition_matrix, t, atol=1e-6)
        np.testing.assert_allclose(data.noise.realised_matrix, t, atol=0.08)  # 900 a class
        assert data.noise.expected_rate == pytest.approx(0.6)


def test_a_draw_of_many_labels_leaves_none_out():
    """Labels are drawn in blocks of 50,000: each block follows T."""
    labels = np.arange(120_000) % 7
    noise = Noise("uniform-simplex", 0.5)
    noisy = noise.corrupt(labels, 7, seed=4)
    t = noise.transition_matrix(7, seed=4)
    for part in (slice(0, 50_000), slice(50_000, 100_000), slice(100_000, None)):
        kept = (noisy == labels)[part].mean()
        assert kept == pytest.approx(0.5, abs=0.02)
    realised = np.zeros((7, 7))
    np.add.at(realised, (labels, noisy), 7 / 120_000)
    np.testing.assert_allclose(realised, t, atol=0.02)
