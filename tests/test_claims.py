"""What the papers say, held against numbers."""

import pytest
from ledger_helpers import TABLE, cell_record

from lnl_core.ledger.claims import Decided, claim_rows, decide, of_table, tally
from lnl_core.ledger.tables import get_table, table_cells
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Claim, beats

HARD = "asymmetric:0.6"


@pytest.fixture(autouse=True)
def _no_data(monkeypatch, tmp_path):
    """Claims need records and published numbers, and no dataset."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path))


def test_claims_hold_fail_or_wait_in_print_and_here():
    claims = [
        beats(TABLE.name, "forward", "cross-entropy", HARD, points=30, text="5.1"),
        beats(TABLE.name, "cross-entropy", "forward", HARD, text="5.1"),
        beats(TABLE.name, "forward", "backward", HARD, text="5.1"),
        Claim("another-table", "not asked", (), lambda means: True),
    ]
    records = [cell_record("forward", HARD, 0.55), cell_record("cross-entropy", HARD, 0.6)]
    found = decide(claims, {TABLE.name: table_cells(TABLE, records)})
    # In print 97.3, 53.0 and 89.2.
    assert [claim.in_print for claim in found] == [True, False, True]
    assert [claim.here for claim in found] == [False, True, None]


def test_a_claim_across_tables_reads_cells_of_each():
    same = Claim(
        None,
        "forward is the same on both",
        (("one", "forward", HARD), ("other", "forward", HARD)),
        lambda means: means["one", "forward", HARD] == means["other", "forward", HARD],
    )
    cells = table_cells(TABLE, [cell_record("forward", HARD, 0.97)])
    worse = table_cells(TABLE, [cell_record("forward", HARD, 0.9)])
    for blocks, here in (
        ({"one": cells, "other": cells}, True),
        ({"one": cells}, None),
        ({"one": cells, "other": worse}, False),
    ):
        (found,) = decide([same], blocks)
        assert found.table is None and found.here is here


def test_a_number_that_nobody_printed_leaves_print_out():
    own = get_table("tanaka2018/digits-sn-last")
    claim = beats(own.name, "joint", "forward", "symmetric-inclusive:0.5", text="5.1")
    (found,) = decide([claim], {own.name: table_cells(own, [])})
    assert found.in_print is None
    assert claim_rows([found]) == [{"claim": claim.text, "here": "not enough runs"}]


FOUND = [
    Decided("one", "a", in_print=True, here=False),
    Decided("one", "b", in_print=None, here=True),
    Decided("two", "c", in_print=True, here=None),
    Decided(None, "d", in_print=False, here=False),
]


def test_rows_say_in_words_what_was_found():
    assert claim_rows(FOUND[:2]) == [
        {"claim": "a", "in print": "holds", "here": "does not hold"},
        {"claim": "b", "in print": "not printed", "here": "holds"},
    ]
    assert claim_rows(FOUND[2:]) == [
        {"table": "two", "claim": "c", "in print": "holds", "here": "not enough runs"},
        {"table": "across", "claim": "d", "in print": "does not hold", "here": "does not hold"},
    ]
    assert claim_rows([]) == []


def test_claims_are_counted_and_told_apart_by_table():
    assert of_table(FOUND, "one") == tuple(FOUND[:2]) and of_table(FOUND, None) == (FOUND[3],)
    assert tally(FOUND) == (
        "4 claims. In print: 2 hold, 1 do not, 1 have no printed number. "
        "Here: 1 hold, 2 do not, 1 wait for runs."
    )


def test_every_claim_reads_cells_of_its_own_table():
    for name, paper in PAPERS.items():
        for claim in paper.CLAIMS:
            for *where, method, column in claim.needs:
                assert bool(where) == (claim.table is None)
                (own,) = where or [claim.table]
                table = get_table(f"{name}/{own}")
                assert method in table.methods and column in table.columns
