"""The loss-correction explorer: theorems 1 and 2 on its curves, and its controls by hand."""

import numpy as np
import pytest
import training_helpers  # noqa: F401  (one thread)
from data_helpers import tiny_dataset

from lnl_core import InputError, load_dataset
from lnl_core.noise import Noise
from lnl_core.widgets import CorrectionExplorer, corrected_losses, render_corrections
from lnl_core.widgets import correction as module


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def explorer(digits):
    return CorrectionExplorer(digits)


def losses_at(rate, clean=8, other=1):
    return corrected_losses(Noise("asymmetric", rate).transition_matrix(10, "digits"), clean, other)


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.7])
def test_over_the_noise_backward_is_the_clean_loss(rate):
    """Theorem 1, on the curves that are drawn."""
    losses = losses_at(rate)
    np.testing.assert_allclose(losses.expected["backward"], losses.at_clean["cross-entropy"])
    assert not np.allclose(losses.expected["forward"], losses.at_clean["cross-entropy"])


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.7])
def test_over_the_noise_the_corrections_lead_to_the_truth_and_cross_entropy_elsewhere(rate):
    """Theorem 2: the truth here is p = 1; cross-entropy is least where it fits the noise."""
    losses = losses_at(rate)
    least = {name: losses.p[values.argmin()] for name, values in losses.expected.items()}
    assert least["forward"] == least["backward"] == losses.p[-1]
    assert least["cross-entropy"] == pytest.approx(1 - rate, abs=0.01)


def test_without_noise_the_three_are_one():
    losses = losses_at(0.0)
    for name in ("forward", "backward"):
        np.testing.assert_allclose(losses.at_clean[name], losses.at_clean["cross-entropy"])


def test_a_singular_matrix_has_no_backward_loss_and_says_so(digits):
    losses = losses_at(0.5, 5, 9)  # 5 and 9 are swapped: at one half their rows are equal
    assert set(losses.expected) == {"cross-entropy", "forward"}
    figure = render_corrections(losses, digits.classes, "T")
    assert any("singular" in text.get_text() for text in figure.axes[3].texts)


def test_a_flat_curve_has_no_lowest_point(digits):
    """At one half 5 and 9 are the same to forward, but for rounding."""
    for losses, marked in (
        (losses_at(0.5, 5, 9), {"cross-entropy"}),
        (losses_at(0.4, 5, 9), {"cross-entropy", "forward", "backward"}),
    ):
        mean = render_corrections(losses, digits.classes, "T").axes[3]
        colours = {line.get_color() for line in mean.lines if line.get_marker() == "o"}
        assert colours == {module.LOOKS[name][0] for name in marked}


def test_the_picture_shows_what_was_computed(digits):
    losses = losses_at(0.4)
    matrix, *panels = render_corrections(losses, digits.classes, "T at N = 0.40").axes
    np.testing.assert_array_equal(matrix.images[0].get_array(), losses.transition_matrix)
    for axis, curves in zip(
        panels, (losses.at_clean, losses.at_other, losses.expected), strict=True
    ):
        lines = {line.get_label(): line.get_ydata() for line in axis.lines}
        for name, values in curves.items():
            np.testing.assert_array_equal(lines[name], values)


def test_every_control_changes_the_picture(explorer):
    seen = {explorer.image.value}
    for turn in (
        lambda: setattr(explorer.rate, "value", 0.7),
        lambda: setattr(explorer.pair, "value", (4, 7)),
    ):
        turn()
        assert explorer.error.value == "" and explorer.image.value not in seen
        seen.add(explorer.image.value)
    first = explorer._defaults
    explorer.reset.click()
    assert [explorer.rate.value, explorer.pair.value] == first


def test_train_draws_a_fresh_run_each_time(explorer, monkeypatch):
    asked = []
    real = module.try_out

    def try_out(dataset, rate, seed):
        asked.append((rate, seed))
        return real(dataset, rate, seed)

    monkeypatch.setattr(module, "try_out", try_out)
    assert explorer.trained.layout.display == "none"
    explorer.train.click()
    assert explorer.wait(60)
    first = explorer.trained.value
    assert bytes(first).startswith(b"\x89PNG") and explorer.trained.layout.display is None
    explorer.rate.value = 0.6
    explorer.train.click()
    assert explorer.wait(60)
    assert explorer.trained.value != first
    assert asked == [(0.4, 0), (0.6, 1)] and not explorer.train.disabled


def test_a_run_that_fails_is_a_sentence_and_the_button_comes_back(explorer, monkeypatch):
    def broken(*_):
        raise RuntimeError("out of <memory>")

    monkeypatch.setattr(module, "try_out", broken)
    explorer.train.click()
    assert explorer.wait(60)
    assert "out of &lt;memory&gt;" in explorer.error.value and not explorer.train.disabled


def test_it_trains_without_backward_where_there_is_none(digits):
    seen = [item for item in module.try_out(digits, 0.5, 0) if isinstance(item, dict)]
    histories = seen[-1]
    assert list(histories) == ["cross-entropy", "forward"]
    assert all(len(history) == 40 for history in histories.values())


def test_data_without_look_alikes_are_refused():
    with pytest.raises(InputError, match="map of look-alikes, and tiny has none"):
        CorrectionExplorer(tiny_dataset())
