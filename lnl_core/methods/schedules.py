"""Weights that change in the course of training, at the same share of a short run as of a long
one."""

from __future__ import annotations

import numpy as np

from lnl_core.contract import takes


@takes(epoch="whole", epochs="whole", knots=tuple)
def at_epoch(epoch: int, epochs: int, knots: tuple[tuple[float, float], ...]) -> float:
    """The weight in `epoch` (from 1) of so many epochs, straight between knots.

    A knot is (epochs that are over, weight). The last one's are the epochs of the schedule as it
    was published: a run of other length goes through the same curve.
    """
    total = knots[-1][0]
    over, weights = zip(*knots, strict=True)
    return float(np.interp((epoch - 1) * total / epochs, over, weights))
