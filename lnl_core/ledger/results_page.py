"""`docs/results.md`: the outcome first, then every table against the committed records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lnl_core.ledger.claims import claim_rows
from lnl_core.ledger.report import as_printed, cell_row, group_row, markdown, study_row
from lnl_core.ledger.survey import PaperSurvey, TableSurvey, dates, hardware, total
from lnl_core.ledger.tables import Cell
from lnl_core.ledger.verdicts import VERDICTS
from lnl_core.measures.selection import RULES
from lnl_core.papers.citations import CITATIONS

HEAD = """# Results

Written by `lnl report` from `data/results/` and `data/published/`, not by hand; the same with every
cell's runs, machine and day is `build/report/index.html`. Percent, accuracies where nothing else is
said. A cell reads *published → ours ± standard deviation (runs) verdict*.
*match*: within one point or two standard errors of the difference; *close*: within three points.
Bold, ⋆ and † mark our numbers by the rules of the paper's caption, once a column is complete."""


def results_page(papers: Sequence[PaperSurvey]) -> str:
    """The page as Markdown."""
    sections = [HEAD, f"**Cells: {_counted(total(papers))}.**", markdown(summary_rows(papers))]
    missed = [_miss_row(*miss) for paper in papers for miss in paper.misses]
    if missed:
        sections += ["## What differs, and why", markdown(missed)]
    failed = [
        f"* {cite(paper)}: {claim.text}" + " (Nor in print.)" * (claim.in_print is False)
        for paper in papers
        for claim in paper.claims
        if claim.here is False
    ]
    if failed:
        sections += ["Claims of the papers that do not hold here:", "\n".join(failed)]
    for paper in papers:
        sections += [f"## {paper.name}", f"{cite(paper)}. Cells: {_counted(paper.verdicts)}."]
        sections += _paper_sections(paper)
    return "\n\n".join(sections) + "\n"


def cite(paper: PaperSurvey) -> str:
    """`Patrini et al. 2017, loss correction`."""
    return ", ".join(CITATIONS[paper.name])


def summary_rows(papers: Sequence[PaperSurvey]) -> list[dict[str, str]]:
    """A row a paper: its cells by verdict, and how many of its decided claims hold."""
    rows = []
    for paper in papers:
        claims = Counter(claim.here for claim in paper.claims)
        decided = claims[True] + claims[False]
        rows.append(
            {"paper": cite(paper)}
            | {verdict: str(paper.verdicts[verdict]) for verdict in VERDICTS}
            | {"claims that hold": f"{claims[True]} of {decided}" if decided else "—"}
        )
    return rows


def _miss_row(found: TableSurvey, cell: Cell, reason: str) -> dict[str, str]:
    """One cell that differs, as the words of one line."""
    words = cell_row(cell)
    return {
        "table": found.table.full_name,
        "method": words["method"],
        "noise": words["noise"],
        "published → ours": f"{words['published']} → {words['reproduced']}",
        "why": reason,
    }


def _counted(verdicts: Counter[str]) -> str:
    return ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)


def _paper_sections(paper: PaperSurvey) -> list[str]:
    """What was run of one paper, the paper's own tables unfolded; then a line for all else."""
    sections: list[str] = []
    waiting: list[str] = []
    for found in paper.tables:
        if found.ran:
            sections += _table_section(found)
        else:
            waiting.append(_line(found))
    decided = [claim for claim in paper.across if claim.here is not None]
    if decided:
        sections += ["### What the paper says across its tables", markdown(claim_rows(decided))]
    for found in paper.studies:
        if found.ran:
            rows = markdown([study_row(row) for row in found.rows])
            sections += [
                f"### {found.study.full_name}",
                *_folded(f"Study: {found.study.title}", rows),
            ]
        else:
            waiting.append(f"* `lnl study {found.study.full_name}`: {found.study.title}")
    for found in paper.own_tables:
        if found.ran:
            sections += _own_section(found)
        else:
            waiting.append(_line(found))
    if paper.others:
        rows = markdown([group_row(row) for row in paper.others])
        sections += [
            "### Other data, settings or budgets, not judged",
            *_folded(f"{len(paper.others)} rows", rows),
        ]
    if waiting:
        sections += ["### Not run", *_folded(f"{len(waiting)} tables", "\n".join(waiting))]
    return sections


def _line(found: TableSurvey) -> str:
    ours = ", ours" * found.own
    return f"* `{found.table.full_name}`{ours}: {found.table.title}, {len(found.cells)} cells"


def _table_section(found: TableSurvey) -> list[str]:
    table = found.table
    parts = [
        f"### {table.full_name}",
        f"{table.title}. Published: {table.runs} run{'s' * (table.runs > 1)} a cell. Both sides "
        f"selected by {_rule(found)}." + " Errors: less is better." * table.errors,
        markdown(as_printed(found.cells)),
    ]
    if found.claims:
        parts += ["What the paper says of it:", markdown(claim_rows(found.claims))]
    return [*parts, _where(found)]


def _own_section(found: TableSurvey) -> list[str]:
    """A table of our own: no published number, no verdict, in no count."""
    decided = [claim for claim in found.claims if claim.here is not None]
    asked = ["What the paper says, asked here:", markdown(claim_rows(decided))] if decided else []
    return [
        f"### {found.table.full_name}",
        *_folded(
            f"Ours: {found.table.title}",
            "In the manner of the paper, which has no number to compare with. "
            f"Selected by {_rule(found)}.",
            markdown(as_printed(found.cells)),
            *asked,
            _where(found),
        ),
    ]


def _folded(summary: str, *parts: str) -> list[str]:
    return [f"<details><summary>{summary}</summary>", *parts, "</details>"]


def _rule(found: TableSurvey) -> str:
    rule = found.table.selection
    return f"`{rule}` ({RULES[rule]})"


def _where(found: TableSurvey) -> str:
    return f"Hardware: {hardware(found.cells)}; {dates(found.cells)}."
