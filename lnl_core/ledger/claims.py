"""What a paper says of its tables, held against its own numbers and against ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lnl_core.ledger.tables import Cell, means
from lnl_core.papers.spec import Claim, Means

_WORDS = {True: "holds", False: "does not hold"}


@dataclass(frozen=True)
class Decided:
    """A claim and whether it holds: in print, and here. None while a number that it reads is
    wanting: not printed, or not run.

    `table` is None for a claim across several tables.
    """

    table: str | None
    text: str
    in_print: bool | None
    here: bool | None


def decide(claims: Iterable[Claim], cells: Mapping[str, Sequence[Cell]]) -> list[Decided]:
    """The claims of the tables whose cells are given, by the table's name, and those across."""
    printed = {name: _printed(own) for name, own in cells.items()}
    ours = {name: means(own) for name, own in cells.items()}
    return [
        Decided(claim.table, claim.text, _decide(claim, printed), _decide(claim, ours))
        for claim in claims
        if claim.table is None or claim.table in cells
    ]


def of_table(claims: Iterable[Decided], table: str | None) -> tuple[Decided, ...]:
    """Those of one table; with None those across tables."""
    return tuple(claim for claim in claims if claim.table == table)


def claim_rows(claims: Sequence[Decided]) -> list[dict[str, str]]:
    """A line a claim, in words: with its table where they are of several, and without a column for
    print where nothing was printed.
    """
    several = len({claim.table for claim in claims}) > 1
    printed = any(claim.in_print is not None for claim in claims)
    return [
        ({"table": claim.table or "across"} if several else {})
        | {"claim": claim.text}
        | ({"in print": _WORDS.get(claim.in_print, "not printed")} if printed else {})
        | {"here": _WORDS.get(claim.here, "not enough runs")}
        for claim in claims
    ]


def tally(claims: Sequence[Decided]) -> str:
    """How many hold and do not, in print and here, as one line."""
    printed = Counter(claim.in_print for claim in claims)
    here = Counter(claim.here for claim in claims)
    return (
        f"{len(claims)} claims. In print: {printed[True]} hold, {printed[False]} do not, "
        f"{printed[None]} have no printed number. Here: {here[True]} hold, {here[False]} do not, "
        f"{here[None]} wait for runs."
    )


def _printed(cells: Iterable[Cell]) -> Means:
    """The published number of every cell that has one, in percent."""
    return {
        (cell.method, cell.column): cell.comparison.published
        for cell in cells
        if cell.comparison.published is not None
    }


def _decide(claim: Claim, by_table: Mapping[str, Means]) -> bool | None:
    if claim.table is not None:
        return claim.decide(by_table[claim.table])
    return claim.decide(
        {(name, *cell): mean for name, own in by_table.items() for cell, mean in own.items()}
    )
