"""Which notebooks there are, and what their twins say."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from lnl_core.errors import InputError, unknown_name
from nbtools.cells import tags


@dataclass(frozen=True)
class Notebook:
    """One notebook: its twin and the generated file. Either may be missing."""

    folder: Path
    name: str

    @property
    def twin(self) -> Path:
        return self.folder / "py" / f"{self.name}.py"

    @property
    def ipynb(self) -> Path:
        return self.folder / f"{self.name}.ipynb"

    def read_twin(self) -> NotebookNode:
        return jupytext.read(self.twin, fmt="py:percent")

    def read_ipynb(self) -> NotebookNode:
        try:
            return nbformat.read(self.ipynb, as_version=4)
        except nbformat.reader.NotJSONError:
            raise InputError(f"{self.ipynb} is not a notebook: {REFRESH}") from None


REFRESH = "run `make refresh`"


def find(folder: Path, names: list[str]) -> list[Notebook]:
    """The notebooks of a folder, or those of them that are named ('01_x', '01_x.ipynb')."""
    files = [*folder.glob("*.ipynb"), *folder.glob("py/*.py")]
    known = sorted({file.stem for file in files})
    if not known:
        raise InputError(f"no notebooks in {folder}: name their folder with --source")
    chosen = [Path(name).stem for name in names] or known
    for name in chosen:
        if name not in known:
            raise unknown_name("notebook", name, known)
    return [Notebook(folder, name) for name in sorted(set(chosen))]


def parameters(notebook: NotebookNode) -> dict[str, object]:
    """Names and values that the cell tagged `parameters` sets.

    papermill adds the caller's values in a cell of its own behind that one, so a value computed
    in it would stay what the defaults made it: only literals will do. A name that is not set here
    is one papermill would add without anything reading it.
    """
    cells = [cell for cell in notebook.cells if "parameters" in tags(cell)]
    if len(cells) != 1:
        raise InputError(f"has {len(cells)} cells tagged `parameters`: it needs exactly one")
    values: dict[str, object] = {}
    try:
        for statement in ast.parse(cells[0].source).body:
            values |= _assigned(statement)
    except (SyntaxError, ValueError):
        raise InputError(
            "its `parameters` cell has to be lines like NAME = literal, and nothing else"
        ) from None
    for name in ("PROFILE", "OUT_DIR"):
        if name not in values:
            raise InputError(f"its `parameters` cell does not set {name}")
    return values


def _assigned(statement: ast.stmt) -> dict[str, object]:
    """{name: value} of `NAME = literal`; ValueError for any other statement."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return {name: ast.literal_eval(value)}
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return {name: ast.literal_eval(value)}
    raise ValueError(ast.unparse(statement))
