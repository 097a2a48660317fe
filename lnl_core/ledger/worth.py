"""What a quirk is worth: the rows of studies as a table of quirk, option and worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lnl_core.ledger.paired import Difference, Record
from lnl_core.ledger.report import show_difference
from lnl_core.ledger.studies import study_rows
from lnl_core.papers.spec import Study, Variant


@dataclass(frozen=True)
class Worth:
    """One variant of a study. `unchanged` and `changed` are means over the shared seeds, and
    `difference` changed less unchanged, all in the units of the study's table (percent)."""

    study: Study
    variant: Variant
    unchanged: float | None
    changed: float | None
    difference: Difference

    @property
    def gain(self) -> float:
        """The mean difference as points gained: above 0 is better, also in a table of errors."""
        return -self.difference.mean if self.study.table.errors else self.difference.mean


def worths(study: Study, records: Iterable[Record], profile: str = "paper") -> list[Worth]:
    """One a variant, in the study's order; `difference.n` is 0 where no seed was run in both."""
    return [
        Worth(
            study,
            row["variant"],
            row["unchanged"].mean,
            row["changed"].mean,
            row["difference"],
        )
        for row in study_rows(study, records, profile)
    ]


def option_words(changes: Mapping[str, Any]) -> str:
    """What a variant changes, as it is given to `configure`: `dropout=0.5, protocol='text'`.

    Of the options, whose names are the method's or the net's own, and of stages the names alone
    are told, without the keyword that they come under.
    """
    words = []
    for name, value in changes.items():
        nested = isinstance(value, Mapping)
        words.append(option_words(value) if nested else f"{name}={value!r}")
    return ", ".join(words)


def worth_row(worth: Worth) -> dict[str, str]:
    """A row as the words of one line."""
    variant, difference = worth.variant, worth.difference
    return {
        "quirk": variant.label,
        "option": option_words(variant.changes),
        "method": variant.method,
        "noise": variant.column,
        "unchanged → changed": "—"
        if worth.changed is None
        else f"{worth.unchanged:.1f} → {worth.changed:.1f}",
        "worth": show_difference(difference) if difference.n else "not run",
        "seeds": str(difference.n),
        "beyond chance": {True: "yes", False: "no", None: "—"}[difference.beyond_chance],
    }
