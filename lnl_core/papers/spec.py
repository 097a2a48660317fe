"""What a paper's tables and claims look like as data. `tables.py` computes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """One table, or one block of it: methods by noise columns on one dataset and net.

    `columns` are noises as `lnl` writes them ("asymmetric:0.6"); `asymmetric` is the dataset's own
    map, so that the same table can be tried on other data. `selection` is the rule under which
    the paper chose its numbers, `runs` how many runs it averaged. Where a protocol means another
    noise by `asymmetric` than the dataset's own map, `asymmetric` says which: protocol → name.
    `net` is the block's net, None for the one that the paper's settings name for these data.
    `smoke` is the embedded dataset that stands in for the paper's in the profile `smoke`.
    """

    paper: str
    name: str
    title: str
    data: str
    methods: tuple[str, ...]
    columns: tuple[str, ...]
    selection: str
    runs: int
    metric: str = "accuracy"
    net: str | None = None
    smoke: str = "digits"
    asymmetric: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def full_name(self) -> str:
        return f"{self.paper}/{self.name}"


#: (method, column) → our mean in percent, for the cells that were run; for a claim across tables
#: (table, method, column).
Means = Mapping[tuple[str, ...], float]


@dataclass(frozen=True)
class Claim:
    """Something a paper says of its table, with the check that decides it.

    `needs` names the cells the check reads, (method, column); without all of them the claim is
    undecided. A claim across several tables has None for its table, and cells (table, method,
    column).
    """

    table: str | None
    text: str
    needs: tuple[tuple[str, ...], ...]
    check: Callable[[Means], bool]

    def decide(self, means: Means) -> bool | None:
        if any(cell not in means for cell in self.needs):
            return None
        return self.check(means)


def beats(table: str, better: str, worse: str, column: str, points: float = 0.0) -> Claim:
    """An ordering: in this column `better` is above `worse` by at least so many points."""
    by = f" by {points:g} points or more" if points else ""
    return Claim(
        table,
        f"{better} is above {worse} at {column}{by}",
        ((better, column), (worse, column)),
        lambda means: means[better, column] - means[worse, column] > points,
    )


@dataclass(frozen=True)
class Variant:
    """One cell of a table run again with something changed: `changes` are keywords of
    `profiles.configure` (`protocol`, `options`, `net_options`, `epochs` …)."""

    label: str
    method: str
    column: str
    changes: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Study:
    """What single settings are worth: variants of a table's cells, each beside the cell itself."""

    table: Table
    name: str
    title: str
    variants: tuple[Variant, ...]
    runs: int = 2

    @property
    def full_name(self) -> str:
        return f"{self.table.paper}/{self.name}"
