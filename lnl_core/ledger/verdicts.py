"""Does what we measured agree with what was published? Computed, never typed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from lnl_core.contract import takes

MATCH_POINTS = 1.0
CLOSE_POINTS = 3.0
VERDICTS = ("match", "close", "differs", "not run", "not built")


@dataclass(frozen=True)
class Comparison:
    """One cell: published beside reproduced, in points of percent.

    `std` and `error` (the standard error of the difference) are None where one run, or an
    unknown spread on either side, leaves them unknown. `diverged` counts runs whose loss became
    NaN: they have no accuracy, and a cell that has any differs.
    """

    verdict: str
    published: float | None
    mean: float | None = None
    std: float | None = None
    n: int = 0
    delta: float | None = None
    error: float | None = None
    diverged: int = 0


@takes(
    published="number?", values=Sequence, published_std="number?", diverged="count", built="flag"
)
def compare(
    published: float | None,
    values: Sequence[float],
    *,
    published_std: float | None = None,
    published_n: int | None = None,
    diverged: int = 0,
    built: bool = True,
) -> Comparison:
    """Compare our values (percent) with a published mean.

    *match* when |delta| is at most the larger of one point and two standard errors of the
    difference; *close* up to three points; else *differs*. *not run* without a value of ours,
    *not built* where the method does not exist here yet.
    """
    if not built:
        return Comparison("not built", published)
    if not values:
        verdict = "differs" if diverged else "not run"
        return Comparison(verdict, published, diverged=diverged)
    mean = fmean(values)
    std = stdev(values) if len(values) > 1 else None
    if published is None:
        return Comparison("not run", None, mean, std, len(values), diverged=diverged)
    error = _standard_error(std, len(values), published_std, published_n)
    delta = mean - published
    distance = abs(delta) - 1e-9  # 97.3 + 1.0 is 98.3, whatever binary fractions make of it
    if diverged:
        verdict = "differs"
    elif distance <= max(MATCH_POINTS, 2 * (error or 0)):
        verdict = "match"
    else:
        verdict = "close" if distance <= CLOSE_POINTS else "differs"
    return Comparison(verdict, published, mean, std, len(values), delta, error, diverged)


def _standard_error(
    ours: float | None, n_ours: int, theirs: float | None, n_theirs: int | None
) -> float | None:
    """√(s_p²/n_p + s_o²/n_o), or None if either side's spread is unknown."""
    if ours is None or theirs is None or not n_theirs:
        return None
    return math.sqrt(ours**2 / n_ours + theirs**2 / n_theirs)
