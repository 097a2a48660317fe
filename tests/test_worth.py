"""What a quirk is worth, on the seeds that both sides have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import cell_record, mnist_config, record_of

from lnl_core.ledger.paired import Difference
from lnl_core.ledger.tables import get_table
from lnl_core.ledger.worth import option_words, worth_row, worths
from lnl_core.papers.spec import Study, Variant

HARD = "asymmetric:0.6"
STUDY = Study(
    get_table("patrini2017/table2-mnist"),
    "a-study",
    "made by a test",
    (
        Variant("more dropout", "forward", HARD, {"net_options": {"dropout": 0.5}}),
        Variant("another start", "forward", HARD, {"net_options": {"init": "text"}}),
    ),
)


def with_dropout(accuracy, seed=0):
    config = mnist_config("forward", HARD, seed)
    config["net_options"]["dropout"] = 0.5
    return record_of(config, accuracy, dataset={"source": "torchvision MNIST"})


def test_seeds_that_only_one_side_has_do_not_count():
    records = [
        cell_record("forward", HARD, 0.70),
        cell_record("forward", HARD, 0.90, seed=1),  # a lucky seed, not run with more dropout
        with_dropout(0.69),
    ]
    dropout, start = worths(STUDY, records)
    assert (dropout.unchanged, dropout.changed) == (pytest.approx(70), pytest.approx(69))
    assert dropout.difference.mean == pytest.approx(-1) and dropout.difference.n == 1
    assert start.difference.n == 0 and start.changed is None
    words = worth_row(dropout)
    assert (words["worth"], words["seeds"], words["beyond chance"]) == ("-1.0", "1", "—")
    assert words["option"] == "dropout=0.5"
    assert worth_row(start)["worth"] == "not run"


def test_a_gain_is_above_0_where_the_change_is_better_in_errors_too():
    (_, accuracy), (_, errors) = (
        (name, worths(Study(get_table(name), "made", "by a test", STUDY.variants[:1]), []))
        for name in ("patrini2017/table2-mnist", "jindal2019/table1-mnist-20k")
    )
    up = Difference(2.0, None, None, 1)
    assert replace(accuracy[0], difference=up).gain == 2.0
    assert replace(errors[0], difference=up).gain == -2.0


def test_several_seeds_have_an_error_and_a_verdict():
    records = [cell_record("forward", HARD, 0.7 + 0.1 * k, seed=k) for k in range(3)]
    records += [with_dropout(0.69 + 0.1 * k, k) for k in range(3)]
    words = worth_row(worths(STUDY, records)[0])
    assert (words["worth"], words["seeds"], words["beyond chance"]) == ("-1.0 ± 0.0", "3", "yes")


def test_options_are_told_as_they_are_given():
    changes = {"protocol": "text", "options": {"clip": 0.0}, "stages": {"relabel": {"epochs": 5}}}
    assert option_words(changes) == "protocol='text', clip=0.0, epochs=5"
