"""Studies against records: what a paper leaves open, or says otherwise than its code, is worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lnl_core.config import RunConfig
from lnl_core.contract import takes
from lnl_core.errors import unknown_name
from lnl_core.ledger.measures import measured
from lnl_core.ledger.paired import by_seeds, paired
from lnl_core.ledger.tables import Record, cell_config, matching
from lnl_core.ledger.verdicts import compare
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Study, Variant


def all_studies() -> dict[str, Study]:
    """Every specified study, by `PAPER/STUDY`."""
    return {
        study.full_name: study
        for paper in PAPERS.values()
        for study in getattr(paper, "STUDIES", ())
    }


@takes(name="text")
def get_study(name: str) -> Study:
    """The study `PAPER/STUDY`, or an `InputError` with the nearest name."""
    if name not in all_studies():
        raise unknown_name("study", name, all_studies())
    return all_studies()[name]


def study_configs(study: Study, seeds: int, profile: str = "paper") -> list[RunConfig]:
    """Every run of the study: each variant, and the unchanged cell that it is compared with."""
    return [
        config
        for seed in range(seeds)
        for variant in study.variants
        for config in (
            _reference(study, variant, seed, profile),
            _run(study, variant, seed, profile),
        )
    ]


def study_rows(
    study: Study, records: Iterable[Record], profile: str = "paper"
) -> list[dict[str, Any]]:
    """A row a variant: the unchanged cell and the variant on the seeds that both have, in percent.

    `unchanged` and `changed` are `Comparison`s over those seeds alone, without a published value;
    `difference` is the `Difference` between them, seed by seed, and its `n` is 0 until some seed
    was run in both. Runs that diverged are counted on their side, whatever their seed.
    """
    records = list(records)
    original = profile == "paper"
    rows = []
    for variant in study.variants:
        sides = [
            matching(records, config, original=original)
            for config in (
                _reference(study, variant, profile=profile),
                _run(study, variant, profile=profile),
            )
        ]
        before, after = (by_seeds(side, lambda r: _percent(study, r)) for side in sides)
        shared = sorted(before.keys() & after.keys())
        unchanged, changed = (
            compare(None, [found[seeds] for seeds in shared], diverged=_diverged(side))
            for found, side in zip((before, after), sides, strict=True)
        )
        rows.append(
            {
                "variant": variant,
                "unchanged": unchanged,
                "changed": changed,
                "difference": paired(before, after),
            }
        )
    return rows


def study_keys(study: Study, records: Iterable[Record]) -> set[str]:
    """The keys of the records that the study's variants count."""
    records = list(records)
    return {
        record["key"]
        for variant in study.variants
        for record in matching(records, _run(study, variant))
    }


def _reference(study: Study, variant: Variant, seed: int = 0, profile: str = "paper") -> RunConfig:
    return cell_config(study.table, variant.method, variant.column, seed, profile)


def _run(study: Study, variant: Variant, seed: int = 0, profile: str = "paper") -> RunConfig:
    return cell_config(
        study.table, variant.method, variant.column, seed, profile, **variant.changes
    )


def _percent(study: Study, record: Record) -> float | None:
    """What the study's table measures, in its units."""
    value = measured(record, study.table.measure, study.table.selection)
    return None if value is None else study.table.percent(value)


def _diverged(records: Iterable[Record]) -> int:
    return sum(record["status"] == "diverged" for record in records)
