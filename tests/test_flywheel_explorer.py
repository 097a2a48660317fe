"""The flywheel explorer: its drawing against the run it is of, and its controls turned."""

from __future__ import annotations

import numpy as np
import pytest
from training_helpers import finish, random_dataset, small_run
from widget_helpers import cut

from lnl_core import InputError, Noise
from lnl_core.widgets import FlywheelExplorer, render_turning, training, turn_flywheel, turning_of
from lnl_core.widgets import flywheel as module

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


def test_a_run_may_be_asked_between_its_epochs(turned):
    run = small_run("flywheel", epochs=3, options={"warm_up": 1})
    found = [turning_of(run) for _ in run]
    assert [len(turning.history) for turning in found] == [1, 2, 3]
    assert [len(turning.right) > 0 for turning in found] == [False, True, True]
    np.testing.assert_allclose(found[-1].corruption, run.method.corruption_matrix)
    posterior = run.method.corrected_labels().double().numpy()
    truth = run.data.train.clean.numpy()
    for k in range(run.data.num_classes):
        np.testing.assert_allclose(found[-1].labels[k], posterior[truth == k].mean(0))


# --- the explorer -------------------------------------------------------------------------------


@pytest.fixture
def explorer(turned):
    return FlywheelExplorer(random_dataset(80), NOISE_SHOWN, turned)


NOISE_SHOWN = Noise("symmetric-inclusive", 0.3)


def _texts(explorer):
    return [text.get_text() for text in explorer.draw().texts]


def test_the_slider_walks_through_the_epochs(explorer, turned):
    assert (explorer.epoch.value, explorer.epoch.max) == (4, 4)
    seen = {explorer.image.value}
    for epoch in (1, 3):
        explorer.epoch.value = epoch
        assert explorer.error.value == "" and explorer.image.value not in seen
        seen.add(explorer.image.value)
        curves = explorer.draw().axes[0]
        assert len(curves.lines[0].get_xdata()) == epoch
    explorer.reset.click()
    assert explorer.epoch.value == 4


def test_no_name_and_no_choice_is_cut(explorer):
    assert cut(explorer) == []


def test_train_takes_every_control_and_remembers(explorer, turned, monkeypatch):
    asked, first, drawn = [], explorer.image.value, []

    def turn(dataset, noise, seed, *, options, epochs, steps):
        asked.append((str(noise), seed, options, epochs))
        for k in range(epochs):
            drawn.append(explorer.image.value)
            yield turned[k % 2]

    monkeypatch.setattr(module, "turn_flywheel", turn)
    monkeypatch.setattr(training, "REDRAWN", 0)
    monkeypatch.setattr(training, "REST", 0)
    explorer.noise.value, explorer.rate.value = "asymmetric", 0.4
    explorer.regularisation.value, explorer.epochs.value = 0.5, 8
    explorer.refine.value = explorer.contrast.value = False
    words = "asymmetric 0.4, λ = 0.5, 8 epochs, ε fixed, no contrastive term"
    assert any(f"press Train for {words}" in text for text in _texts(explorer))
    explorer.train.click()
    assert explorer.wait(60)
    options = {"regularisation": 0.5, "refine_epsilon": False, "contrast": 0.0}
    assert asked == [("asymmetric:0.4", 1, options, 8)] and explorer.error.value == ""
    assert len(set(drawn)) == 3  # drawn as it goes
    assert (explorer.epoch.value, explorer.epoch.max) == (8, 8)
    after = explorer.image.value
    assert after != first and not _texts(explorer)
    explorer.reset.click()
    assert explorer.image.value == first and explorer.epoch.max == 4
    explorer.noise.value, explorer.rate.value = "asymmetric", 0.4
    explorer.regularisation.value, explorer.epochs.value = 0.5, 8
    explorer.refine.value = explorer.contrast.value = False
    assert explorer.epoch.max == 8 and not _texts(explorer)
    assert len(asked) == 1  # remembered
    explorer.train.click()
    assert explorer.wait(60)
    assert asked[1][1] == 2 and not explorer.train.disabled


def test_a_control_that_turns_while_it_trains_does_not_hide_the_run(explorer, turned, monkeypatch):
    def turn(*_, **__):
        yield turned[0]
        explorer.rate.value = 0.6
        yield from turned[1:]

    monkeypatch.setattr(module, "turn_flywheel", turn)
    explorer.rate.value = 0.4
    explorer.train.click()
    assert explorer.wait(60) and explorer.status.value == "done"
    (words,) = (text for text in _texts(explorer) if "press Train" in text)
    assert "still symmetric-inclusive 0.4" in words and "for symmetric-inclusive 0.6" in words


def test_reset_after_a_shorter_run_shows_the_last_epoch_of_the_first(turned, monkeypatch):
    explorer = FlywheelExplorer(random_dataset(80), NOISE_SHOWN, [*turned, *turned])
    monkeypatch.setattr(module, "turn_flywheel", lambda *_, **__: iter(turned))
    explorer.epochs.value = 4
    explorer.train.click()
    assert explorer.wait(60)
    assert (explorer.epoch.value, explorer.epoch.max) == (4, 4)
    explorer.reset.click()
    assert (explorer.epoch.value, explorer.epoch.max) == (8, 8)


def test_a_run_that_fails_is_a_sentence_and_the_button_comes_back(explorer):
    explorer.noise.value = "asymmetric"  # random samples have no look-alikes
    explorer.train.click()
    assert explorer.wait(60)
    assert "This could not be done" in explorer.error.value and not explorer.train.disabled


def test_without_a_run_it_makes_one(turned, monkeypatch):
    asked = []

    def turn(dataset, noise, *, options, epochs):
        asked.append((str(noise), options["contrast"], epochs))
        return iter(turned)

    monkeypatch.setattr(module, "turn_flywheel", turn)
    made = FlywheelExplorer(random_dataset(80), contrast=False, epochs=4)
    assert asked == [("symmetric-inclusive:0.5", 0.0, 4)]
    assert (made.rate.value, made.contrast.value, made.epochs.value) == (0.5, False, 4)


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(InputError, match="one label a sample, and random is multi-label"):
        FlywheelExplorer(random_dataset(multi_label=True))
    with pytest.raises(InputError, match="not 'symmetric'"):
        FlywheelExplorer(random_dataset(80), Noise("symmetric", 0.3))
