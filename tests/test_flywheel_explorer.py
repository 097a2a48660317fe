"""What the drawing of the flywheel shows is what the run has."""

from __future__ import annotations

import numpy as np
import pytest
from training_helpers import finish, random_dataset, small_run

from lnl_core import Noise
from lnl_core.widgets.flywheel import render_turning, turn_flywheel

NOISE = Noise("symmetric", 0.3)


@pytest.fixture(scope="module")
def turned():
    dataset = random_dataset(80)
    return list(turn_flywheel(dataset, NOISE, epochs=4, batch_size=20, options={"warm_up": 2}))


def test_there_is_one_for_each_epoch_and_nothing_is_judged_in_the_warm_up(turned):
    assert [len(turning.history) for turning in turned] == [1, 2, 3, 4]
    assert [len(turning.right) > 0 for turning in turned] == [False, False, True, True]
    for turning in turned:
        np.testing.assert_allclose(turning.labels.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(turning.corruption.sum(1), 1, atol=1e-5)


def test_before_the_first_cycle_the_labels_are_the_noisy_ones(turned):
    shares = turned[0].labels.diagonal()
    assert shares.mean() == pytest.approx(turned[0].clean_share, abs=0.05)


def test_right_and_wrong_labels_are_told_apart_by_the_truth(turned):
    last = turned[-1]
    total = len(last.right) + len(last.wrong)
    assert total == 72 and len(last.right) / total == pytest.approx(last.clean_share)
    above = (last.right[:, None] > last.wrong).mean() + (
        last.right[:, None] == last.wrong
    ).mean() / 2
    assert above == pytest.approx(last.history[-1].diagnostics["selection_auc"])


def test_later_epochs_do_not_change_what_was_yielded(turned):
    assert not np.array_equal(turned[2].corruption, turned[3].corruption)


@pytest.mark.parametrize("which", [0, -1])
def test_it_draws_in_the_warm_up_and_after(turned, which):
    figure = render_turning(turned[which], [f"class {k}" for k in range(4)])
    curves = figure.axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in curves.lines}
    expected = [record.test_accuracy for record in turned[which].history]
    assert list(drawn["test accuracy"]) == expected
    assert np.isnan(drawn["γ"][0])
    if which:
        assert drawn["γ"][-1] == turned[-1].history[-1].diagnostics["gamma"]
    heights = sum(bar.get_height() for bar in figure.axes[1].patches)
    assert heights == len(turned[which].right) + len(turned[which].wrong)


def test_an_ablation_may_be_turned():
    dataset = random_dataset(80)
    first = next(turn_flywheel(dataset, NOISE, method="flywheel-no-cl", epochs=2, batch_size=20))
    assert first.warm_up == 1
    assert finish(small_run("flywheel-no-cl", epochs=1)).method.warm_up == 1
