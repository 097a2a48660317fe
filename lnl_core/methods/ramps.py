"""How a weight rises with the epochs, in what was taken from semi-supervised learning."""

from __future__ import annotations

import math

from lnl_core.contract import takes


@takes(passed="number", length="number")
def sigmoid_ramp(passed: float, length: float) -> float:
    """exp(-5 (1 - t/L)²) when t = `passed` epochs are over: from e⁻⁵ up to 1 at L = `length`, and 1
    from there on; with a length of 0 always 1. The S-shaped ramp of Laine and Aila, *Temporal
    ensembling for semi-supervised learning*, ICLR 2017."""
    if not length:
        return 1.0
    return math.exp(-5 * (1 - min(max(passed, 0.0), length) / length) ** 2)


@takes(passed="number", settled="number", epochs="number", least="number", most="number")
def log_ramp(passed: float, settled: float, epochs: float, least: float, most: float) -> float:
    """`least` until one epoch after `settled`, then rising with the logarithm of the epochs since,
    to `most` when all `epochs` have passed; never in between where there is no time for it."""
    if passed >= epochs:
        return most
    if passed <= settled + 1:
        return least
    return least + (most - least) * math.log(passed - settled) / math.log(epochs - settled)
