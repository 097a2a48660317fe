"""Average precision as VOC and scikit-learn define it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from training_helpers import finish, random_dataset, small_run

from lnl_core.errors import InputError
from lnl_core.measures.average_precision import KINDS, average_precision, average_precisions


def voc(scores: np.ndarray, labels: np.ndarray, kind: str) -> float:
    """By the development kits' steps, one sample after the other in the ranking."""
    order = np.argsort(-scores)
    found = np.cumsum(labels[order])
    recall, precision = found / labels.sum(), found / np.arange(1, len(labels) + 1)
    if kind == "eleven-point":
        levels = np.arange(11) / 10
        at = [precision[recall >= level - 1e-9] for level in levels]
        return sum(values.max() if len(values) else 0.0 for values in at) / 11
    recall = np.concatenate([[0], recall, [1]])
    precision = np.concatenate([[0], precision, [0]])
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return float(((recall[steps + 1] - recall[steps]) * precision[steps + 1]).sum())


@settings(deadline=None)  # scikit-learn is imported by the first one
@given(arrays(np.int64, st.integers(2, 40), elements=st.integers(0, 1)), st.integers(0, 99))
def test_it_is_what_the_development_kits_compute(labels, seed):
    labels[0] = 1
    scores = np.random.default_rng(seed).permutation(len(labels)).astype(float)
    for kind in ("eleven-point", "area"):
        found = average_precision(scores, labels, kind)
        assert found == pytest.approx(voc(scores, labels, kind))


def test_the_three_kinds_on_a_ranking_by_hand():
    """Ranking 1 0 1 0: precision 1 at recall ½, ⅔ at recall 1."""
    labels, scores = np.array([1, 0, 1, 0]), np.array([4.0, 3.0, 2.0, 1.0])
    assert average_precision(scores, labels, "area") == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, labels, "eleven-point") == pytest.approx((6 + 5 * 2 / 3) / 11)
    lagging = np.array([0, 1, 1, 0])  # precision ½ at recall ½, ⅔ at recall 1
    assert average_precision(scores, lagging, "steps") == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision(scores, lagging, "area") == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_perfect_hopeless_and_undecided(kind):
    labels = np.array([1, 1, 0, 0, 0, 0, 0, 0])
    assert average_precision(labels.astype(float), labels, kind) == pytest.approx(1)
    assert average_precision(-labels.astype(float), labels, kind) < 0.35
    assert average_precision(np.zeros(8), labels, kind) == pytest.approx(0.25)
    assert math.isnan(average_precision(np.zeros(8), np.zeros(8, int), kind))


def test_the_mean_is_over_classes_that_occur():
    logits = torch.tensor([[3.0, 1.0, 0.0], [2.0, 2.0, 0.0], [1.0, 3.0, 1.0]])
    labels = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    found = average_precisions(logits, labels, ("a", "b", "c"))
    second = 2 / 3  # ranked 0 1 1: precision ½ at recall ½, ⅔ at recall 1
    assert found == pytest.approx(
        {"test_map": (1 + second) / 2, "test_ap_a": 1.0, "test_ap_b": second}
    )
    assert average_precisions(torch.full((3, 3), math.nan), labels, ("a", "b", "c")) == {}


def test_each_epoch_has_the_mean_and_the_last_one_every_class():
    run = finish(small_run(noise="none", dataset=random_dataset(multi_label=True)))
    per_class = {f"test_ap_class {k}" for k in range(4)}
    for record in run.history[:-1]:
        assert "test_map" in record.diagnostics and not per_class & set(record.diagnostics)
    last = run.history[-1].diagnostics
    assert per_class <= set(last)
    assert last["test_map"] == pytest.approx(np.mean([last[name] for name in per_class]))


def test_data_with_one_label_a_sample_have_none():
    assert "test_map" not in finish(small_run()).history[-1].diagnostics


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="did you mean 'area'"):
        average_precision(np.zeros(2), np.ones(2, int), "aera")
