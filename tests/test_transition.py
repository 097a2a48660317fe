"""What counts as a transition matrix, its inverse, and the matrix that a draw realised."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lnl_core.errors import InputError
from lnl_core.transition import check_matrix, inverse, realised_matrix

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
