"""Which records count for which cell, and what the cells then say."""

import copy

import pytest
from ledger_helpers import TABLE, cell_record, mnist_config, record_of

from lnl_core import load_dataset
from lnl_core.data.imdb import ORIGINAL as IMDB_ORIGINAL
from lnl_core.data.sources import SOURCES
from lnl_core.errors import InputError
from lnl_core.ledger import tables
from lnl_core.ledger.report import as_printed, cell_row, group_row, markdown
from lnl_core.ledger.tables import (
    all_tables,
    cell_config,
    get_table,
    group_runs,
    judged_keys,
    own_tables,
    published_cell,
    table_cells,
)
from lnl_core.measures.selection import RULES
from lnl_core.methods import method_names

HARD = "asymmetric:0.6"


def the_cell(records, method="forward", column=HARD, protocol=None):
    cells = table_cells(TABLE, records, protocol)
    return next(cell for cell in cells if (cell.method, cell.column) == (method, column))


@pytest.fixture(autouse=True)
def _no_data(monkeypatch, tmp_path):
    """A report needs records and published numbers, and no dataset."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path))


def test_every_cell_of_every_papers_table_has_a_published_number_and_none_of_ours():
    for table in all_tables().values():
        assert table.selection in RULES
        ours = table in own_tables(table.paper)
        for method, column in table.cells:
            found = published_cell(table, method, column)
            assert (found is None) == ours, (table.name, method)


def test_a_number_of_our_own_stands_without_a_verdict():
    table = get_table("tanaka2018/digits-sn-last")
    column = "symmetric-inclusive:0.5"
    config = cell_config(table, "joint", column).to_dict()
    source = {"source": load_dataset("digits").source}
    cells = table_cells(table, [record_of(config, 0.9, dataset=source)])
    (cell,) = (cell for cell in cells if cell.records)
    assert (cell.method, cell.column) == ("joint", column)
    assert cell_row(cell) == {
        "method": "joint", "noise": column, "published": "—", "reproduced": "90.0 (1)",
        "delta": "—", "verdict": "—",
    }  # fmt: skip
    (row,) = (row for row in as_printed(cells) if row["method"] == "joint")
    assert row[column] == "90.0 (1)" and row["symmetric-inclusive:0.1"] == "—"


def test_published_numbers_are_found_by_noise_and_rate():
    assert published_cell(TABLE, "forward", HARD).value == 97.3
    assert published_cell(TABLE, "forward", "asymmetric:0.2").value == 97.7
    assert published_cell(TABLE, "cross-entropy", "none").value == 97.9
    assert published_cell(TABLE, "forward", "symmetric:0.6") is None


def test_an_empty_table_says_not_run_and_not_built(monkeypatch):
    monkeypatch.setattr(tables, "method_names", lambda: ["forward"])
    verdicts = {cell.method: cell.comparison.verdict for cell in table_cells(TABLE, [])}
    assert verdicts["forward"] == "not run"
    assert verdicts["savage"] == "not built"


def test_runs_of_a_cell_are_averaged_over_their_seeds():
    records = [
        cell_record("forward", HARD, 0.970, seed=0),
        cell_record("forward", HARD, 0.974, seed=1),
    ]
    cell = the_cell(records).comparison
    assert (cell.n, cell.verdict) == (2, "match")
    assert cell.mean == pytest.approx(97.2) and cell.delta == pytest.approx(-0.1)
    assert cell_row(the_cell(records))["reproduced"] == "97.2 ± 0.3 (2)"


def test_one_seed_has_no_spread():
    assert cell_row(the_cell([cell_record("forward", HARD, 0.97)]))["reproduced"] == "97.0 (1)"


def test_other_data_epochs_or_protocols_are_not_judged():
    config = mnist_config("forward", HARD)
    fewer = copy.deepcopy(config)
    fewer["train"]["epochs"] = 5
    text = copy.deepcopy(config)
    text["net_options"]["dropout"] = 0.5
    text["protocol"] = "text"
    subset = config | {"limit": 1000}
    original = {"source": "torchvision MNIST"}
    records = [
        record_of(fewer, 0.97, dataset=original),
        record_of(text, 0.96, dataset=original),
        record_of(subset, 0.95, dataset=original),
        cell_record("forward", HARD, 0.94, dataset={"source": "somebody's MNIST"}),
    ]
    cells = table_cells(TABLE, records)
    assert judged_keys(cells) == set()
    assert the_cell(records).comparison.verdict == "not run"
    rows = [group_row(row) for row in group_runs(records, "best_val")]
    assert len(rows) == 4
    assert {row["test accuracy"] for row in rows} >= {"97.0 (1)", "96.0 (1)"}
    assert "verdict" not in rows[0]


def test_a_table_of_a_net_is_run_with_that_net_and_counts_no_other():
    lstm = get_table("patrini2017/table2-imdb-lstm")
    config = cell_config(lstm, "forward", "asymmetric:0.4").to_dict()
    assert (config["net"], config["train"]["lr"]) == ("lstm", 0.001)
    embedding = get_table("patrini2017/table2-imdb-embedding")
    record = record_of(config, 0.847, dataset={"source": IMDB_ORIGINAL})
    counts = {
        table.name: sum(cell.comparison.n for cell in table_cells(table, [record]))
        for table in (lstm, embedding)
    }
    assert counts == {"table2-imdb-lstm": 1, "table2-imdb-embedding": 0}
    copy = record_of(config, 0.847, dataset={"source": "folder aclImdb, not verified"})
    assert judged_keys(table_cells(lstm, [copy])) == set()
    smoke = cell_config(lstm, "forward", "asymmetric:0.4", profile="smoke")
    assert smoke.net == "word-embedding"  # the generic net for token ids: an LSTM takes minutes


def test_a_cell_counts_the_protocol_it_is_asked_for():
    text = cell_config(TABLE, "forward", HARD, protocol="text").to_dict()
    record = record_of(text, 0.97, dataset={"source": "torchvision MNIST"})
    assert the_cell([record], protocol="text").comparison.n == 1
    assert the_cell([record], protocol="code").comparison.n == 0


def test_a_record_of_an_older_method_version_is_not_judged():
    assert the_cell([cell_record("forward", HARD, 0.97, method_version=0)]).comparison.n == 0


def test_a_diverged_run_is_shown_and_makes_the_cell_differ():
    records = [
        cell_record("forward", HARD, 0.97, seed=0),
        cell_record("forward", HARD, 0.1, seed=1, status="diverged", error="NaN at epoch 2"),
    ]
    cell = the_cell(records)
    assert cell.comparison.verdict == "differs"
    assert cell_row(cell)["reproduced"] == "97.0 (1), 1 diverged"


def test_an_unknown_table_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'patrini2017/table2-mnist'"):
        get_table("patrini2017/table2-minst")


def test_the_printed_shape_has_a_row_a_method_and_a_column_a_noise():
    rows = as_printed(table_cells(TABLE, [cell_record("forward", HARD, 0.97)]))
    assert [row["method"] for row in rows] == list(TABLE.methods)
    assert all(list(row)[1:] == list(TABLE.columns) for row in rows)
    (forward,) = (row for row in rows if row["method"] == "forward")
    assert forward[HARD] == "97.3* → 97.0 (1) match"
    assert forward["none"] == "97.9 → — not run"


def test_markdown_has_a_line_a_row():
    assert markdown([{"a": 1, "b": "x"}]).splitlines() == ["| a | b |", "|---|---|", "| 1 | x |"]


def test_a_smoke_cell_runs_on_embedded_data_of_its_table_s_kind():
    kinds = {name: load_dataset(name).kind for name in {t.smoke for t in all_tables().values()}}
    for table in all_tables().values():
        method = next(name for name in table.methods if name in method_names())
        config = cell_config(table, method, table.columns[-1], profile="smoke")
        assert SOURCES[config.data].embedded and config.data == table.smoke
        assert (kinds[config.data] == "tokens") == (table.data == "imdb")
