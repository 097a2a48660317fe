"""Why a cell differs from print, where it is known: `data/misses.csv`, a row a cell.

Verdicts are computed; their reasons cannot be. A test says that each still belongs to a cell that
differs.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from lnl_core.errors import InputError
from lnl_core.ledger.records import project_folder
from lnl_core.ledger.tables import Cell

COLUMNS = ("paper", "table", "method", "column", "reason")
#: Said of a cell that differs and has no row.
UNEXPLAINED = "not looked into yet"

#: (paper, table, method, column) → the reason.
Reasons = dict[tuple[str, str, str, str], str]


@lru_cache
def read_reasons(file: Path | None = None) -> Reasons:
    """Every reason. Raises `InputError` naming file, line and what is wrong."""
    file = file or project_folder("misses.csv")
    if not file.is_file():
        raise InputError(f"{file} is not there: the reasons for the misses are committed with it.")
    reasons: Reasons = {}
    with file.open(newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InputError(f"{file}: the columns must be {','.join(COLUMNS)}.")
        for line, row in enumerate(reader, 2):
            *cell, reason = (row[name] for name in COLUMNS)
            if not reason or None in row:
                raise InputError(
                    f"{file}, line {line}: it needs {len(COLUMNS)} fields, all filled."
                )
            if tuple(cell) in reasons:
                raise InputError(f"{file}, line {line}: {' '.join(cell)} has a reason already.")
            reasons[tuple(cell)] = reason
    return reasons


def misses(cells: Sequence[Cell]) -> list[Cell]:
    """The cells that differ from print."""
    return [cell for cell in cells if cell.comparison.verdict == "differs"]
