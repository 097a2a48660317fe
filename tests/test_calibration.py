"""Calibration, precision and recall of the belief that labels are right."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import precision_score, recall_score

from lnl_core.errors import InputError
from lnl_core.measures.calibration import precision_recall, reliability


def test_by_hand() -> None:
    found = reliability(torch.tensor([0.1, 0.2, 0.3, 0.9]), torch.tensor([0, 1, 1, 1]).bool(), 2)
    assert found.count.tolist() == [3, 1]
    assert found.stated.tolist() == pytest.approx([0.2, 0.9])
    assert found.observed.tolist() == pytest.approx([2 / 3, 1.0])
    assert found.error == pytest.approx(0.75 * (2 / 3 - 0.2) + 0.25 * 0.1)


def test_who_is_right_as_often_as_said_is_calibrated() -> None:
    rng = torch.Generator().manual_seed(0)
    p = torch.rand(200_000, generator=rng)
    right = torch.rand(200_000, generator=rng) < p
    assert reliability(p, right).error < 0.005
    assert reliability(p**3, right).error > 0.2


def test_edges_belong_to_a_bin_and_empty_bins_are_left_out() -> None:
    found = reliability(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([False, True, True]), 2)
    assert found.count.tolist() == [1, 2]
    assert reliability(torch.tensor([1.0]), torch.tensor([True]), 10).count.tolist() == [1]


@pytest.mark.parametrize("p", [[-0.1, 0.5], [0.5, 1.01], [math.nan, 0.5], [0.5], [[0.1, 0.2]]])
def test_what_is_no_probability_is_refused(p: list) -> None:
    with pytest.raises(InputError, match="must"):
        reliability(torch.tensor(p), torch.tensor([True, False]))


@pytest.mark.parametrize("bins", [0, -3, 2.5, True])
def test_bins_are_counted(bins: object) -> None:
    with pytest.raises(InputError, match="whole number from 1 up"):
        reliability(torch.tensor([0.5]), torch.tensor([True]), bins)


def test_precision_and_recall_are_scikit_learns() -> None:
    rng = torch.Generator().manual_seed(0)
    kept, right = torch.rand(2, 500, generator=rng) < torch.tensor([[0.3], [0.6]])
    precision, recall = precision_recall(kept, right)
    assert precision == pytest.approx(precision_score(right, kept))
    assert recall == pytest.approx(recall_score(right, kept))
    assert precision != pytest.approx(recall)
    assert math.isnan(precision_recall(torch.zeros(3).bool(), torch.ones(3).bool())[0])
