"""`docs/gpu-queue.md` names every table of the papers, queued or not."""

from __future__ import annotations

import re

import pytest

from lnl_core.ledger.records import project_folder
from lnl_core.papers import PAPERS

QUEUE = project_folder("results").parent.parent / "docs" / "gpu-queue.md"
#: What the name of a table ends in that reads the runs of another.
VIEW = r"(-(best|last|recovery|ap|count|top5))+$"
PRINTED = sorted(
    {
        f"{paper}/{re.sub(VIEW, '', table.name)}"
        for paper, module in PAPERS.items()
        for table in module.TABLES
    }
)


@pytest.mark.parametrize("name", PRINTED)
def test_no_table_is_left_out_without_a_word(name):
    assert re.search(rf"{name}(?![\w-])", QUEUE.read_text(encoding="utf-8"))
