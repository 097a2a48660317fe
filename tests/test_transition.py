"""What counts as a transition matrix, its inverse, its realisation, and its estimate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.transition import check_matrix, estimate, inverse, realised_matrix

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 10**6)

GOOD = [[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.5, 0.5]]


def message(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, np.float32])
def test_valid_matrix_comes_back_as_float64_with_exact_rows(kind):
    t = check_matrix(kind(GOOD))
    assert t.dtype == np.float64
    np.testing.assert_allclose(t, GOOD, rtol=1e-6)
    np.testing.assert_allclose(t.sum(1), 1, rtol=1e-15)


def test_rows_rounded_by_hand_are_normalised_and_the_input_is_not():
    typed = np.array([[0.33333, 0.66666], [0.5, 0.5]])
    kept = typed.copy()
    np.testing.assert_allclose(check_matrix(typed).sum(1), 1, rtol=1e-15)
    assert (typed == kept).all()


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.ones((2, 3)) / 3, ["square", "[2, 3]"]),
        ([0.5, 0.5], ["square", "[2]"]),
        (1.0, ["square", "[]"]),
        (np.zeros((0, 0)), ["square", "[0, 0]"]),
        ([[0.5, 0.5], [1.0]], ["numbers"]),
        ([["a", "b"], ["c", "d"]], ["numbers", "'a'"]),
        ({"rows": 2}, ["numbers"]),
        ([[np.nan, 1], [0, 1]], ["nan", "[0, 1]"]),
        ([[np.inf, 0], [0, 1]], ["inf", "[0, 1]"]),
        ([[1.1, -0.1], [0, 1]], ["1.1", "[0, 1]"]),
        ([[-0.1, 0.5], [0, 1]], ["-0.1", "[0, 1]"]),
        ([[1, 0], [0.5, 0.4]], ["row 1", "0.9", "sum to 1"]),
        ([[0.5, 0.501], [0, 1]], ["row 0", "1.001", "sum to 1"]),
        ([[20, 80], [0, 100]], ["20", "[0, 1]"]),
    ],
)
def test_what_is_no_transition_matrix_is_refused(matrix, words):
    text = message(check_matrix, matrix)
    assert "transition matrix" in text
    for word in words:
        assert word in text


def test_column_stochastic_matrix_is_told_to_transpose():
    text = message(check_matrix, np.transpose(GOOD))
    assert "transpose" in text
    assert "T[clean, noisy]" in text
    assert "transpose" not in message(check_matrix, [[0.5, 0.4], [0.4, 0.5]])


def test_matrix_of_another_size_than_the_classes_is_refused():
    text = message(check_matrix, GOOD, 10)
    assert "3x3" in text
    assert "10 classes" in text
    assert "10x10" in text


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_inverse_undoes_the_matrix(seed, size):
    rng = np.random.default_rng(seed)
    t = 0.3 * np.eye(size) + 0.7 * rng.dirichlet(np.ones(size), size)
    np.testing.assert_allclose(t @ inverse(t), np.eye(size), atol=1e-9)


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.5, 0.5], [0.5, 0.5]],
        np.full((10, 10), 0.1),
        [[0.5 + 1e-10, 0.5 - 1e-10], [0.5, 0.5]],
        [[1, 0, 0], [1, 0, 0], [0, 0, 1]],
    ],
)
def test_singular_matrix_has_no_inverse_and_a_way_out(matrix):
    text = message(inverse, matrix)
    for word in ("cannot be inverted", "condition number", "forward", "identity"):
        assert word in text


def test_inverse_refuses_what_is_no_transition_matrix():
    assert "sum to 1" in message(inverse, [[2 / 3, 0], [0, 1]])


def test_realised_matrix_counts_each_pair():
    clean = [0, 0, 0, 0, 1, 1, 2]
    noisy = [0, 0, 0, 1, 2, 1, 0]
    expected = [[0.75, 0.25, 0, 0], [0, 0.5, 0.5, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(realised_matrix(clean, noisy, 4), expected)


def test_realised_matrix_reads_tensors():
    clean = torch.tensor([0, 1, 1])
    np.testing.assert_array_equal(
        realised_matrix(clean, torch.tensor([1, 1, 0]), 2), [[0, 1], [0.5, 0.5]]
    )


# --- estimating T from posteriors (Patrini et al., eq. 12-13) -------------------------------------


def posteriors(seed: int, count: int = 400, size: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(size, 0.4), count)


@few
@given(seed=seeds)
def test_without_a_percentile_a_row_is_the_posterior_of_the_surest_sample(seed):
    p = posteriors(seed)
    estimated = estimate(p, percentile=None)
    for i in range(4):
        surest = max(range(len(p)), key=lambda n: p[n, i])
        np.testing.assert_allclose(estimated[i], p[surest] / p[surest].sum())


@few
@given(seed=seeds, percentile=st.sampled_from([50, 90, 97, 100]))
def test_with_a_percentile_a_row_is_the_surest_sample_below_it(seed, percentile):
    p = posteriors(seed)
    estimated = estimate(p, percentile)
    for i in range(4):
        ordered = sorted(p[:, i])
        # The smallest value that at least so many percent of the others do not exceed.
        bound = ordered[int(np.ceil(percentile / 100 * (len(p) - 1)))]
        best = max((n for n in range(len(p)) if p[n, i] < bound), key=lambda n: p[n, i])
        np.testing.assert_allclose(estimated[i], p[best] / p[best].sum())


@few
@given(seed=seeds)
def test_perfect_examples_and_a_perfect_model_give_the_true_matrix(seed):
    """Theorem 3: with p(y = i|x) = 1 for some x of each class, T̂ = T."""
    t = checkable_matrix(seed)
    clean = np.concatenate([np.eye(4), posteriors(seed, 50)])
    np.testing.assert_allclose(estimate(clean @ t, percentile=None), t, atol=1e-12)


def checkable_matrix(seed: int) -> np.ndarray:
    """Diagonally dominant in every column, so that the perfect example is also the surest."""
    rows = np.random.default_rng(seed).dirichlet(np.ones(4), 4)
    return 0.6 * np.eye(4) + 0.4 * rows


def test_the_view_bug_reads_what_it_has_zeroed():
    """Two samples are sure of class 0, and one of them is class 1's perfect example as well."""
    p = np.array([[0.6, 0.4, 0.0], [0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]])
    fixed = estimate(p, percentile=100)
    np.testing.assert_allclose(fixed[0], p[1])  # 0.6 is the outlier
    np.testing.assert_allclose(fixed[1], p[0])  # 0.5 is
    bug = estimate(p, percentile=100, view_bug=True)
    np.testing.assert_allclose(bug[0], p[1])
    np.testing.assert_allclose(bug[1], [0, 1, 0])  # p[0] with its 0.6 zeroed, normalised


def test_the_posterior_is_left_alone():
    p = posteriors(0)
    before = p.copy()
    estimate(p, view_bug=True)
    np.testing.assert_array_equal(p, before)


@pytest.mark.parametrize("percentile", [0, -1, 100.5, float("nan")])
def test_a_percentile_out_of_range_is_refused(percentile):
    with pytest.raises(InputError, match=r"\(0, 100\]"):
        estimate(posteriors(0), percentile)


@pytest.mark.parametrize("p", [[0.5, 0.5], [[float("nan"), 1]], [[-0.1, 1.1]], np.zeros((0, 3))])
def test_what_is_no_posterior_is_refused(p):
    with pytest.raises(InputError, match=r"\[N, K\] probabilities"):
        estimate(p)


def test_beyond_one_half_the_estimate_of_a_class_is_the_row_of_the_class_mistaken_for_it():
    """Patrini et al.'s map at N = 0.7, a perfect model and a perfect example of every class: a true
    7 is labelled 7 in 30% of cases, a true 2 in 70%, so eq. 12 takes the 2 for the perfect 7."""
    t = Noise("mnist-asymmetric", 0.7).transition_matrix(10)
    estimated = estimate(t, percentile=None)
    rows = [int(np.abs(t - row).sum(1).argmin()) for row in estimated]
    assert rows == [0, 1, 2, 3, 4, 6, 5, 2, 8, 9]
    t = Noise("mnist-asymmetric", 0.45).transition_matrix(10)  # below it all are found
    np.testing.assert_allclose(estimate(t, percentile=None), t)
