"""The error of an estimated transition matrix."""

from __future__ import annotations

import numpy as np
import pytest

from lnl_core.errors import InputError
from lnl_core.measures.matrix_error import row_error
from lnl_core.noise import Noise


def test_by_hand() -> None:
    assert row_error([[0.9, 0.1], [0.0, 1.0]], np.eye(2)) == pytest.approx(0.1)
    assert row_error(np.eye(3)[[1, 2, 0]], np.eye(3)) == 2
    assert row_error(np.eye(4), np.eye(4)) == 0


def test_it_is_the_noise_rate_twice_if_noise_is_overlooked() -> None:
    t = Noise("uniform-simplex", 0.3).transition_matrix(6, seed=0)
    assert row_error(np.eye(6), t) == pytest.approx(0.6)


@pytest.mark.parametrize("wrong", [np.eye(3), 2 * np.eye(2), [[1.0, 0.0]]])
def test_what_cannot_be_compared_is_refused(wrong) -> None:
    with pytest.raises(InputError):
        row_error(wrong, np.eye(2))
