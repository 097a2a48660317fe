"""The ramps: their ends, their formulas, and that they never fall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnl_core.methods.ramps import log_ramp, sigmoid_ramp


def test_the_sigmoid_ramp_is_its_formula():
    assert sigmoid_ramp(0, 20) == pytest.approx(np.exp(-5))
    assert sigmoid_ramp(5, 20) == pytest.approx(np.exp(-5 * 0.75**2))
    assert sigmoid_ramp(20, 20) == sigmoid_ramp(31, 20) == sigmoid_ramp(0, 0) == 1


def test_the_log_ramp_is_its_formula():
    assert log_ramp(0, 3, 200, 0.2, 0.7) == log_ramp(4, 3, 200, 0.2, 0.7) == 0.2
    assert log_ramp(100, 3, 200, 0.2, 0.7) == pytest.approx(0.2 + 0.5 * np.log(97) / np.log(197))
    assert log_ramp(200, 3, 200, 0.2, 0.7) == log_ramp(999, 3, 200, 0.2, 0.7) == 0.7
    assert log_ramp(3, 3, 4, 0.2, 0.7) == 0.2  # too short to rise in between


@given(st.integers(0, 300), st.integers(0, 10), st.integers(0, 300))
def test_ramps_stay_in_range_and_never_fall(epoch, begin, length):
    now, later = (log_ramp(each, begin, length, 0.2, 0.7) for each in (epoch, epoch + 1))
    assert 0.2 <= now <= later <= 0.7
    assert 0 < sigmoid_ramp(epoch, length) <= sigmoid_ramp(epoch + 1, length) <= 1
