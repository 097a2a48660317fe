"""Methods in order, under each selection rule: one set of histories, five rankings.

A record keeps its whole history, and so its test accuracy under every rule of
`measures/selection.py`. Which method is ahead may depend on the rule; `reversals` says where it
does, and whether that is more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from lnl_core.contract import takes
from lnl_core.ledger.paired import Difference, SeedKey, by_seeds, paired
from lnl_core.measures.selection import RULES

Record = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """One method among others. Accuracies are fractions.

    `accuracies`: rule → seeds → test accuracy of a finished run; a rule that some finished run
    lacks (there is no validation split) is left out. `rank`: rule → place, 1 is best and equals
    share a place. `memorised` is the mean share of wrong labels learned at the last epoch, None
    without wrong labels; `seconds` a run's, the median, of runs trained as one its share.
    """

    method: str
    accuracies: Mapping[str, Mapping[SeedKey, float]]
    rank: Mapping[str, int]
    memorised: float | None
    seconds: float | None
    runs: int
    diverged: int

    def mean(self, rule: str) -> float | None:
        values = self.accuracies.get(rule)
        return fmean(values.values()) if values else None

    def spread(self, rule: str) -> float | None:
        """Standard deviation over the runs; None for fewer than two."""
        values = self.accuracies.get(rule, {})
        return stdev(values.values()) if len(values) > 1 else None


@dataclass(frozen=True)
class Reversal:
    """`one` is ahead of `other` under the first rule and behind it under the second.

    `lead` and `loss` are `one` less `other` under the two, seed by seed.
    """

    one: str
    other: str
    lead: Difference
    loss: Difference

    @property
    def beyond_chance(self) -> bool:
        """Whether both orders are more than chance."""
        return bool(self.lead.beyond_chance and self.loss.beyond_chance)


@takes(records=Mapping)
def leaderboard(records: Mapping[str, Sequence[Record]]) -> list[Standing]:
    """The methods with their records, best first under `last`; those without a result come last.

    Runs that diverged count in `diverged` and in no mean. Methods without a record are left out.
    """
    accuracies = {method: _accuracies(own) for method, own in records.items() if own}
    means = {
        rule: {
            method: fmean(by_rule[rule].values())
            for method, by_rule in accuracies.items()
            if rule in by_rule
        }
        for rule in RULES
    }
    standings = [
        Standing(
            method=method,
            accuracies=by_rule,
            rank={rule: _rank(means[rule], method) for rule in by_rule},
            memorised=_memorised(records[method]),
            seconds=_seconds(records[method]),
            runs=len(records[method]),
            diverged=sum(record["status"] == "diverged" for record in records[method]),
        )
        for method, by_rule in accuracies.items()
    ]
    return sorted(standings, key=lambda standing: standing.rank.get("last", len(standings) + 1))


@takes(standings=Sequence)
def shared_rules(standings: Sequence[Standing]) -> list[str]:
    """The rules under which every method that has a result has one."""
    ranked = [standing for standing in standings if standing.rank]
    return [rule for rule in RULES if ranked and all(rule in s.rank for s in ranked)]


@takes(standings=Sequence, first="text", second="text")
def reversals(standings: Sequence[Standing], first: str, second: str) -> list[Reversal]:
    """Every pair whose order under the rule `first` is the opposite of that under `second`."""
    both = [s for s in standings if first in s.rank and second in s.rank]
    return [
        Reversal(
            one.method,
            other.method,
            paired(other.accuracies[first], one.accuracies[first]),
            paired(other.accuracies[second], one.accuracies[second]),
        )
        for one in both
        for other in both
        if one.rank[first] < other.rank[first] and one.rank[second] > other.rank[second]
    ]


def _accuracies(records: Sequence[Record]) -> dict[str, dict[SeedKey, float]]:
    found = {rule: by_seeds(records, lambda r, rule=rule: r["metrics"][rule]) for rule in RULES}
    finished = len(found["last"])
    return {rule: values for rule, values in found.items() if values and len(values) == finished}


def _rank(means: Mapping[str, float], method: str) -> int:
    # Equal sums may differ in their last bit.
    return 1 + sum(mean > means[method] + 1e-9 for mean in means.values())


def _memorised(records: Sequence[Record]) -> float | None:
    ends = [record["history"][-1]["memorised"] for record in records if record["history"]]
    known = [value for value in ends if value is not None]
    return fmean(known) if known else None


def _seconds(records: Sequence[Record]) -> float | None:
    # Runs that were trained as one each have the seconds of all.
    shares = [
        record["seconds"] / record.get("stacked", 1)
        for record in records
        if record["status"] == "finished"
    ]
    return median(shares) if shares else None
