"""Tanaka et al. 2018: settings by noise as in Table 5, the tables' cells, the claims on the paper's
own numbers."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from ledger_helpers import record_of
from training_helpers import random_dataset

from lnl_core import InputError, TrainConfig, configure, parse_noise
from lnl_core.ledger.studies import study_configs
from lnl_core.ledger.tables import cell_config, get_table, published_cell, table_cells
from lnl_core.papers import PAPERS, paper_settings
from lnl_core.papers.tanaka2018 import CLAIMS, STUDIES, TABLES, step_one

ORIGINAL = {"source": "torchvision CIFAR10"}
HALF, AN40 = "symmetric-inclusive:0.5", "asymmetric:0.4"


def table(name: str):
    return get_table(f"tanaka2018/{name}")


# --- how networks are trained --------------------------------------------------------------------

STEP_TWO = TrainConfig(
    epochs=120, batch_size=128, optimizer="sgd", lr=0.2, momentum=0.9, weight_decay=1e-4,
    schedule="step", lr_drops=(40, 80), preprocess="pixel-mean", augmentation="crop-flip",
)  # fmt: skip


@pytest.mark.parametrize(
    ("noise", "alpha", "beta", "lr"),
    [
        # Table 5.
        ("symmetric-inclusive:0", 1.2, 0.8, 0.01),
        ("symmetric-inclusive:0.1", 1.2, 0.8, 0.02),
        ("symmetric-inclusive:0.3", 1.2, 0.8, 0.03),
        ("symmetric-inclusive:0.5", 1.2, 0.8, 0.04),
        ("symmetric-inclusive:0.7", 1.2, 0.8, 0.08),
        ("symmetric-inclusive:0.9", 0.8, 0.4, 0.12),
        # Sections 5.6 and 5.7.
        ("asymmetric:0.1", 0.8, 0.4, 0.03),
        ("cifar10-asymmetric:0.5", 0.8, 0.4, 0.03),
        ("pseudo-label", 1.2, 0.8, 0.04),
        # Not in the paper: the nearest rate.
        ("symmetric-inclusive:0.38", 1.2, 0.8, 0.03),
        ("symmetric:0.75", 1.2, 0.8, 0.08),
        ("none", 1.2, 0.8, 0.01),
    ],
)
def test_alpha_beta_and_the_rate_of_step_1_go_by_the_noise(noise, alpha, beta, lr):
    assert step_one(parse_noise(noise)) == (alpha, beta, lr)
    for method in ("joint", "joint-hard"):
        config = configure(method, "cifar10", noise, profile="paper")
        assert (config.paper, config.protocol, config.net) == (
            "tanaka2018", "code", "preact-resnet32",
        )  # fmt: skip
        assert config.options == {"alpha": alpha, "beta": beta, "zero_filled": True}
        assert config.train == STEP_TWO
        step = dataclasses.replace(STEP_TWO, epochs=200, lr=lr, schedule="constant", lr_drops=())
        assert config.stages == {"relabel": step}
        text = configure(method, "cifar10", noise, profile="paper", protocol="text")
        assert text.options == {"alpha": alpha, "beta": beta}
        assert text.train == config.train and text.stages == config.stages


@pytest.mark.parametrize("method", ["cross-entropy", "forward", "cnn-crf"])
def test_what_relabels_nothing_is_trained_as_step_2_is(method):
    for column in ("asymmetric:0.1", "asymmetric:0.5"):
        config = cell_config(table("table2"), method, column)
        assert (config.train, config.stages, config.options) == (STEP_TWO, {}, {})
        assert config.net == "preact-resnet32"


def test_clothing1m_is_trained_as_section_5_2_says():
    config = cell_config(table("table3"), "joint", "given")
    assert config.options == {
        "alpha": 2.4, "beta": 0.8, "start_epoch": 1, "memory": None, "prior": "labels",
    }  # fmt: skip
    first, second = config.stages["relabel"], config.train
    assert (first.epochs, first.lr, first.schedule) == (10, 8e-4, "constant")
    assert (second.epochs, second.lr, second.lr_drops) == (10, 5e-4, (5,))
    for train in (first, second):
        assert (train.batch_size, train.momentum, train.weight_decay) == (32, 0.9, 1e-3)
        assert train.augmentation == "none"
    assert (config.net, config.net_options) == ("resnet50", {"pretrained": True})


def test_the_code_draws_exact_counts_and_the_text_each_label_on_its_own():
    draws = {
        protocol: cell_config(table("table1"), "joint", HALF, protocol=protocol).noise.draw
        for protocol in (None, "code", "text")
    }
    assert draws == {None: "exact", "code": "exact", "text": "bernoulli"}


def test_a_tenth_is_held_out_and_the_best_epoch_is_that_of_clean_validation_labels():
    assert cell_config(table("table1"), "joint", HALF).val_fraction == 0.1
    assert {table(n).selection for n in ("table1", "table2", "table3")} == {"best_val_clean"}
    assert {table(f"{n}-last").selection for n in ("table1", "table2", "table3")} == {"last"}


def test_what_is_given_wins_over_the_noise():
    given = configure(
        "joint", "cifar10", HALF, profile="paper", options={"beta": 0.1},
        stages={"relabel": {"lr": 0.5, "epochs": 7}},
    )  # fmt: skip
    assert given.options["beta"] == 0.1 and given.options["alpha"] == 1.2
    assert (given.stages["relabel"].lr, given.stages["relabel"].epochs) == (0.5, 7)
    assert given.train == STEP_TWO
    with pytest.raises(InputError, match="unknown training setting 'rate'"):
        configure("joint", "cifar10", HALF, profile="paper", stages={"relabel": {"rate": 1}})


def test_a_stage_without_settings_of_its_own_gets_the_runs_with_the_change():
    config = configure("joint", dataset=random_dataset(), stages={"relabel": {"lr": 0.5}}, epochs=9)
    assert config.stages == {"relabel": dataclasses.replace(config.train, lr=0.5)}
    assert config.train.epochs == 9
    before = paper_settings("tanaka2018", "cifar10", None)
    configure("joint", "cifar10", HALF, profile="paper", stages={"relabel": {"lr": 0.5}})
    assert paper_settings("tanaka2018", "cifar10", None) == before


# --- tables --------------------------------------------------------------------------------------


def test_every_printed_number_of_the_ten_tables_is_some_cells():
    from lnl_core.ledger.published import read_published

    found = {
        id(published_cell(table, method, column))
        for table in TABLES
        for method in table.methods
        for column in table.columns
    }
    left = [row for row in read_published("tanaka2018") if id(row) not in found]
    # Quoted from Patrini et al.; and the numbers of all samples.
    assert [(row.table, row.metric, row.value) for row in left] == [
        ("table3", "accuracy", 68.94), ("table3", "accuracy", 69.84),
        ("table12", "count", 45000), ("table13", "count", 45000),
    ]  # fmt: skip


def test_a_sweep_changes_one_thing_and_recurs_at_its_base():
    for name in ("table6", "table7", "table8", "table9"):
        sweep = table(name)
        configs = {column: cell_config(sweep, "joint", column) for column in sweep.columns}
        alpha, beta, lr = step_one(next(iter(configs.values())).noise)
        for column, config in configs.items():
            what, value = column.split("=")
            found = {
                "alpha": config.options["alpha"],
                "beta": config.options["beta"],
                "lr": config.stages["relabel"].lr,
            }
            assert found == {"alpha": alpha, "beta": beta, "lr": lr} | {what: float(value)}
            assert config.train == STEP_TWO
        base = [f"alpha={alpha:g}", f"beta={beta:g}", f"lr={lr:g}"]
        assert len({str(configs[column]) for column in base}) == 1
        values = {published_cell(sweep, "joint", column).value for column in base}
        assert len(values) == 1


@pytest.mark.parametrize(
    ("column", "start", "epochs"),
    [("start_epoch=0", 0, 200), ("start_epoch=150", 150, 200), ("stop_epoch=300", 70, 300)],
)
def test_start_and_stop_epoch_are_when_labels_change(column, start, epochs):
    config = cell_config(table("table10"), "joint", column)
    assert config.options["start_epoch"] == start
    assert (config.stages["relabel"].epochs, config.stages["relabel"].lr) == (epochs, 0.1)
    assert config.train.epochs == 120


def test_the_confidence_tables_read_the_same_runs_as_tables_1_and_2():
    for binned, printed, column in (("table12", "table2", AN40), ("table13", "table1", None)):
        column = column or "symmetric-inclusive:0.7"
        wanted = cell_config(table(printed), "joint", column)
        for name in (binned, f"{binned}-count"):
            for part in table(name).columns:
                assert cell_config(table(name), "joint", part) == wanted


def test_one_record_fills_a_cell_of_every_block_under_its_own_rule_and_metric():
    config = cell_config(table("table2"), "joint", AN40).to_dict()
    record = record_of(config, 0.9, dataset=ORIGINAL)
    first = copy.deepcopy(record["history"])
    for epoch, (val, recovered) in zip(first, ((0.5, 0.7), (0.9, 0.8), (0.6, 0.75)), strict=True):
        epoch |= {"stage": "relabel", "val_clean_accuracy": val, "test_accuracy": 0.1}
        epoch["diagnostics"] = {
            "recovered": recovered, "share_0.99-1": 0.6, "recovered_0.99-1": 0.998,
        }  # fmt: skip
    record["history"] = first + record["history"]

    def cell(name: str, column: str):
        cells = table_cells(table(name), [record])
        return next(c.comparison for c in cells if (c.method, c.column) == ("joint", column))

    assert cell("table2", AN40).mean == pytest.approx(90)
    assert cell("table2-recovery", AN40).mean == pytest.approx(80)
    assert cell("table2-recovery-last", AN40).mean == pytest.approx(75)
    assert cell("table12", "0-1").mean == pytest.approx(75)
    assert cell("table12", "0.99-1").mean == pytest.approx(99.8)
    assert cell("table12", "0.99-1").verdict == "match"
    count = cell("table12-count", "0.99-1")
    assert (count.mean, count.published) == (pytest.approx(60), pytest.approx(100 * 27046 / 45000))
    assert cell("table12", "0-0.9").verdict == "not run"  # nobody in it
    val = record["history"][-1]["val_clean_accuracy"]
    assert cell("table6", "alpha=0.8").mean == pytest.approx(100 * val)  # the sweep's base
    assert cell("table6", "alpha=0.5").n == 0
    assert cell("table2", "asymmetric:0.3").n == 0


def test_below_the_paper_profile_a_column_varies_what_a_budget_allows():
    small = cell_config(table("table10"), "joint", "stop_epoch=300", profile="smoke")
    assert small.data == "digits" and small.train.epochs == 40
    assert small.options == {"alpha": 0.8, "beta": 0.4}
    assert small.stages["relabel"] == dataclasses.replace(small.train, lr=0.1)


def test_our_numbers_get_no_marks_by_another_papers_caption():
    record = record_of(cell_config(table("table1"), "joint", HALF).to_dict(), 0.9, dataset=ORIGINAL)
    other = record_of(
        cell_config(table("table1"), "cross-entropy", HALF).to_dict(), 0.1, dataset=ORIGINAL
    )
    assert {cell.own_mark for cell in table_cells(table("table1"), [record, other])} == {""}


# --- figures -------------------------------------------------------------------------------------


def test_the_figures_runs_are_as_long_as_printed():
    studies = {study.name: study_configs(study, 1) for study in STUDIES}
    two = [config.train for config in studies["figure2"][1::2]]
    assert [(t.lr, t.schedule, t.epochs) for t in two] == [
        (0.2, "constant", 120), (0.02, "constant", 120),
    ]  # fmt: skip
    for config in studies["figure3"][1::2]:
        assert (config.train.epochs, config.train.lr, config.train.lr_drops) == (
            600, 0.2, (200, 400),
        )  # fmt: skip
    assert len(studies["figure3"]) == 12
    for config in studies["section5.4"][1::2]:
        assert config.stages["relabel"].epochs == 1500 and config.train.epochs == 120
        assert config.options["start_epoch"] == 70 and config.stages["relabel"].lr == 0.08
    tops = [config.options.get("top", "all") for config in studies["section5.4"][3::2]]
    assert tops == [50, 500, 5000, "all"]


# --- claims --------------------------------------------------------------------------------------


def printed_means(claim) -> dict[tuple[str, ...], float]:
    return {
        (method, column) if claim.table else (one.name, method, column): one.unit
        * published_cell(one, method, column).value
        for one in TABLES
        if claim.table in (None, one.name)
        for method in one.methods
        for column in one.columns
    }


def test_the_papers_own_numbers_fail_two_of_its_claims():
    """In Table 8 β = 2 gives 30.3%, its neighbour 85.2; the rate 0.005 gives 79.5, 0.08 85.5."""
    assert len(CLAIMS) > 60
    failed = [claim for claim in CLAIMS if claim.decide(printed_means(claim)) is False]
    assert [claim.table for claim in failed] == ["table8", "table8"]
    assert "sensitive to beta" in failed[0].text and "sensitive to lr" in failed[1].text


def test_every_claim_can_fail_and_waits_for_its_cells():
    for claim in CLAIMS:
        ours = printed_means(claim)
        decided = set()
        for cell in claim.needs:
            for value in (0.0, 100.0):
                decided.add(claim.decide(ours | {cell: value}))
        assert False in decided, (claim.table, claim.text)
        assert claim.decide({}) is None


def test_it_is_a_paper_like_the_others():
    assert PAPERS["tanaka2018"].TABLES is TABLES
    names = [one.full_name for one in TABLES]
    assert len(names) == len(set(names)) == 20
