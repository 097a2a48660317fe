"""What a cell is called, and why a notebook stopped at it.

Nothing here imports `lnl_core`, and so torch: it runs in each notebook's process, beside a kernel.
"""

from __future__ import annotations

import re

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

LONGEST = 200
#: Exception → what to do about it.
REMEDIES = {
    "ModuleNotFoundError": "install what is missing with `make setup`",
    "NoSuchKernel": "install Jupyter's kernel with `make setup`",
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def cell_label(cells: list[NotebookNode], index: int) -> str:
    """'cell 7 `loss = f(x)`': the number that Jupyter shows beside it, and its first line."""
    number = sum(cell.cell_type == "code" for cell in cells[: index + 1])
    lines = [line for line in cells[index].source.splitlines() if line.strip()]
    return f"cell {number} `{lines[0].strip()[:LONGEST]}`" if lines else f"cell {number}"


def describe(error: Exception, timeout: int | None) -> str:
    """The exception that ended an execution, in one line and with a way out where one is known:
    'ValueError: rate must be …'."""
    if isinstance(error, CellTimeoutError):
        return (
            f"TimeoutError: still running after {timeout} s; on a busy machine run it alone "
            "(JOBS=1), or give cells more time (tools/notebooks.py run --timeout SECONDS)"
        )
    if isinstance(error, DeadKernelError):
        return (
            "DeadKernelError: the kernel died; memory running out is the usual cause: run it "
            "alone (JOBS=1), or with PROFILE=smoke"
        )
    kind = getattr(error, "ename", type(error).__name__)
    said = ANSI.sub("", str(getattr(error, "evalue", error))).strip()
    said = said.splitlines()[0] if said else ""
    if kind == "InputError":
        return f"{kind}: {said}"  # whole: how to mend it stands at its end
    line = f"{kind}: {said[:LONGEST]}" if said else kind
    return f"{line}; {REMEDIES[kind]}" if kind in REMEDIES else line
