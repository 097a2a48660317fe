"""Methods in order under each selection rule."""

from __future__ import annotations

import pytest
from ledger_helpers import mnist_config, record_of

from lnl_core.ledger.leaderboard import leaderboard, reversals, shared_rules
from lnl_core.measures.selection import RULES, select
from lnl_core.train import EpochRecord

COLUMN = "symmetric:0.2"


def record(method, accuracies, *, seed=0, val_loss=(3.0, 2.0, 1.0), memorised=0.5, **changes):
    """A record whose test accuracy is given epoch by epoch; lowest `val_loss`, best epoch."""
    made = record_of(mnist_config(method, COLUMN, seed), 0.0, **changes)
    for epoch, accuracy, loss in zip(made["history"], accuracies, val_loss, strict=True):
        epoch |= {"test_accuracy": accuracy, "val_loss": loss, "memorised": memorised}
        epoch["val_clean_accuracy"] = None if loss is None else accuracy
    made["metrics"] = select([EpochRecord(**epoch) for epoch in made["history"]])
    return made


STEADY = (0.7, 0.75, 0.8)  # ends where it is best
FORGETS = (0.9, 0.8, 0.6)  # was better, and memorised


def by_name(standings):
    return {standing.method: standing for standing in standings}


def test_the_rule_decides_who_is_first():
    board = leaderboard(
        {
            "cross-entropy": [record("cross-entropy", FORGETS, val_loss=(1.0, 2.0, 3.0))],
            "forward": [record("forward", STEADY)],
        }
    )
    assert [standing.method for standing in board] == ["forward", "cross-entropy"]
    plain = by_name(board)["cross-entropy"]
    assert plain.rank == {
        "last": 2,
        "last10": 1,
        "best_val": 1,
        "best_val_clean": 1,
        "best_test": 1,
    }
    assert plain.mean("last") == pytest.approx(0.6) and plain.mean("best_val") == pytest.approx(0.9)
    assert plain.spread("last") is None  # one run
    assert shared_rules(board) == list(RULES)


def test_equals_share_a_place():
    board = leaderboard(
        {
            "forward": [record("forward", STEADY)],
            "savage": [record("savage", STEADY)],
            "sigmoid": [record("sigmoid", (0.1, 0.1, 0.1))],
        }
    )
    assert [standing.rank["last"] for standing in board] == [1, 1, 3]


def test_a_mean_over_seeds_and_its_spread():
    (own,) = leaderboard(
        {"forward": [record("forward", STEADY), record("forward", (0.7, 0.7, 0.6), seed=1)]}
    )
    assert own.mean("last") == pytest.approx(0.7)
    assert own.spread("last") == pytest.approx(0.02**0.5)
    assert own.runs == 2 and own.memorised == 0.5


def test_without_a_validation_split_its_rules_are_left_out():
    board = leaderboard(
        {
            "forward": [record("forward", STEADY, val_loss=(None,) * 3)],
            "savage": [record("savage", FORGETS)],
        }
    )
    assert shared_rules(board) == ["last", "last10", "best_test"]
    assert by_name(board)["forward"].mean("best_val") is None


def test_runs_that_diverged_count_apart_and_a_method_of_such_alone_is_last():
    board = leaderboard(
        {
            "backward": [record("backward", STEADY, status="diverged")],
            "forward": [
                record("forward", STEADY),
                record("forward", FORGETS, seed=1, status="diverged"),
            ],
            "savage": [],
        }
    )
    assert [(s.method, s.diverged, s.runs) for s in board] == [
        ("forward", 1, 2),
        ("backward", 1, 1),
    ]
    assert board[0].mean("last") == pytest.approx(0.8)
    assert board[1].rank == {} and board[1].seconds is None
    assert shared_rules(board) == list(RULES)  # those of the methods that have a result
    assert shared_rules(board[1:]) == []


def test_a_run_trained_with_others_took_its_share_of_the_seconds():
    alone, stacked = (
        leaderboard({"forward": [record("forward", STEADY, seconds=6.0, **more)]})[0]
        for more in ({}, {"stacked": 3})
    )
    assert (alone.seconds, stacked.seconds) == (6.0, 2.0)


def test_a_reversal_names_who_was_ahead_and_whether_chance_could_do_it():
    def board(wobble):
        return leaderboard(
            {
                "forward": [
                    record("forward", [a + wobble * k for a in STEADY], seed=k) for k in range(5)
                ],
                "cross-entropy": [record("cross-entropy", FORGETS, seed=k) for k in range(5)],
            }
        )

    (sure,) = reversals(board(0.0), "last", "best_test")
    assert (sure.one, sure.other) == ("forward", "cross-entropy")
    assert sure.lead.mean == pytest.approx(0.2) and sure.loss.mean == pytest.approx(-0.1)
    assert sure.beyond_chance
    (unsure,) = reversals(board(0.045), "last", "best_test")  # 0.80 to 0.98 against 0.90
    assert not unsure.beyond_chance
    assert reversals(board(0.0), "last", "last") == []
