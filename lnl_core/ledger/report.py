"""Paper beside reproduced, as words: for the terminal, the notebooks and `docs/results.md`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lnl_core.ledger.paired import Difference
from lnl_core.ledger.tables import Cell
from lnl_core.ledger.verdicts import Comparison


def show_mean(comparison: Comparison) -> str:
    """`97.3 ± 0.1 (2)`; one run has no spread: `97.3 (1)`."""
    note = f", {comparison.diverged} diverged" if comparison.diverged else ""
    if comparison.mean is None:
        return "—" + note
    spread = "" if comparison.std is None else f" ± {comparison.std:.1f}"
    return f"{comparison.mean:.1f}{spread} ({comparison.n}){note}"


def show_published(value: float) -> str:
    """With the two decimals that some papers print, and with one where the second is 0."""
    return f"{value:.2f}".removesuffix("0")


def signed(points: float) -> str:
    """`+1.2`, `-0.3`; what rounds to nothing is `+0.0`, whichever side it is on."""
    return f"{round(points, 1) + 0.0:+.1f}"


def cell_row(cell: Cell) -> dict[str, str]:
    """A cell as the words of one line."""
    c = cell.comparison
    star = "*" if "star" in cell.mark else ""
    return {
        "method": cell.method,
        "noise": cell.column,
        "published": "—" if c.published is None else show_published(c.published) + star,
        "reproduced": _marked(show_mean(c), cell.own_mark),
        "delta": "—" if c.delta is None else signed(c.delta),
        "verdict": "—" if c.published is None else c.verdict,
    }


def as_printed(cells: Sequence[Cell]) -> list[dict[str, str]]:
    """The table in its printed shape, a row a method: `published → ours ± std (n) verdict`, or
    `ours ± std (n)` where nothing was published, and a dash where there is no cell."""
    rows: dict[str, dict[str, str]] = {}
    for cell in cells:
        words = cell_row(cell)
        text = words["reproduced"]
        if cell.comparison.published is not None:
            text = f"{words['published']} → {text} {words['verdict']}"
        rows.setdefault(cell.method, {"method": cell.method})[cell.column] = text
    head = max(rows.values(), key=len, default={})  # some row has every column
    return [dict.fromkeys(head, "—") | row for row in rows.values()]


def _marked(text: str, mark: str) -> str:
    """`**97.3 ± 0.1 (5)**⋆`: bold, then star and dagger."""
    signs = {"star": "⋆", "dagger": "†"}
    bold = "**" if "bold" in mark else ""
    return f"{bold}{text}{bold}" + "".join(signs.get(name, "") for name in mark.split("+"))


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of like keys as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(map(_in_cell, head)) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_in_cell(row[key]) for key in head) + " |" for row in rows]
    return "\n".join(lines)


def _in_cell(value: Any) -> str:
    """Text that neither ends a cell nor a line. (A bar in a formula is `\\mid`.)"""
    return " ".join(str(value).split()).replace("|", "\\|")


def show_difference(difference: Difference) -> str:
    """`-1.1 ± 0.2`, the error a standard error; one seed has none: `-1.1`."""
    if difference.mean is None:
        return "—"
    error = "" if difference.error is None else f" ± {difference.error:.1f}"
    return signed(difference.mean) + error


def study_row(row: dict[str, Any]) -> dict[str, str]:
    """A row of `studies.study_rows` as the words of one line."""
    variant = row["variant"]
    return {
        "changed": variant.label,
        "method": variant.method,
        "noise": variant.column,
        "unchanged, same seeds": show_mean(row["unchanged"]),
        "so changed": show_mean(row["changed"]),
        "difference": show_difference(row["difference"]),
    }


def group_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `tables.group_runs` as the words of one line."""
    words = dict(row)
    words["test accuracy"] = show_mean(words.pop("comparison"))
    return words
