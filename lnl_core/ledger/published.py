"""The papers' own numbers, `data/published/*.csv`, read and never typed again."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lnl_core.errors import InputError, unknown_name
from lnl_core.ledger.records import project_folder

COLUMNS = (
    "paper", "table", "dataset", "net", "n_train", "noise", "rate", "method", "metric",
    "selection", "setting", "value", "std", "mark", "note",
)  # fmt: skip
#: What a cell is found by. `value`, `std`, `mark` and `note` are what is found.
KEY = COLUMNS[:11]


@dataclass(frozen=True)
class Published:
    """One printed result. `value` and `std` are as printed, mostly percent."""

    paper: str
    table: str
    dataset: str
    net: str
    n_train: str
    noise: str
    rate: float | None
    method: str
    metric: str
    selection: str
    setting: str
    value: float
    std: float | None
    mark: str
    note: str


@lru_cache
def read_published(paper: str, folder: Path | None = None) -> tuple[Published, ...]:
    """Every row of one paper's CSV. Raises `InputError` naming file, line and what is wrong."""
    folder = folder or project_folder("published")
    file = folder / f"{paper}.csv"
    if not file.is_file():
        raise unknown_name("paper", paper, [path.stem for path in folder.glob("*[0-9].csv")])
    with file.open(newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InputError(f"{file}: the columns must be {','.join(COLUMNS)}.")
        return tuple(_row(file, number, row) for number, row in enumerate(reader, 2))


def _row(file: Path, line: int, row: dict[str, str]) -> Published:
    try:
        numbers = {
            "rate": float(row["rate"]) if row["rate"] else None,
            "value": float(row["value"]),
            "std": float(row["std"]) if row["std"] else None,
        }
    except (TypeError, ValueError) as error:
        raise InputError(f"{file}, line {line}: {error}.") from None
    return Published(**(row | numbers))
