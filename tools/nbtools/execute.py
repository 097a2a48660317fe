"""Execute one notebook with papermill; a program of its own, started by run.py.

One process a notebook, because papermill changes the working directory of its process. Reads the
job as JSON from its argument; prints {"failure": "…"} as JSON, empty when the last cell was
reached. The executed notebook and its HTML page are left behind in either case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import papermill
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from nbtools.cells import cell_label, describe, tags

# Cells that papermill adds: the caller's parameters, and its own marks at a failing cell.
ADDED = {"injected-parameters", "papermill-error-cell-tag"}


def execute(job: dict) -> str:
    """What stopped the notebook, or '' when nothing did."""
    output = Path(job["output"])
    try:
        papermill.execute_notebook(
            _literal(job["input"]),
            _literal(job["output"]),
            parameters=job["parameters"],
            kernel_name="python3",
            language="python",
            cwd=job["folder"],  # papermill's default is the caller's folder, not the notebook's
            progress_bar=False,
            execution_timeout=job["timeout"],
        )
        failure = ""
    except Exception as error:  # whatever it is, it belongs in the summary beside the others
        failure = f"{_where(output)}: {describe(error, job['timeout'])}"
    if output.exists():
        page, _ = HTMLExporter().from_filename(str(output))
        output.with_suffix(".html").write_text(page, encoding="utf-8")
    return failure


def _literal(path: str) -> str:
    """papermill formats paths with the parameters: braces in a folder's name are no field."""
    return path.replace("{", "{{").replace("}", "}}")


def _where(output: Path) -> str:
    """The cell that was running when execution stopped: the last one papermill had started.

    papermill's exception names the cell, but a dead kernel or a timeout ends it with another.
    """
    if not output.exists():
        return "before the first cell"
    cells = nbformat.read(output, as_version=4).cells
    cells = [cell for cell in cells if not ADDED & set(tags(cell))]
    started = [index for index, cell in enumerate(cells) if _started(cell)]
    return cell_label(cells, started[-1]) if started else "before the first cell"


def _started(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("papermill", {}).get("start_time"))


if __name__ == "__main__":
    print(json.dumps({"failure": execute(json.loads(sys.argv[1]))}))
