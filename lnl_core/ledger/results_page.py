"""`docs/results.md`: every specified table against the committed records, and the claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import ModuleType

from lnl_core.ledger.grid import results_folder
from lnl_core.ledger.report import as_printed, group_row, markdown, study_row
from lnl_core.ledger.studies import all_studies, study_keys, study_rows
from lnl_core.ledger.tables import (
    Cell,
    Record,
    decide_across,
    decide_claims,
    group_runs,
    judged_keys,
    own_tables,
    table_cells,
)
from lnl_core.ledger.verdicts import VERDICTS
from lnl_core.measures.selection import RULES
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Table

HEAD = """# Results

Written by `lnl report` from `data/results/` and `data/published/`, not by hand. Percent, accuracies
where nothing else is said. A cell reads *published → ours ± standard deviation (runs) verdict*.
*match*: within one point or two standard errors of the difference; *close*: within three points.
Bold, ⋆ and † mark our numbers by the rules of the paper's caption, once a column is complete."""


def results_page() -> str:
    """The page as Markdown."""
    total: Counter[str] = Counter()
    sections: list[str] = []
    for name, paper in PAPERS.items():
        records = list(results_folder(name, "paper"))
        cells = {table.name: table_cells(table, records) for table in paper.TABLES}
        verdicts = Counter(cell.comparison.verdict for own in cells.values() for cell in own)
        total += verdicts
        sections += [f"## {name}", f"Cells: {_counted(verdicts)}."]
        sections += _paper_sections(name, paper, records, cells)
    return "\n\n".join([HEAD, f"**Cells: {_counted(total)}.**", *sections]) + "\n"


def _counted(verdicts: Counter[str]) -> str:
    return ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)


def _paper_sections(
    name: str, paper: ModuleType, records: list[Record], cells: dict[str, list[Cell]]
) -> list[str]:
    """What was run of one paper, then a line a table of what was not."""
    sections: list[str] = []
    counted: set[str] = set()
    waiting: list[str] = []
    for table in paper.TABLES:
        own = cells[table.name]
        counted |= judged_keys(own)
        if any(cell.records for cell in own):
            sections += _table_section(table, own, decide_claims(paper.CLAIMS, table, own))
        else:
            waiting.append(f"* `{table.full_name}`: {table.title}, {len(own)} cells")
    decided = [row for row in decide_across(paper.CLAIMS, cells) if row["verdict"] in _DECIDED]
    if decided:
        sections += ["### What the paper says across its tables", markdown(decided)]
    for study in (study for study in all_studies().values() if study.table.paper == name):
        keys = study_keys(study, records)
        counted |= keys
        if keys:
            rows = [study_row(row) for row in study_rows(study, records)]
            sections += [f"### {study.full_name}", f"{study.title}.", markdown(rows)]
        else:
            waiting.append(f"* `lnl study {study.full_name}`: {study.title}")
    for table in own_tables(name):
        own = table_cells(table, records)
        counted |= judged_keys(own)
        if any(cell.records for cell in own):
            sections += _own_section(table, own)
        else:
            waiting.append(f"* `{table.full_name}`, ours: {table.title}, {len(own)} cells")
    others = [record for record in records if record["key"] not in counted]
    if others:
        rows = [group_row(row) for row in group_runs(others, paper.TABLES[0].selection)]
        sections += ["### Other data, settings or budgets, not judged", markdown(rows)]
    if waiting:
        sections += ["### Not run", "\n".join(waiting)]
    return sections


_DECIDED = ("holds", "does not hold")


def _table_section(table: Table, cells: Sequence[Cell], claims: list[dict]) -> list[str]:
    rule = f"`{table.selection}` ({RULES[table.selection]})"
    parts = [
        f"### {table.full_name}",
        f"{table.title}. Published: {table.runs} run{'s' * (table.runs > 1)} a cell. Both sides "
        f"selected by {rule}." + " Errors: less is better." * table.errors,
        markdown(as_printed(cells)),
    ]
    if claims:
        parts += ["What the paper says of it:", markdown(claims)]
    return parts + _hardware(cells)


def _own_section(table: Table, cells: Sequence[Cell]) -> list[str]:
    """A table of our own: no published number, no verdict, in no count."""
    rule = f"`{table.selection}` ({RULES[table.selection]})"
    return [
        f"### {table.full_name}",
        f"Ours, in the manner of the paper, which has no number to compare with. {table.title}. "
        f"Selected by {rule}.",
        markdown(as_printed(cells)),
        *_hardware(cells),
    ]


def _hardware(cells: Sequence[Cell]) -> list[str]:
    hardware = sorted({record["device"] for cell in cells for record in cell.records})
    return [f"Hardware: {'; '.join(hardware)}."] if hardware else []
