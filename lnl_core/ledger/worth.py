"""What a quirk is worth: the rows of studies, seed against the same seed.

`studies.study_rows` compares the mean of all runs of a cell with that of all runs of its variant.
Here only seeds that both have count (see `paired.py`), which matters where a cell has five runs
and its variant one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from lnl_core.ledger.measures import measured
from lnl_core.ledger.paired import Difference, Record, by_seeds, paired
from lnl_core.ledger.studies import study_configs
from lnl_core.ledger.tables import matching
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


def worths(study: Study, records: Iterable[Record], profile: str = "paper") -> list[Worth]:
    """One a variant, in the study's order; `difference.n` is 0 where no seed was run in both."""
    records = list(records)
    configs = study_configs(study, 1, profile)
    table, original = study.table, profile == "paper"

    def read(record: Record) -> float | None:
        value = measured(record, table.measure, table.selection)
        return None if value is None else table.percent(value)

    found = []
    for variant, unchanged, changed in zip(
        study.variants, configs[::2], configs[1::2], strict=True
    ):
        before, after = (
            by_seeds(matching(records, config, original=original), read)
            for config in (unchanged, changed)
        )
        shared = before.keys() & after.keys()
        found.append(
            Worth(
                study,
                variant,
                fmean(before[seeds] for seeds in shared) if shared else None,
                fmean(after[seeds] for seeds in shared) if shared else None,
                paired(before, after),
            )
        )
    return found


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
    if difference.mean is None:
        said = "not run"
    else:
        error = "" if difference.error is None else f" ± {difference.error:.1f}"
        said = f"{difference.mean:+.1f}{error}"
    return {
        "quirk": variant.label,
        "option": option_words(variant.changes),
        "method": variant.method,
        "noise": variant.column,
        "unchanged → changed": "—"
        if worth.changed is None
        else f"{worth.unchanged:.1f} → {worth.changed:.1f}",
        "worth": said,
        "seeds": str(difference.n),
        "beyond chance": {True: "yes", False: "no", None: "—"}[difference.beyond_chance],
    }
