"""Two settings on the same seeds: what one is above the other, seed by seed.

Runs of one seed share their noisy labels, split, initial weights and order of samples, so that
most of what chance does to one it does to the other. The mean of the differences has a smaller
error than the difference of two means; and where the seeds are not the same, it has no bias of
whose seeds were the lucky ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from lnl_core.contract import takes

Record = dict[str, Any]
#: The seeds of a run: (name, seed), sorted by name.
SeedKey = tuple[tuple[str, int], ...]
#: Below it a difference is more than chance, as in `marks.py`.
P_VALUE = 0.05


@dataclass(frozen=True)
class Difference:
    """The mean over `n` seeds of second less first; None without a seed in common.

    `error`, the standard error of that mean, and `p_value`, of the paired t-test in both
    directions, are None for fewer than two seeds.
    """

    mean: float | None
    error: float | None
    p_value: float | None
    n: int

    @property
    def beyond_chance(self) -> bool | None:
        """Whether p < 5%; None where it cannot be said."""
        return None if self.p_value is None else self.p_value < P_VALUE


def by_seeds(
    records: Iterable[Record], read: Callable[[Record], float | None]
) -> dict[SeedKey, float]:
    """What `read` finds in each finished record, by its seeds; those that lack it are left out."""
    found = {
        tuple(sorted(record["config"]["seeds"].items())): read(record)
        for record in records
        if record["status"] == "finished"
    }
    return {seeds: value for seeds, value in found.items() if value is not None}


@takes(first=Mapping, second=Mapping)
def paired(first: Mapping[SeedKey, float], second: Mapping[SeedKey, float]) -> Difference:
    """Second less first, over the seeds that both have."""
    values = [second[seeds] - first[seeds] for seeds in sorted(first.keys() & second.keys())]
    if len(values) < 2:
        return Difference(values[0] if values else None, None, None, len(values))
    mean, error = fmean(values), stdev(values) / math.sqrt(len(values))
    return Difference(mean, error, _p_value(mean, error, len(values)), len(values))


def _p_value(mean: float, error: float, n: int) -> float:
    if error == 0:  # the same difference at every seed
        return 0.0 if mean else 1.0
    from scipy.stats import t  # takes half a second to import

    return float(2 * t.sf(abs(mean / error), n - 1))
