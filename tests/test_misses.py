"""Reasons for misses: each belongs to a cell that differs, and a broken file says where."""

from __future__ import annotations

import pytest

from lnl_core.errors import InputError
from lnl_core.ledger.misses import COLUMNS, read_reasons
from lnl_core.ledger.survey import survey

HEAD = ",".join(COLUMNS)


def test_every_reason_still_belongs_to_a_cell_that_differs():
    missed = {
        (paper.name, found.table.name, cell.method, cell.column)
        for paper in survey()
        for found, cell, _ in paper.misses
    }
    stale = set(read_reasons()) - missed
    assert not stale, f"data/misses.csv explains cells that no longer differ: {stale}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("paper,table\n", "the columns must be"),
        (f"{HEAD}\na,b,c,d,\n", "line 2"),
        (f"{HEAD}\na,b,c,d,why,more\n", "line 2"),
        (f"{HEAD}\na,b,c,d\n", "line 2"),
        (f"{HEAD}\na,b,c,d,why\na,b,c,d,other\n", "line 3: a b c d has a reason already"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, text, words):
    file = tmp_path / "misses.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_reasons(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        read_reasons(tmp_path / "misses.csv")
