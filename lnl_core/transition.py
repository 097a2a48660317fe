"""Transition matrices: what a valid one is, and what can be done with it.

One convention everywhere: T[clean, noisy] = p(ỹ = noisy | y = clean). Rows sum to 1, whatever
the paper at hand writes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lnl_core.contract import takes
from lnl_core.errors import InputError, shown

ROW_SUM_TOLERANCE = 1e-4  # a matrix typed by hand, or saved in float32, is still a matrix
LARGEST_CONDITION_NUMBER = 1e8  # beyond it T⁻¹ in float32 holds no correct digit


def check_matrix(matrix: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """The matrix as float64 with rows that sum to 1 exactly, or an `InputError`.

    Refused: anything not numeric, not square, of another size than `num_classes`, with entries
    outside [0, 1], or whose rows do not sum to 1 within 1e-4.
    """
    try:
        if np.iscomplexobj(matrix):
            raise TypeError  # NumPy would drop the imaginary part
        t = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last one torch's
        raise InputError(
            f"a transition matrix must be real numbers, got {shown(matrix)}."
        ) from None
    if t.ndim != 2 or t.shape[0] != t.shape[1] or not t.size:
        raise InputError(
            f"a transition matrix must be square, got shape {list(t.shape)}: give one row and "
            "one column a class."
        )
    if num_classes is not None and len(t) != num_classes:
        raise InputError(
            f"the transition matrix is {len(t)}x{len(t)} but the data have {num_classes} "
            f"classes: give a {num_classes}x{num_classes} matrix."
        )
    if not np.isfinite(t).all() or (t < 0).any() or (t > 1).any():
        bad = t[~(np.isfinite(t) & (t >= 0) & (t <= 1))][0]
        raise InputError(
            f"a transition matrix holds probabilities, but one entry is {bad:g}: every entry "
            "must lie in [0, 1]."
        )
    sums = t.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > ROW_SUM_TOLERANCE:
        columns = " (its columns do: pass the transpose)" if np.allclose(t.sum(axis=0), 1) else ""
        raise InputError(
            f"row {worst} of the transition matrix sums to {sums[worst]:.4g}, but every row must "
            f"sum to 1{columns}: T[clean, noisy] = p(noisy | clean)."
        )
    return t / sums[:, None]


def check_labels(labels: ArrayLike, num_classes: int) -> NDArray[np.integer]:
    """The labels as an array; `InputError` unless they are whole numbers [N] from 0 to K-1."""
    try:
        array = np.asarray(labels)
    except ValueError:  # rows of unlike lengths
        array = np.empty(0)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        what = f"{array.dtype} {list(array.shape)}" if array.size else repr(labels)
        raise InputError(f"labels must be whole numbers [N], one a sample, got {what:.60}.")
    if len(array) and not 0 <= array.min() <= array.max() < num_classes:
        raise InputError(
            f"labels run from {array.min()} to {array.max()}, but of {num_classes} classes they "
            f"lie in 0 to {num_classes - 1}."
        )
    return array


def inverse(matrix: ArrayLike) -> NDArray[np.float64]:
    """T⁻¹ in float64, or an `InputError` when T is singular or nearly so.

    Nearly: a condition number above 1e8. Mixing T with the identity, (1-ε) T + ε I, is the way
    out that Patrini et al. name (Section 4.1).
    """
    t = check_matrix(matrix)
    condition = np.linalg.cond(t)
    if not condition < LARGEST_CONDITION_NUMBER:
        raise InputError(
            f"the transition matrix cannot be inverted (condition number {condition:.2g}, at most "
            f"{LARGEST_CONDITION_NUMBER:.0e}): use forward correction, which needs no inverse, or "
            "mix the matrix with the identity."
        )
    return np.linalg.inv(t)


@takes(num_classes="classes")
def realised_matrix(clean: ArrayLike, noisy: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """How often each clean class carries each noisy label: rows sum to 1, [K, K].

    A class with no sample has no row to estimate: it gets the identity's. Raises `InputError` for
    what is no class, and for labels of different lengths.
    """
    clean, noisy = (check_labels(labels, num_classes) for labels in (clean, noisy))
    if len(clean) != len(noisy):
        raise InputError(f"{len(clean)} clean labels but {len(noisy)} noisy ones: they must agree.")
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (clean, noisy), 1)
    empty = counts.sum(axis=1) == 0
    counts[empty, empty] = 1
    return counts / counts.sum(axis=1, keepdims=True)


@takes(percentile=(int, float, type(None)), view_bug="flag")
def estimate(
    posterior: ArrayLike, percentile: float | None = 97.0, *, view_bug: bool = False
) -> NDArray[np.float64]:
    """T̂ from what a network says of the *noisy* labels: Patrini et al. 2017, eq. 12-13.

    `posterior` [N, K]: p̂(ỹ|x) of N samples, rows summing to 1. Row i of T̂ is the posterior of a
    sample that is taken to be a perfect example of class i: the one with the largest p̂(ỹ = i|x)
    (eq. 12) if `percentile` is None, else the largest that is below that percentile in (0, 100],
    because the very largest are outliers (97, Section 5.1). Rows are normalised.

    `view_bug` repeats a slip of the authors' code: what it sets to zero to skip the outliers of
    class i stays zero when the rows of later classes are read, so that T̂ depends on the order of
    the classes. Raises `InputError` for a posterior or percentile out of range.
    """
    try:
        p = np.asarray(posterior).astype(np.float64)  # a copy, which may be written to
    except (TypeError, ValueError):
        raise InputError(f"a posterior must be numbers, got {repr(posterior)[:60]}.") from None
    if p.ndim != 2 or not p.size or not np.isfinite(p).all() or (p < 0).any():
        raise InputError(
            f"a posterior must be [N, K] probabilities, got shape {list(p.shape)}"
            f"{'' if p.ndim != 2 or not p.size else ' with entries that are none'}."
        )
    if percentile is not None and not 0 < percentile <= 100:
        raise InputError(
            f"the percentile is {shown(percentile)}, but it lies in (0, 100], or is None."
        )
    rows = np.empty((p.shape[1], p.shape[1]))
    for i in range(p.shape[1]):
        column = p[:, i] if view_bug else p[:, i].copy()
        if percentile is not None:
            column[column >= np.percentile(column, percentile, method="higher")] = 0
        rows[i] = p[column.argmax()]
    sums = rows.sum(axis=1, keepdims=True)
    # A row of which nothing is left says nothing: the class is then taken to be clean.
    return np.where(sums > 0, rows / np.where(sums > 0, sums, 1), np.eye(len(rows)))
