"""How far an estimated transition matrix is from the true one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lnl_core.transition import check_matrix


def row_error(estimate: ArrayLike, true: ArrayLike) -> float:
    """Mean L1 distance of the rows of two transition matrices [K, K]: in [0, 2], 0 if they agree.

    Half of it is the share of the labels, of classes that are equally frequent, that one would
    have to draw anew. Raises `InputError` for what is no transition matrix, or sizes that differ.
    """
    t = check_matrix(true)
    return float(np.abs(check_matrix(estimate, len(t)) - t).sum(axis=1).mean())
