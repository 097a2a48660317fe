"""Our tables in the manner of Tanaka et al. 2018: what they run, and whom they leave alone."""

from __future__ import annotations

import dataclasses

import pytest

from lnl_core import InputError, configure, profiles
from lnl_core.ledger.tables import cell_config, get_table
from lnl_core.papers import paper_for, paper_settings
from lnl_core.papers.tanaka2018 import OWN_SETTINGS, OWN_TABLES, SETTINGS, TABLES, step_one

HALF, MOST, AN40 = "symmetric-inclusive:0.5", "symmetric-inclusive:0.7", "asymmetric:0.4"


def own(name: str):
    return get_table(f"tanaka2018/{name}")


def test_nobody_gets_our_settings_who_does_not_ask_for_the_paper():
    assert "digits" in OWN_SETTINGS and "digits" not in SETTINGS
    assert paper_for("digits", "tanaka2018") is None
    assert paper_for("mnist", "tanaka2018") == "patrini2017"
    assert configure("joint").train.lr_drops == () and configure("joint").stages == {}
    assert configure("joint", "mnist", profile="paper").paper == "patrini2017"
    with pytest.raises(InputError, match="no paper here trains on digits"):
        configure("joint", "digits", profile="paper")
    assert paper_settings("tanaka2018", "digits", None)[0] == "ours"


@pytest.mark.parametrize("data", ["digits", "mnist"])
def test_a_cell_is_trained_in_two_steps_with_the_papers_alpha_and_beta(data):
    for column in own(f"{data}-sn").columns + own(f"{data}-an").columns:
        table = own(f"{data}-{'sn' if column.startswith('sym') else 'an'}")
        plain = cell_config(table, "cross-entropy", column)
        assert (plain.net, plain.data, plain.stages, plain.options) == ("mlp", data, {}, {})
        assert plain.noise.draw == "exact"
        for method in ("joint", "joint-hard"):
            config = cell_config(table, method, column)
            alpha, beta, _ = step_one(config.noise)
            assert config.options == {"alpha": alpha, "beta": beta}
            assert config.train == plain.train and set(config.stages) == {"relabel"}
            first = config.stages["relabel"]
            assert first.schedule == "constant" and first.batch_size == plain.train.batch_size


def test_a_table_of_ours_is_written_down_without_its_data(monkeypatch):
    """A report has hundreds of cells, and loading the digits takes 20 ms."""
    monkeypatch.setattr(profiles, "load_dataset", None)
    assert cell_config(own("digits-sn"), "joint", HALF).data == "digits"


def test_a_column_changes_what_it_says():
    rates = own("digits-lr")
    trains = [cell_config(rates, "cross-entropy", column).train for column in rates.columns]
    assert [f"lr={train.lr:g}" for train in trains] == list(rates.columns)
    assert {(train.epochs, train.schedule) for train in trains} == {(60, "constant")}
    first = own("digits-joint-lr-last")
    configs = [cell_config(first, "joint", column) for column in first.columns]
    assert [f"lr={c.stages['relabel'].lr:g}" for c in configs] == list(first.columns)
    unchanged = cell_config(own("digits-sn"), "joint", HALF)
    assert {c.train for c in configs} == {unchanged.train} and unchanged in configs
    hard = own("digits-hard-last")
    tops = [cell_config(hard, "joint-hard", column).options.get("top") for column in hard.columns]
    assert tops == [30, 100, 300, None]
    assert cell_config(hard, "joint-hard", "all") == cell_config(
        own("digits-sn"), "joint-hard", MOST
    )


def test_the_confidence_tables_read_the_runs_of_the_blocks():
    for block, column in (("an", AN40), ("sn", MOST)):
        wanted = cell_config(own(f"digits-{block}"), "joint", column)
        for suffix in ("", "-count"):
            table = own(f"digits-bins-{block}{suffix}")
            for part in table.columns:
                assert cell_config(table, "joint", part) == wanted
                assert table.setting(part).part == part


def test_every_hard_label_that_is_wrong_could_be_changed_in_time():
    for data, size in (("digits", 1167), ("mnist", 54_000)):
        table = own(f"{data}-hard-last")
        config = cell_config(table, "joint-hard", table.columns[0])
        epochs = config.stages["relabel"].epochs
        updates = epochs - round(0.35 * epochs) + 1
        assert config.options["top"] * updates >= 0.9 * 0.7 * size


def test_they_are_no_tables_of_the_paper():
    names = [table.full_name for table in (*TABLES, *OWN_TABLES)]
    assert len(names) == len(set(names))
    for table in OWN_TABLES:
        assert table.runs == 5 and not table.marks
        assert dataclasses.replace(table, printed="") == table
