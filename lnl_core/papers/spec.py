"""What a paper's tables and claims look like as data. `ledger/tables.py` computes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Printed error → what it is the complement of.
ERRORS = {"error": "accuracy", "top5-error": "top5"}


@dataclass(frozen=True)
class Setting:
    """What a column stands for: its noise; where the CSV has a `setting` for it, that; what its
    runs have otherwise (keywords of `profiles.configure`); and if it counts a part of the samples
    alone, which (see `ledger/measures.py`)."""

    noise: str
    setting: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    part: str = ""


@dataclass(frozen=True)
class Table:
    """One table, or one block of it: methods by noise columns on one dataset and net.

    `columns` are noises as `lnl` writes them ("asymmetric:0.6"); `asymmetric` is the dataset's own
    map, so that the same table can be tried on other data. `selection` is the rule under which
    the paper chose its numbers, `runs` how many runs it averaged. Where a protocol means another
    noise by `asymmetric` than the dataset's own map, `asymmetric` says which: protocol → name.
    `net` is the block's net, None for the one that the paper's settings name for these data.
    `smoke` is the embedded dataset that stands in for the paper's in the profile `smoke`.
    `rows` tells rows of one method apart, where the CSV has several: method → `row` there.
    `limit` is how many training samples the block's networks saw, None for all. `metric` is what
    is printed, in percent: one of `ledger/measures.py`, or `error` or `top5-error`.

    A column that is more than a noise is in `settings`. `draws` says by protocol how noise is
    drawn, where not `bernoulli`. `printed` is the CSV's name of the table, where that is not
    `name`: one printed table may be several here, each with one metric and one selection rule.
    `unit` is what one printed unit is in percent. `marks`: whether our numbers get marks by the
    rules of `ledger/marks.py`. `dashes` are the (method, column) that the paper prints as a dash,
    and that are no cells here. `printed_data` is the CSV's name of the data, where `data` does not
    end in it.
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
    limit: int | None = None
    rows: Mapping[str, str] = field(default_factory=dict, hash=False)
    settings: Mapping[str, Setting] = field(default_factory=dict, hash=False)
    draws: Mapping[str, str] = field(default_factory=dict, hash=False)
    printed: str = ""
    unit: float = 1.0
    marks: bool = True
    dashes: frozenset[tuple[str, str]] = frozenset()
    printed_data: str = ""

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """Every (method, column) that is a cell, row by row."""
        every = ((method, column) for method in self.methods for column in self.columns)
        return tuple(cell for cell in every if cell not in self.dashes)

    @property
    def full_name(self) -> str:
        return f"{self.paper}/{self.name}"

    @property
    def printed_name(self) -> str:
        return self.printed or self.name

    def setting(self, column: str) -> Setting:
        """What a column stands for."""
        return self.settings.get(column, Setting(column))

    @property
    def errors(self) -> bool:
        """Whether less is better."""
        return self.metric in ERRORS

    @property
    def measure(self) -> str:
        """What of a record it is, see `ledger/measures.py`."""
        return ERRORS.get(self.metric, self.metric)

    def percent(self, accuracy: float) -> float:
        """What was measured, a fraction, as what the table prints. Seconds stay seconds."""
        if self.metric == "seconds":
            return accuracy
        return 100 * (1 - accuracy if self.errors else accuracy)


#: (method, column) → our mean in percent, an error where the table prints errors, for the cells
#: that were run; for a claim across tables (table, method, column).
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


#: What binary fractions make of printed differences: 77.9 - 69.9 is 8.0.
TINY_BIT = 1e-9


def is_ahead(lead: float, points: float = 0.0) -> bool:
    """Whether a lead is one "by so many points or more"; without points, a lead at all."""
    return lead >= points - TINY_BIT if points else lead > 0


def beats(
    table: str, better: str, worse: str, column: str, points: float = 0.0, *, text: str
) -> Claim:
    """An ordering: in this column `better` is above `worse` by at least so many points. `text` is
    where the paper says so, and in what words."""
    return Claim(
        table,
        f"{text}: {better} is above {worse} at {column}{_by(points)}",
        ((better, column), (worse, column)),
        lambda means: is_ahead(means[better, column] - means[worse, column], points),
    )


def errs_less(
    table: str, better: str, worse: str, column: str, points: float = 0.0, *, text: str
) -> Claim:
    """The same for a table of errors: in this column `better` is below `worse`."""
    return Claim(
        table,
        f"{text}: {better} errs less than {worse} at {column}{_by(points)}",
        ((better, column), (worse, column)),
        lambda means: is_ahead(means[worse, column] - means[better, column], points),
    )


def _by(points: float) -> str:
    return f" by {points:g} points or more" if points else ""


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
