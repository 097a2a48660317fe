"""Selection rules, on histories made by hand."""

from __future__ import annotations

import pytest

from lnl_core import EpochRecord
from lnl_core.measures.selection import RULES, select


def record(epoch: int, test: float, val: float | None, clean: float | None, stage: str = "train"):
    return EpochRecord(
        stage=stage,
        epoch=epoch,
        lr=0.1,
        train_loss=1.0,
        test_accuracy=test,
        val_loss=val,
        val_accuracy=None if val is None else 0.5,
        val_clean_loss=None if val is None else 9 - val,
        val_clean_accuracy=clean,
        train_accuracy=0.9,
        train_clean_accuracy=0.8,
        memorised=None,
        seconds=1.0,
    )


HISTORY = [
    record(1, 0.50, 2.0, 0.40),
    record(2, 0.70, 1.0, 0.60),
    record(3, 0.90, 1.5, 0.70),
    record(4, 0.60, 3.0, 0.80),
    record(5, 0.55, 4.0, 0.30),
]


def test_each_rule_reads_its_own_epoch():
    assert select(HISTORY) == pytest.approx(
        {"last": 0.55, "last10": 0.65, "best_val": 0.70, "best_val_clean": 0.60, "best_test": 0.90}
    )


def test_every_rule_is_explained():
    assert list(select(HISTORY)) == list(RULES)


def test_the_first_of_several_equal_epochs_is_chosen():
    tied = [
        record(1, 0.1, 2.0, 0.3),
        record(2, 0.2, 1.0, 0.9),
        record(3, 0.3, 1.0, 0.9),
        record(4, 0.4, 1.5, 0.2),
    ]
    assert select(tied)["best_val"] == select(tied)["best_val_clean"] == 0.2


def test_last10_is_the_mean_of_ten_and_not_of_eleven():
    history = [record(1, 1.0, 1.0, 0.5)] + [
        record(e, 0.1 * (e % 2), 1.0, 0.5) for e in range(2, 12)
    ]
    assert len(history) == 11
    assert select(history)["last10"] == pytest.approx(0.05)


def test_last10_of_a_shorter_run_is_the_mean_of_what_there_is():
    assert select(HISTORY[:2])["last10"] == pytest.approx(0.60)
    assert select(HISTORY[:1])["last10"] == 0.50


def test_without_a_validation_split_its_rules_have_no_answer():
    metrics = select([record(1, 0.3, None, None), record(2, 0.4, None, None)])
    assert metrics["best_val"] is None and metrics["best_val_clean"] is None
    assert (metrics["last"], metrics["best_test"]) == (0.4, 0.4)


def test_a_validation_score_of_zero_is_a_score():
    assert select([record(1, 0.3, 0.0, 0.0)])["best_val"] == 0.3
    assert select([record(1, 0.3, 0.0, 0.0)])["best_val_clean"] == 0.3


def test_a_negative_validation_loss_may_be_the_lowest():
    history = [record(1, 0.3, 0.1, 0.5), record(2, 0.4, -2.0, 0.5), record(3, 0.5, 0.0, 0.5)]
    assert select(history)["best_val"] == 0.4


def test_only_the_last_stage_counts():
    first = [record(e, 0.99, 0.01, 0.99, stage="estimate") for e in (1, 2)]
    assert select(first + HISTORY) == select(HISTORY)


def test_the_noisy_and_the_clean_validation_labels_are_not_mixed_up():
    # `val_clean_loss` is lowest where `val_loss` is highest.
    assert select(HISTORY)["best_val"] == 0.70
    assert select(HISTORY)["best_val"] != HISTORY[-1].test_accuracy
