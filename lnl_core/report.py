"""Paper beside reproduced, as words: for the terminal, the notebooks and `docs/results.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lnl_core.grid import results_folder
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Table
from lnl_core.tables import Cell, Record, all_tables, decide_claims, table_cells, unjudged
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
        "reproduced": show_mean(c),
        "delta": "—" if c.delta is None else f"{c.delta:+.1f}",
        "verdict": c.verdict,
    }


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of like keys as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows]
    return "\n".join(lines)


def judged_rows(cells: Sequence[Cell]) -> list[dict[str, str]]:
    return [cell_row(cell) for cell in cells]


def unjudged_rows(
    table: Table, records: Iterable[Record], cells: Sequence[Cell]
) -> list[dict[str, Any]]:
    """Runs on these data that no cell counts, as words, with no verdict."""
    return [
        row | {"comparison": show_mean(row["comparison"])}
        for row in unjudged(table, records, cells)
    ]


def results_page() -> str:
    """`docs/results.md`: every specified table against the committed records, and the claims."""
    sections, verdicts = [], Counter()
    for table in all_tables().values():
        records = list(results_folder(table.paper, "paper"))
        cells = table_cells(table, records)
        verdicts.update(cell.comparison.verdict for cell in cells)
        sections += _table_section(table, records, cells)
    summary = ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS)
    return (
        "\n\n".join(
            [
                "# Results",
                "Written by `lnl report` from `data/results/` and `data/published/`; not by hand. "
                "Accuracies in percent, mean ± standard deviation (number of runs). *match*: "
                "within one point or two standard errors of the difference; *close*: within three "
                "points.",
                f"**Cells: {summary}.**",
                *sections,
            ]
        )
        + "\n"
    )


def _table_section(table: Table, records: list[Record], cells: Sequence[Cell]) -> list[str]:
    parts = [
        f"## {table.full_name}",
        f"{table.title}. Published: {table.runs} run{'s' * (table.runs > 1)} a cell, selected by "
        f"`{table.selection}`; ours under the same rule.",
        markdown(judged_rows(cells)),
    ]
    claims = decide_claims(PAPERS[table.paper].CLAIMS, table, cells)
    if claims:
        parts += ["Claims:", markdown(claims)]
    apart = unjudged_rows(table, records, cells)
    if apart:
        parts += ["Runs on other data, settings or budgets, not judged:", markdown(apart)]
    hardware = sorted({record["device"] for cell in cells for record in cell.records})
    if hardware:
        parts.append(f"Hardware: {'; '.join(hardware)}.")
    return parts
