"""Jindal et al. 2019: tables of errors, of fewer samples; the claims on the paper's own numbers."""

from __future__ import annotations

import inspect

import pytest
from ledger_helpers import record_of

from lnl_core.ledger.report import cell_row
from lnl_core.ledger.tables import cell_config, get_table, published_cell, table_cells
from lnl_core.methods import get_method
from lnl_core.papers import PAPERS
from lnl_core.papers.jindal2019 import CLAIMS, TABLES

HALF = "uniform-simplex:0.5"
BY_NAME = {table.name: table for table in TABLES}


def printed_means(table) -> dict[tuple[str, str], float]:
    return {
        (method, column): published_cell(table, method, column).value
        for method in table.methods
        for column in table.columns
    }


def across() -> dict[tuple[str, str, str], float]:
    return {
        (table.name, *cell): mean for table in TABLES for cell, mean in printed_means(table).items()
    }


def own_numbers(claim) -> dict:
    return across() if claim.table is None else printed_means(BY_NAME[claim.table])


# --- tables ---------------------------------------------------------------------------------------


def test_table_1_has_a_block_a_number_of_samples():
    limits = {
        name: cell_config(table, "nnaqc", HALF).limit
        for name, table in BY_NAME.items()
        if name.startswith("table1")
    }
    assert limits == {
        "table1-cifar10-50k": None, "table1-cifar10-30k": 30_000, "table1-cifar10-10k": 10_000,
        "table1-mnist-60k": None, "table1-mnist-40k": 40_000, "table1-mnist-20k": 20_000,
    }  # fmt: skip
    values = [
        published_cell(BY_NAME[f"table1-mnist-{count}k"], "nnaqc", HALF).value
        for count in (60, 40, 20)
    ]
    assert values == [2.20, 3.01, 6.32]


def test_every_printed_cell_of_tables_1_2_and_5_has_a_place():
    from lnl_core.ledger.published import read_published

    rows = [row for row in read_published("jindal2019") if row.table[5] in "125"]
    own = [table for table in TABLES if table.name[5] in "125"]
    assert len(rows) == sum(len(table.methods) * len(table.columns) for table in own) == 424


@pytest.mark.parametrize(
    ("table", "net", "preprocess", "batch"),
    [
        ("table1-cifar10-10k", "matconvnet-cifar", "whiten", 100),
        ("table1-mnist-20k", "lenet", "pixel-mean-raw", 100),
        ("table2-lc-cnn", "lc-cnn", "standardise", 100),
        ("table2-resnet44", "resnet44", "pixel-mean", 100),
        ("table5-cifar100", "lc-cnn", "standardise", 100),
    ],
)
def test_each_block_has_its_net_and_all_its_samples_train(table, net, preprocess, batch):
    config = cell_config(BY_NAME[table], "nnaqc", HALF)
    assert (config.net, config.train.preprocess) == (net, preprocess)
    assert (config.train.batch_size, config.val_fraction, config.protocol) == (batch, 0.0, "text")


def test_f_correction_alone_holds_out_a_tenth_to_take_its_matrix_by():
    for table in ("table1-mnist-20k", "table1-cifar10-10k", "table2-lc-cnn", "table2-resnet44"):
        shares = {
            m: cell_config(BY_NAME[table], m, HALF).val_fraction for m in BY_NAME[table].methods
        }
        assert shares.pop("forward-estimated") == 0.1
        assert set(shares.values()) == {0.0}


@pytest.mark.parametrize(
    ("table", "starts"),
    [
        ("table1-mnist-60k", {None}),
        ("table1-cifar10-10k", {None}),
        ("table2-lc-cnn", {None, 0.5}),
    ],
)
def test_of_ten_classes_every_layer_starts_as_the_identity(table, starts):
    def start(method):
        default = inspect.signature(get_method(method).method).parameters["start"].default
        return cell_config(BY_NAME[table], method, HALF).options.get("start", default)

    assert {start(m) for m in ("trace", "dropout-layer", "nnaqc", "nnaqc-dropout")} == starts


def test_the_budget_of_a_smaller_profile_limits_the_samples_and_not_the_table(monkeypatch):
    config = cell_config(BY_NAME["table1-mnist-40k"], "nnaqc", HALF, profile="smoke")
    assert (config.data, config.limit) == ("digits", None)


def test_a_cell_of_errors_is_compared_in_errors():
    table = BY_NAME["table1-mnist-60k"]
    config = cell_config(table, "nnaqc", HALF).to_dict()
    record = record_of(config, 0.973, dataset={"source": "torchvision MNIST"})
    cells = {(c.method, c.column): c for c in table_cells(table, [record])}
    cell = cells["nnaqc", HALF]
    assert cell.comparison.mean == pytest.approx(2.7)
    assert cell.comparison.delta == pytest.approx(0.5)
    assert cell_row(cell)["verdict"] == "match"
    assert {c.own_mark for c in cells.values()} == {""}


def test_a_run_on_fewer_samples_counts_for_its_own_block_alone():
    config = cell_config(BY_NAME["table1-mnist-20k"], "nnaqc", HALF).to_dict()
    record = record_of(config, 0.94, dataset={"source": "torchvision MNIST"})
    counts = {
        name: sum(cell.comparison.n for cell in table_cells(BY_NAME[name], [record]))
        for name in ("table1-mnist-60k", "table1-mnist-40k", "table1-mnist-20k")
    }
    assert counts == {"table1-mnist-60k": 0, "table1-mnist-40k": 0, "table1-mnist-20k": 1}


def test_table_5s_whole_method_is_table_1s_run():
    one, other = (
        cell_config(get_table(f"jindal2019/{name}"), "nnaqc", HALF)
        for name in ("table1-mnist-60k", "table5-mnist")
    )
    assert one == other


# --- claims ---------------------------------------------------------------------------------------


#: On CIFAR-10 a genie is the better one three times, as 21.07 against 21.40 at 5% noise; on MNIST
#: with 20,000 samples F-correction is, at 5%; on CIFAR-100 dropout makes 56.91 of 56.68, at 30%.
#: From 60,000 to 20,000 MNIST samples NNAQC loses 4.12 points, F-correction 3.88.
FAILED = [
    ("table1-cifar10-50k", "genies, perhaps with dropout, at uniform-simplex:0.05"),
    ("table1-cifar10-10k", "genies, perhaps with dropout, at uniform-simplex:0.05"),
    ("table1-cifar10-10k", "genies, perhaps with dropout, at uniform-simplex:0.1"),
    ("table1-mnist-20k", "told T, perhaps with dropout, at uniform-simplex:0.05"),
    ("table2-lc-cnn", "dropout particularly improves performance, at uniform-simplex:0.3"),
    (None, "from table1-mnist-60k to table1-mnist-20k"),
]


def test_of_the_papers_claims_its_own_numbers_fail_six():
    failed = [(claim.table, claim.text) for claim in CLAIMS if not claim.decide(own_numbers(claim))]
    assert [table for table, _ in failed] == [table for table, _ in FAILED]
    for (_, text), (_, part) in zip(failed, FAILED, strict=True):
        assert part in text


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.table}: {claim.text[:50]}")
def test_every_claim_can_fail_and_waits_for_its_cells(claim):
    """As if NNAQC were hopeless, no claim must hold; without a cell, none be decided."""
    numbers = own_numbers(claim)
    trusting = ("nnaqc-clean-only", "nnaqc-with-clean", "nnaqc-fine-tuned")
    hopeless = {"nnaqc": 60} | dict.fromkeys(("nnaqc-dropout", *trusting), 70)
    worse = {
        cell: value + sum(hopeless.get(part, 0) for part in cell) for cell, value in numbers.items()
    }
    for cell in worse:
        if "10k" in cell[0] or "20k" in cell[0]:  # and lost more with fewer samples
            worse[cell] += 20 if "nnaqc" in cell else 0
    assert claim.decide(worse) is False
    for cell in claim.needs:
        assert cell in numbers
        assert claim.decide({c: v for c, v in numbers.items() if c != cell}) is None


def test_nnaqc_s_settings_are_the_default_where_only_the_method_is_named():
    from lnl_core import configure

    config = configure("nnaqc", "mnist", profile="paper")
    assert (config.paper, config.net, config.train.epochs) == ("jindal2019", "lenet", 20)
    assert configure("forward", "mnist", profile="paper").paper == "patrini2017"
    assert set(PAPERS["jindal2019"].SETTINGS["mnist"]) == {"text"}
