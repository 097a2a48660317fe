"""Corrected labels and trust against the truth, and which of it a table's cell reads."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from training_helpers import finish, noisy_data, small_run

from lnl_core.ledger.measures import measured
from lnl_core.measures.recovery import CONFIDENCES, area_under_curve, recovery
from lnl_core.methods import CrossEntropy

few = settings(max_examples=40, deadline=None)


class Judge(CrossEntropy):
    """Says of labels and of trust what it is told."""

    def __init__(self, corrected=None, trust=None):
        torch.nn.Module.__init__(self)
        self.corrected, self.trust = corrected, trust

    def corrected_labels(self):
        return self.corrected

    def clean_probability(self):
        return self.trust


DATA = noisy_data()
CLEAN = DATA.train.clean


def test_a_method_that_judges_nothing_has_nothing_in_its_diagnostics():
    assert recovery(Judge(), DATA) == {}
    run = finish(small_run())
    assert all(record.diagnostics == {} for record in run.history)


def test_recovered_is_the_share_of_right_labels():
    corrected = CLEAN.clone()
    corrected[:12] = (corrected[:12] + 1) % 4
    assert recovery(Judge(corrected), DATA) == {"recovered": pytest.approx(36 / 48)}


def test_distributions_count_by_their_largest_class_and_by_its_size():
    sure = torch.tensor([1.0, 0.99, 0.97, 0.95, 0.93, 0.9, 0.89, 0.4]).repeat(6)
    guess = torch.where(torch.arange(48) % 8 == 6, (CLEAN + 1) % 4, CLEAN)  # those at 0.89
    labels = ((1 - sure) / 3).unsqueeze(-1).repeat(1, 4)
    labels[torch.arange(48), guess] = sure
    found = recovery(Judge(labels), DATA)
    assert found["recovered"] == pytest.approx(7 / 8)
    assert [found[f"share_{name}"] for name in CONFIDENCES] == pytest.approx([0.25] * 4)
    assert [found[f"recovered_{name}"] for name in CONFIDENCES] == pytest.approx([1, 1, 1, 0.5])


def test_a_range_that_nobody_is_in_has_no_recovery_and_stays_out_of_the_record():
    found = recovery(Judge(torch.eye(4)[CLEAN]), DATA)
    assert found["share_0-0.9"] == 0 and "recovered_0-0.9" not in found
    json.dumps(found, allow_nan=False)


@few
@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(2, 60))
def test_area_under_the_curve_is_scikit_learns_with_ties(seed, values, count):
    rng = np.random.default_rng(seed)
    positive = rng.random(count) < 0.6
    positive[:2] = True, False
    scores = rng.integers(values, size=count) / 7
    found = area_under_curve(torch.tensor(scores), torch.tensor(positive))
    assert float(found) == pytest.approx(roc_auc_score(positive, scores))


def test_trust_is_judged_by_which_labels_are_right():
    right = (DATA.train.labels == CLEAN).float()
    assert recovery(Judge(trust=right), DATA) == {"selection_auc": 1.0}
    assert recovery(Judge(trust=1 - right), DATA) == {"selection_auc": 0.0}
    assert recovery(Judge(trust=torch.ones(48)), DATA) == {"selection_auc": 0.5}
    without_noise = noisy_data("none")
    assert recovery(Judge(trust=torch.ones(48)), without_noise) == {}


def test_where_nobody_knows_the_true_labels_nothing_is_claimed_of_them():
    unknown = dataclasses.replace(DATA, noise=dataclasses.replace(DATA.noise, realised_matrix=None))
    assert recovery(Judge(CLEAN, torch.ones(48)), unknown) == {}


# --- a cell's number -----------------------------------------------------------------------------


def epoch(stage: str, val: float | None, **diagnostics: float) -> dict:
    return {
        "stage": stage,
        "val_clean_accuracy": val,
        "train_clean_accuracy": 0.3,
        "diagnostics": diagnostics,
    }


RELABELLED = {
    "metrics": {"last": 0.7, "best_val_clean": 0.75},
    "history": [
        epoch("relabel", 0.5, recovered=0.60, share_b=0.2),
        epoch("relabel", 0.9, recovered=0.80, share_b=0.3, recovered_b=0.9),
        epoch("relabel", 0.8, recovered=0.85, share_b=0.4),
        epoch("retrain", 0.95, recovered=0.85),
        epoch("retrain", 0.91, recovered=0.85),
    ],
}


@pytest.mark.parametrize(
    ("metric", "rule", "part", "value"),
    [
        ("accuracy", "last", "", 0.7),
        ("accuracy", "best_val_clean", "", 0.75),
        ("val-accuracy", "last", "", 0.91),
        ("val-accuracy", "best_val_clean", "", 0.95),
        ("recovery-accuracy", "last", "", 0.85),
        ("recovery-accuracy", "best_val_clean", "", 0.80),
        ("recovery-accuracy", "best_val_clean", "b", 0.9),
        ("recovery-accuracy", "last", "b", None),
        ("count", "last", "b", 0.4),
    ],
)
def test_what_a_cell_reads_of_a_record_that_relabels(metric, rule, part, value):
    assert measured(RELABELLED, metric, rule, part) == value


def test_of_a_method_that_relabels_nothing_its_predictions_are_the_recovery():
    history = [epoch("train", 0.9), epoch("train", 0.8)]
    history[0]["train_clean_accuracy"] = 0.88
    record = {"metrics": {}, "history": history}
    assert measured(record, "recovery-accuracy", "last") == 0.3
    assert measured(record, "recovery-accuracy", "best_val_clean") == 0.88
    assert measured(record, "count", "last", "b") is None
    record["history"][0]["val_clean_accuracy"] = None
    assert measured(record, "recovery-accuracy", "best_val_clean") is None
