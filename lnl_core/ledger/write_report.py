"""`lnl report`: everything that is said of the results, written from one survey."""

from __future__ import annotations

from pathlib import Path

from lnl_core.atomic import replacing
from lnl_core.ledger.html_page import html_page
from lnl_core.ledger.methods_page import methods_page
from lnl_core.ledger.readme_summary import readme_summary, with_summary
from lnl_core.ledger.records import project_folder
from lnl_core.ledger.results_page import results_page
from lnl_core.ledger.survey import survey


def write_report(root: Path | None = None) -> list[Path]:
    """Write `build/report/index.html`, `docs/results.md` and `docs/methods.md`, and the summary
    into `README.md`.

    `root` is the project's folder. Each file is written whole or not at all. Returns the files.
    """
    root = root or project_folder("results").parent.parent
    papers = survey()
    readme = root / "README.md"
    texts = {
        root / "docs" / "results.md": results_page(papers),
        root / "docs" / "methods.md": methods_page(papers),
        root / "build" / "report" / "index.html": html_page(papers),
        readme: with_summary(readme.read_text(), readme_summary(papers)),
    }
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as part:
            part.write_text(text)
    return list(texts)
