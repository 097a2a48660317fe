"""Are the committed notebooks what their twins say, and can nbval find anything wrong with them?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from lnl_core.errors import InputError
from nbtools.cells import cell_label, tags
from nbtools.refresh import EXPLORER
from nbtools.twins import REFRESH, Notebook, parameters

CHECKED = "nbval-check-output"
# What nbval handles differently from Jupyter: their outputs never compare equal.
UNCHECKABLE = re.compile(r"\b(clear_output|update_display|ipywidgets|widgets|interact\w*)\b")


def problems(notebook: Notebook) -> list[str]:
    """One line for each thing that is wrong with a notebook; none when all is well."""
    if not notebook.twin.exists():
        return [f"has no source py/{notebook.twin.name}: write one, or delete the notebook"]
    if not notebook.ipynb.exists():
        return [f"py/{notebook.twin.name} has no notebook yet: {REFRESH}"]
    try:
        stored = notebook.read_ipynb()
    except InputError as error:
        return [str(error)]
    found = [out_of_step(notebook), *_metadata(stored), *_parameters(stored), *_outputs(stored)]
    return [problem for problem in [*found, *_checked(stored)] if problem]


def out_of_step(notebook: Notebook) -> str:
    """Where the notebook first differs from its twin, in words, or '' where it does not."""
    twin, stored = notebook.read_twin().cells, notebook.read_ipynb().cells
    for index, (ours, theirs) in enumerate(zip(twin, stored, strict=False)):
        if _essence(ours) != _essence(theirs):
            where = cell_label(twin, index) if ours.cell_type == "code" else "text"
            return f"differs from its source at {where}, block {index + 1}: {REFRESH}"
    if len(twin) != len(stored):
        return f"has {len(stored)} cells and its source {len(twin)}: {REFRESH}"
    return ""


def _essence(cell: NotebookNode) -> tuple[str, str, list[str]]:
    return cell.cell_type, cell.source, tags(cell)


def _metadata(stored: NotebookNode) -> Iterator[str]:
    kernel = stored.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield f"asks for the kernel {kernel!r}, which others may not have, not 'python3': {REFRESH}"
    if "widgets" in stored.metadata:
        yield f"holds widget state, which breaks its display on GitHub: {REFRESH}"


def _parameters(stored: NotebookNode) -> Iterator[str]:
    try:
        values = parameters(stored)
    except InputError as error:
        yield str(error)
        return
    # nbval passes no parameters: what it compares is what the defaults compute.
    if (values["PROFILE"], values["OUT_DIR"]) != ("smoke", None):
        yield "its `parameters` cell has to say PROFILE = 'smoke' and OUT_DIR = None"


def _outputs(stored: NotebookNode) -> Iterator[str]:
    for index, cell in enumerate(stored.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        # nbval passes over a cell without a count: whatever it holds would count as right.
        if cell.execution_count is None:
            yield f"{cell_label(stored.cells, index)} was not executed: {REFRESH}"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{cell_label(stored.cells, index)} holds an error: {output.ename}"


def _checked(stored: NotebookNode) -> Iterator[str]:
    checked = [i for i, cell in enumerate(stored.cells) if CHECKED in tags(cell)]
    if not checked:
        yield f"has no cell tagged `{CHECKED}`: nbval would compare nothing"
    for index in checked:
        cell = stored.cells[index]
        where = cell_label(stored.cells, index)
        if not any(_comparable(output) for output in cell.outputs):
            yield f"{where} is tagged `{CHECKED}` and prints nothing to compare"
        if cell.source.rstrip().endswith(";"):
            yield f"{where} is tagged `{CHECKED}` and ends with ';', which nbval ignores: use `_ =`"
        if UNCHECKABLE.search(cell.source) or any(_explorer(output) for output in cell.outputs):
            yield f"{where} is tagged `{CHECKED}`, and nbval cannot compare widgets or clear_output"


def _comparable(output: NotebookNode) -> bool:
    """Does nbval compare this? Not standard error (we exempt it), and not bitmaps."""
    if output.output_type == "stream":
        return output.name == "stdout" and bool(output.text.strip())
    return bool(set(output.get("data", {})) - {"image/png", "image/jpeg"})


def _explorer(output: NotebookNode) -> bool:
    return output.get("data", {}).get("text/plain") == EXPLORER
