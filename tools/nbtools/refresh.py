"""Make a committed notebook: twin → cells → executed → stripped of what changes by itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from lnl_core.errors import InputError
from nbtools.cells import cell_label, describe
from nbtools.surroundings import reproducible
from nbtools.twins import Notebook

CELL_TIMEOUT = 600  # seconds
LARGE = 1_000_000  # bytes; GitHub stops rendering a notebook not far above that
WIDGET = "application/vnd.jupyter.widget-view+json"
EXPLORER = "An explorer with sliders: run this notebook to use it."


def refresh(notebook: Notebook) -> list[str]:
    """Write the notebook of a twin anew and return remarks on it.

    Raises `InputError`, and leaves the file as it was, if a cell errs.
    """
    if not notebook.twin.exists():
        raise InputError(f"{notebook.name} has no source {notebook.twin}: write one first")
    document = notebook.read_twin()
    _name_cells(document)
    _execute(document, notebook)
    remarks = _strip(document)
    text = nbformat.writes(document) + "\n"
    _replace(notebook.ipynb, text)
    if len(text) > LARGE:
        remarks.append(f"{len(text) / 1e6:.1f} MB: draw fewer figures, or at a lower dpi")
    return remarks


def _name_cells(document: NotebookNode) -> None:
    """Give each cell an id made from what it says, so that an edit changes one id, not all."""
    seen: dict[str, int] = {}
    for cell in document.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell["id"] = f"{digest}-{seen[digest]}"
    # Ids came with this version of the format; jupytext starts from an earlier one.
    document.nbformat, document.nbformat_minor = 4, 5


def _execute(document: NotebookNode, notebook: Notebook) -> None:
    started: list[int] = []
    client = NotebookClient(
        document,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # of each start, ipykernel warns about its sockets
        resources={"metadata": {"path": str(notebook.folder)}},
        on_cell_start=lambda cell, cell_index: started.append(cell_index),
    )
    try:
        client.execute(env=reproducible())
    except Exception as error:  # any of them means the same here: this notebook cannot be kept
        where = cell_label(document.cells, started[-1]) if started else "before the first cell"
        why = describe(error, CELL_TIMEOUT)
        outcome = f"{notebook.ipynb.name} was not written"
        raise InputError(f"{notebook.name} {where}: {why}; {outcome}") from error


def _strip(document: NotebookNode) -> list[str]:
    """Drop what would differ the next time, and report what a reader might miss."""
    version_free = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": version_free})
    remarks = []
    for index, cell in enumerate(document.cells):
        if cell.cell_type != "code":
            continue
        warnings = "".join(out.text for out in cell.outputs if out.get("name") == "stderr").strip()
        if warnings:
            where = cell_label(document.cells, index)
            remarks.append(f"{where}: left out a warning: {warnings.splitlines()[0]}")
        cell.outputs = _settled(cell.outputs)
    return remarks


def _settled(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs in the one form that does not depend on clocks, paths and process numbers."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr":  # warnings name files of this machine and process
            continue
        # Printed text comes in pieces, cut wherever the kernel's clock had it sent.
        if kept and output.output_type == kept[-1].output_type == "stream":
            kept[-1].text += output.text
            continue
        # A widget's state is not stored (GitHub cannot show notebooks that hold it), so say what
        # was there in words: the model's name is drawn anew each time.
        if output.get("data", {}).pop(WIDGET, None):
            output.data["text/plain"] = EXPLORER
        kept.append(output)
    return kept


def _replace(path: Path, text: str) -> None:
    """Write in one step: a reader, or an interruption, finds the old file or the new one."""
    beside = path.with_suffix(".tmp")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
