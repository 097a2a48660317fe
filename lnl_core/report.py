"""Paper beside reproduced, as words: for the terminal, the notebooks and `docs/results.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lnl_core.grid import results_folder
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Table
from lnl_core.selection import RULES
from lnl_core.studies import all_studies, study_keys, study_rows
from lnl_core.tables import Cell, decide_across, decide_claims, group_runs, judged_keys, table_cells
from lnl_core.verdicts import VERDICTS, Comparison


def show_mean(comparison: Comparison) -> str:
    """`97.3 ± 0.1 (2)`; one run has no spread: `97.3 (1)`."""
    note = f", {comparison.diverged} diverged" if comparison.diverged else ""
    if comparison.mean is None:
        return "—" + note
    spread = "" if comparison.std is None else f" ± {comparison.std:.1f}"
    return f"{comparison.mean:.1f}{spread} ({comparison.n}){note}"


def cell_row(cell: Cell) -> dict[str, str]:
    """A cell as the words of one line."""
    c = cell.comparison
    star = "*" if "star" in cell.mark else ""
    return {
        "method": cell.method,
        "noise": cell.column,
        "published": "—" if c.published is None else f"{c.published:.1f}{star}",
        "reproduced": _marked(show_mean(c), cell.own_mark),
        "delta": "—" if c.delta is None else f"{c.delta:+.1f}",
        "verdict": c.verdict,
    }


def as_printed(cells: Sequence[Cell]) -> list[dict[str, str]]:
    """The table in its printed shape, a row a method: `published → ours ± std (n) verdict`."""
    rows: dict[str, dict[str, str]] = {}
    for cell in cells:
        words = cell_row(cell)
        text = f"{words['published']} → {words['reproduced']} {words['verdict']}"
        rows.setdefault(cell.method, {"method": cell.method})[cell.column] = text
    return list(rows.values())


def _marked(text: str, mark: str) -> str:
    """`**97.3 ± 0.1 (5)**⋆`: bold, then star and dagger."""
    signs = {"star": "⋆", "dagger": "†"}
    bold = "**" if "bold" in mark else ""
    return f"{bold}{text}{bold}" + "".join(signs.get(name, "") for name in mark.split("+"))


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of like keys as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows]
    return "\n".join(lines)


def study_row(row: dict[str, Any]) -> dict[str, str]:
    """A row of `studies.study_rows` as the words of one line."""
    variant, difference = row["variant"], row["difference"]
    return {
        "changed": variant.label,
        "method": variant.method,
        "noise": variant.column,
        "as in the table": show_mean(row["unchanged"]),
        "so changed": show_mean(row["changed"]),
        "difference": "—" if difference is None else f"{difference:+.1f}",
    }


def group_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `tables.group_runs` as the words of one line."""
    words = dict(row)
    words["test accuracy"] = show_mean(words.pop("comparison"))
    return words


def results_page() -> str:
    """`docs/results.md`: every specified table against the committed records, and the claims."""
    verdicts: Counter[str] = Counter()
    sections: list[str] = []
    for name, paper in PAPERS.items():
        records = list(results_folder(name, "paper"))
        judged: set[str] = set()
        by_table = {table.name: table_cells(table, records) for table in paper.TABLES}
        for table in paper.TABLES:
            cells = by_table[table.name]
            judged |= judged_keys(cells)
            verdicts.update(cell.comparison.verdict for cell in cells)
            sections += _table_section(table, cells, decide_claims(paper.CLAIMS, table, cells))
        across = decide_across(paper.CLAIMS, by_table)
        if across:
            sections += [f"## {name}: what the paper says across its tables", markdown(across)]
        for study in (study for study in all_studies().values() if study.table.paper == name):
            judged |= study_keys(study, records)
            rows = [study_row(row) for row in study_rows(study, records)]
            sections += [f"## {study.full_name}", f"{study.title}.", markdown(rows)]
        others = [record for record in records if record["key"] not in judged]
        if others:
            rows = [group_row(row) for row in group_runs(others, paper.TABLES[0].selection)]
            sections += [f"## {name}: other data, settings or budgets, not judged", markdown(rows)]
    summary = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    head = [
        "# Results",
        "Written by `lnl report` from `data/results/` and `data/published/`, not by hand. "
        "Accuracies in percent, mean ± standard deviation (number of runs). *match*: within one "
        "point or two standard errors of the difference; *close*: within three points. Bold, ⋆ and "
        "† mark our numbers by the rules of the paper's caption, once a column is complete.",
        f"**Cells: {summary}.**",
    ]
    return "\n\n".join(head + sections) + "\n"


def _table_section(table: Table, cells: Sequence[Cell], claims: list[dict]) -> list[str]:
    rule = f"`{table.selection}` ({RULES[table.selection]})"
    parts = [
        f"## {table.full_name}",
        f"{table.title}. Published: {table.runs} run{'s' * (table.runs > 1)} a cell. Both sides "
        f"selected by {rule}.",
        markdown([cell_row(cell) for cell in cells]),
    ]
    if claims:
        parts += ["What the paper says of it:", markdown(claims)]
    hardware = sorted({record["device"] for cell in cells for record in cell.records})
    if hardware:
        parts.append(f"Hardware: {'; '.join(hardware)}.")
    return parts
