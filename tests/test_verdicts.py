"""Verdicts on constructed numbers."""

import math

import pytest

from lnl_core.ledger.verdicts import compare


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ([97.3], "match"),
        ([98.3], "match"),
        ([96.3], "match"),
        ([98.31], "close"),
        ([94.3], "close"),
        ([94.29], "differs"),
        ([100.31], "differs"),
    ],
)
def test_one_run_is_judged_by_points_alone(ours, verdict):
    cell = compare(97.3, ours, published_std=5.0, published_n=5)
    assert cell.verdict == verdict
    assert cell.error is None and cell.std is None and cell.n == 1


def test_two_standard_errors_widen_a_match():
    ours = [90.0, 94.0]  # mean 92, std 2.828
    cell = compare(94.5, ours, published_std=1.0, published_n=5)
    assert cell.error == pytest.approx(math.sqrt(8 / 2 + 1 / 5))
    assert cell.delta == pytest.approx(-2.5)
    assert cell.verdict == "match"
    assert compare(94.5, [92.0, 92.0], published_std=0.0, published_n=5).verdict == "close"


def test_without_a_published_spread_there_is_no_standard_error():
    assert compare(94.5, [90.0, 94.0]).error is None
    assert compare(94.5, [90.0, 94.0], published_std=1.0).verdict == "close"


def test_a_standard_error_never_narrows_the_one_point():
    assert compare(97.3, [97.9, 97.9], published_std=0.0, published_n=5).verdict == "match"


def test_missing_sides():
    assert compare(97.3, []).verdict == "not run"
    assert compare(97.3, [97.3], built=False).verdict == "not built"
    nothing = compare(None, [97.3, 97.5])
    assert (nothing.verdict, nothing.n, nothing.delta) == ("not run", 2, None)
    assert nothing.mean == pytest.approx(97.4)


def test_a_diverged_run_makes_a_cell_differ():
    assert compare(97.3, [97.3], diverged=1).verdict == "differs"
    assert compare(97.3, [], diverged=2).verdict == "differs"
