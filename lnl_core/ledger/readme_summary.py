"""The README's summary of the results, between two marker comments, from the same survey."""

from __future__ import annotations

from collections.abc import Sequence

from lnl_core.errors import InputError
from lnl_core.ledger.report import markdown, show_published
from lnl_core.ledger.results_page import summary_rows
from lnl_core.ledger.survey import PaperSurvey, total

BEGIN = "<!-- written by lnl report: -->"
END = "<!-- until here -->"
#: The column that the README shows as an example: the hardest of a table that was run.
EXAMPLE = ("patrini2017", "table2-mnist", "asymmetric:0.6", ("cross-entropy", "forward"))


def readme_summary(papers: Sequence[PaperSurvey]) -> str:
    """An example column, then the count of cells and a row a paper, as Markdown."""
    verdicts = total(papers)
    judged = sum(verdicts[word] for word in ("match", "close", "differs"))
    return "\n\n".join(
        [
            markdown(_example(papers)),
            f"Of {verdicts.total()} published cells {judged} have runs at the paper's scale: "
            f"{verdicts['match']} match, {verdicts['close']} are close, {verdicts['differs']} "
            "differ.",
            markdown(summary_rows(papers)),
        ]
    )


def _example(papers: Sequence[PaperSurvey]) -> list[dict[str, str]]:
    paper, name, column, methods = EXAMPLE
    tables = next(found for found in papers if found.name == paper).tables
    cells = next(found for found in tables if found.table.name == name).cells
    rows = []
    for cell in (cell for cell in cells if cell.column == column and cell.method in methods):
        c = cell.comparison
        ours = "—" if c.mean is None else f"{c.mean:.1f}"
        rows.append(
            {
                f"test accuracy, MNIST, {column}": cell.method,
                "ours": ours if c.std is None else f"{ours} ± {c.std:.1f}",
                "published": show_published(c.published),
                "runs": str(c.n),
            }
        )
    return rows


def with_summary(readme: str, summary: str) -> str:
    """The README with this summary between its markers. Raises `InputError` without them."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.find(END) < readme.find(BEGIN):
        raise InputError(f"README.md needs '{BEGIN}' and then '{END}', once each.")
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n\n{summary}\n\n{END}{rest.split(END)[1]}"
