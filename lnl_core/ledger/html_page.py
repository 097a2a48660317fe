"""`build/report/index.html`: every cell, claim and miss, on one page that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lnl_core.ledger.claims import Decided, claim_rows
from lnl_core.ledger.html_parts import (
    Html,
    bar,
    chips,
    folded,
    joined,
    rows_table,
    tag,
    verdict,
)
from lnl_core.ledger.html_style import STYLE
from lnl_core.ledger.report import cell_row, group_row, show_mean, study_row
from lnl_core.ledger.results_page import cite, summary_rows
from lnl_core.ledger.survey import PaperSurvey, TableSurvey, dates, hardware, total
from lnl_core.ledger.tables import Cell
from lnl_core.measures.selection import RULES

TITLE = "Learning with noisy labels: paper beside reproduced"
LEGEND = (
    "Percent, accuracies where nothing else is said. Only runs of the paper's own data, settings "
    "and schedule are judged. Match: within one point or two standard errors of the difference. "
    "Close: within three points. Whatever was run otherwise stands apart, without a verdict."
)


def html_page(papers: Sequence[PaperSurvey]) -> str:
    """The whole page, style included; no script."""
    counts = total(papers)
    summary = [
        row | {"paper": tag("a", row["paper"], href=f"#{paper.name}")}
        for paper, row in zip(papers, summary_rows(papers), strict=True)
    ]
    missed = [_miss(paper, *miss) for paper in papers for miss in paper.misses]
    body = [
        tag("h1", TITLE),
        tag("p", chips(counts, every=True)),
        bar(counts),
        tag("p", f"{sum(paper.records for paper in papers)} run records. {LEGEND}"),
        rows_table(summary),
    ]
    if missed:
        body += [tag("h2", "What differs, and why"), tag("ul", *missed)]
    body += [_hide_idle(), *(_paper(paper) for paper in papers)]
    head = joined(
        [
            Html('<meta charset="utf-8">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", TITLE),
            tag("style", Html(STYLE)),
        ]
    )
    page = tag("html", tag("head", head), tag("body", joined(body)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _miss(paper: PaperSurvey, found: TableSurvey, cell: Cell, reason: str) -> Html:
    where = f"{paper.name}, {found.table.name}: {cell.method}, {cell.column}"
    numbers = f" {cell_row(cell)['published']} → {show_mean(cell.comparison)}. "
    return tag("li", tag("b", where), numbers, tag("span", reason))


def _hide_idle() -> Html:
    box = Html('<input type="checkbox" id="ran"> ')
    return tag("label", box, "only what was run")


def _paper(paper: PaperSurvey) -> Html:
    parts = [
        tag("h2", cite(paper), id=paper.name),
        tag("p", chips(paper.verdicts, every=True)),
        bar(paper.verdicts),
        *(_table(found) for found in paper.tables),
    ]
    if paper.across:
        css = "" if any(claim.here is not None for claim in paper.across) else "idle"
        parts.append(
            folded(
                tag("b", "What the paper says across its tables"), _claims(paper.across), css=css
            )
        )
    if paper.studies:
        parts.append(tag("h3", "Studies: what single settings are worth"))
    for found in paper.studies:
        rows = rows_table([study_row(row) for row in found.rows])
        parts.append(
            folded(_summary(found.study.full_name, found.study.title), rows, css=_idle(found.ran))
        )
    if paper.own_tables:
        parts += [
            tag("h3", "Ours, in the manner of the paper: no published number, no verdict"),
            *(_table(found) for found in paper.own_tables),
        ]
    if paper.others:
        rows = rows_table([group_row(row) for row in paper.others])
        parts += [
            tag("h3", "Other data, settings or budgets: not judged"),
            folded(_summary(f"{len(paper.others)} rows", ""), rows),
        ]
    return tag("section", joined(parts))


def _idle(ran: bool) -> str:
    return "" if ran else "idle"


def _summary(name: str, title: str) -> Html:
    return joined([tag("b", name), tag("span", title)], " ")


def _table(found: TableSurvey) -> Html:
    table = found.table
    runs = "" if found.own else f"Published: {table.runs} run{'s' * (table.runs > 1)} a cell. "
    rule = f"Selected by {table.selection} ({RULES[table.selection]})."
    parts = [tag("p", runs + rule + " Errors: less is better." * table.errors)]
    if found.ran:
        ran = [cell for cell in found.cells if cell.records]
        parts += [
            tag("p", tag("small", f"{hardware(ran)}; {dates(ran)}")),
            rows_table([_row(cell, found.own) for cell in ran]),
        ]
    if not found.own and not all(cell.records for cell in found.cells):
        grid = rows_table(_printed(found))
        parts.append(folded(tag("span", "Not run yet: as published"), grid) if found.ran else grid)
    if found.claims:
        parts.append(_claims(found.claims))
    summary = joined([_summary(table.name, table.title), chips(found.verdicts)], " ")
    return folded(summary, *parts, css=_idle(found.ran))


def _row(cell: Cell, own: bool) -> dict[str, Any]:
    """A cell that was run: the paper's number, ours, and from how many runs, where and when."""
    words = cell_row(cell)
    row = {"method": words["method"], "noise": words["noise"]}
    if not own:
        row["published"] = words["published"]
    row["reproduced"] = _ours(cell)
    if not own:
        row |= {"delta": words["delta"], "verdict": verdict(words["verdict"])}
    seeds = ", ".join(sorted({str(r["config"]["seeds"]["init"]) for r in cell.records}, key=int))
    return row | {
        "seeds": seeds,
        "hardware": hardware([cell]),
        "date": dates([cell]),
    }


def _ours(cell: Cell) -> Html:
    text = show_mean(cell.comparison)
    signs = {"star": "⋆", "dagger": "†"}
    marks = "".join(signs.get(name, "") for name in cell.own_mark.split("+"))
    return tag("b" if "bold" in cell.own_mark else "span", text + marks)


def _printed(found: TableSurvey) -> list[dict[str, str]]:
    """The published numbers of the cells without a run, in the table's printed shape."""
    rows: dict[str, dict[str, str]] = {}
    for cell in found.cells:
        empty = {"method": cell.method} | dict.fromkeys(found.table.columns, "")
        row = rows.setdefault(cell.method, empty)
        if not cell.records:
            row[cell.column] = cell_row(cell)["published"]
    return [row for row in rows.values() if any(list(row.values())[1:])]


def _claims(claims: Sequence[Decided]) -> Html:
    rows = [
        {name: word if name == "claim" else verdict(word) for name, word in row.items()}
        for row in claim_rows(claims)
    ]
    return rows_table(rows, "claims")
