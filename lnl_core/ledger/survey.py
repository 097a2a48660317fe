"""All that was measured, once: what the results page, its HTML twin and the README are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lnl_core.ledger.claims import Decided, decide, of_table
from lnl_core.ledger.grid import results_folder
from lnl_core.ledger.misses import UNEXPLAINED, misses, read_reasons
from lnl_core.ledger.studies import all_studies, study_keys, study_rows
from lnl_core.ledger.tables import (
    Cell,
    group_runs,
    judged_keys,
    own_tables,
    table_cells,
)
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Study, Table


@dataclass(frozen=True)
class TableSurvey:
    """One table with its cells and claims. `own`: ours, in the manner of the paper, not judged."""

    table: Table
    cells: tuple[Cell, ...]
    claims: tuple[Decided, ...] = ()
    own: bool = False

    @property
    def ran(self) -> bool:
        return any(cell.records for cell in self.cells)

    @property
    def verdicts(self) -> Counter[str]:
        return Counter() if self.own else Counter(cell.comparison.verdict for cell in self.cells)


@dataclass(frozen=True)
class StudySurvey:
    """One study. `ran`: some variant of it has a record."""

    study: Study
    rows: tuple[dict[str, Any], ...]
    ran: bool


@dataclass(frozen=True)
class PaperSurvey:
    """One paper: its tables, then ours; `others` are rows of `group_runs`, which no cell counts."""

    name: str
    tables: tuple[TableSurvey, ...]
    own_tables: tuple[TableSurvey, ...]
    across: tuple[Decided, ...]
    studies: tuple[StudySurvey, ...]
    others: tuple[dict[str, Any], ...]
    records: int

    @property
    def verdicts(self) -> Counter[str]:
        return sum((found.verdicts for found in self.tables), Counter())

    @property
    def claims(self) -> list[Decided]:
        """Every claim that the paper makes, those of its tables first; of ours none."""
        return [*(claim for found in self.tables for claim in found.claims), *self.across]

    @property
    def misses(self) -> list[tuple[TableSurvey, Cell, str]]:
        """Every cell that differs, with its table and the reason."""
        return [
            (found, cell, self._reason(found.table, cell))
            for found in self.tables
            for cell in misses(found.cells)
        ]

    def _reason(self, table: Table, cell: Cell) -> str:
        return read_reasons().get((self.name, table.name, cell.method, cell.column), UNEXPLAINED)


def survey() -> list[PaperSurvey]:
    """Every paper against the committed records."""
    return [_paper(name) for name in PAPERS]


def _paper(name: str) -> PaperSurvey:
    paper = PAPERS[name]
    records = list(results_folder(name, "paper"))
    specs = {table.name: table for table in (*paper.TABLES, *own_tables(name))}
    cells = {table: tuple(table_cells(spec, records)) for table, spec in specs.items()}
    claims = decide(paper.CLAIMS, cells)
    tables, own = (
        tuple(
            TableSurvey(table, cells[table.name], of_table(claims, table.name), own=ours)
            for table in some
        )
        for some, ours in ((paper.TABLES, False), (own_tables(name), True))
    )
    counted = set().union(*(judged_keys(found.cells) for found in (*tables, *own)))
    studies = []
    for study in (study for study in all_studies().values() if study.table.paper == name):
        keys = study_keys(study, records)
        counted |= keys
        studies.append(StudySurvey(study, tuple(study_rows(study, records)), bool(keys)))
    others = [record for record in records if record["key"] not in counted]
    return PaperSurvey(
        name,
        tables,
        own,
        of_table(claims, None),
        tuple(studies),
        tuple(group_runs(others, paper.TABLES[0].selection)),
        len(records),
    )


def total(papers: Iterable[PaperSurvey]) -> Counter[str]:
    """Verdict → cells, over all papers."""
    return sum((paper.verdicts for paper in papers), Counter())


def hardware(cells: Iterable[Cell]) -> str:
    """The machines that the cells' runs were on."""
    return "; ".join(sorted({record["device"] for cell in cells for record in cell.records}))


def dates(cells: Iterable[Cell]) -> str:
    """The days on which the cells' runs ended: `2026-11-20`, or the first and the last."""
    days = sorted({record["finished"][:10] for cell in cells for record in cell.records})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""
