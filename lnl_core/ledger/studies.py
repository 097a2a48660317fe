"""Studies against records: what a paper leaves open, or says otherwise than its code, is worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lnl_core.config import RunConfig
from lnl_core.errors import unknown_name
from lnl_core.ledger.tables import Record, cell_config, matching
from lnl_core.ledger.verdicts import Comparison, compare
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Study, Variant


def all_studies() -> dict[str, Study]:
    """Every specified study, by `PAPER/STUDY`."""
    return {
        study.full_name: study
        for paper in PAPERS.values()
        for study in getattr(paper, "STUDIES", ())
    }


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
    """A row a variant: its mean, the unchanged cell's, and the difference, in percent.

    `unchanged` and `changed` are `Comparison`s without a published value; `difference` is None
    until both were run.
    """
    records = list(records)
    rows = []
    for variant in study.variants:
        unchanged, changed = (
            _mean(study, matching(records, config, original=profile == "paper"))
            for config in (
                _reference(study, variant, profile=profile),
                _run(study, variant, profile=profile),
            )
        )
        known = unchanged.mean is not None and changed.mean is not None
        rows.append(
            {
                "variant": variant,
                "unchanged": unchanged,
                "changed": changed,
                "difference": changed.mean - unchanged.mean if known else None,
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


def _mean(study: Study, records: Iterable[Record]) -> Comparison:
    records = list(records)
    finished = [record for record in records if record["status"] == "finished"]
    values = [study.table.percent(record["metrics"][study.table.selection]) for record in finished]
    return compare(None, values, diverged=len(records) - len(finished))
