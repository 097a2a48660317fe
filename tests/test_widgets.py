"""The noise explorer: its parts as plain functions, and its controls turned by hand."""

import threading
import time

import numpy as np
import pytest
from data_helpers import tiny_dataset
from matplotlib.text import Text
from training_helpers import random_dataset
from widget_helpers import cut

from lnl_core import InputError, load_dataset, plots, widgets
from lnl_core.noise import Noise
from lnl_core.widgets import NoiseExplorer, draw_noise, render_noise


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def explorer(digits):
    return NoiseExplorer(digits)


def test_a_draw_is_the_noise_module_s_own(digits):
    noise = Noise("symmetric", 0.4)
    drawn = draw_noise(digits, noise, seed=3)
    expected = noise.corrupt(digits.y_train.numpy(), 10, 3, "digits")
    np.testing.assert_array_equal(drawn.noisy, expected)
    assert drawn.realised_rate == (expected != digits.y_train.numpy()).mean()
    np.testing.assert_allclose(drawn.realised.sum(1), 1)


def test_the_picture_shows_what_was_drawn(digits):
    drawn = draw_noise(digits, Noise("asymmetric", 0.4), seed=0)
    left, right = render_noise(digits, drawn).axes
    np.testing.assert_array_equal(left.images[0].get_array(), drawn.realised)
    wrong = sum(word.startswith("✗") for word in right.collections[1].words)
    assert wrong == (drawn.noisy[:24] != digits.y_train.numpy()[:24]).sum() > 0
    assert f"{drawn.realised_rate:.1%}" in right.get_title()


def test_no_name_and_no_choice_is_cut(explorer):
    assert cut(explorer) == []


def test_every_control_changes_the_picture(explorer):
    seen = {explorer.image.value}
    for turn in (
        lambda: setattr(explorer.rate, "value", 0.8),
        lambda: setattr(explorer.protocol, "value", "asymmetric"),
        lambda: setattr(explorer.draws, "value", "exact"),
        explorer.again.click,
    ):
        turn()
        assert explorer.image.value not in seen
        assert explorer.error.value == ""
        seen.add(explorer.image.value)


def test_reset_brings_the_first_picture_back(explorer):
    first = explorer.image.value
    explorer.rate.value = 0.9
    explorer.again.click()
    assert explorer.image.value != first
    explorer.reset.click()
    assert explorer.image.value == first


def test_a_protocol_without_a_map_is_not_offered():
    options = NoiseExplorer(random_dataset()).protocol.options
    assert "asymmetric" not in options and "symmetric" in options


@pytest.mark.parametrize("data", [tiny_dataset(), random_dataset(multi_label=True)])
def test_data_that_cannot_be_shown_are_refused_in_one_sentence(data):
    with pytest.raises(InputError, match="images with one label each"):
        NoiseExplorer(data)


def test_an_explorer_that_is_broken_from_the_start_raises(digits, monkeypatch):
    def broken(*_):
        raise RuntimeError("no picture")

    monkeypatch.setattr(widgets.noise, "render_noise", broken)
    with pytest.raises(RuntimeError, match="no picture"):
        NoiseExplorer(digits)


def test_a_later_error_is_shown_and_the_next_picture_clears_it(explorer, monkeypatch):
    def broken(*_):
        raise ValueError("no <picture>")

    with monkeypatch.context() as patch:
        patch.setattr(widgets.noise, "render_noise", broken)
        explorer.rate.value = 0.1
    assert "no &lt;picture&gt;" in explorer.error.value
    explorer.rate.value = 0.2
    assert explorer.error.value == ""


def test_callbacks_may_come_from_another_thread(explorer):
    """Recent JupyterLab delivers widget messages on a thread of its own."""
    first = explorer.image.value
    thread = threading.Thread(target=lambda: setattr(explorer.rate, "value", 0.7))
    thread.start()
    thread.join()
    assert explorer.image.value != first and explorer.error.value == ""


def test_a_picture_has_few_artists(digits):
    """What an answer costs is its artists, each of them: a bound that no busy machine moves."""
    figure = render_noise(digits, draw_noise(digits, Noise("symmetric", 0.4), seed=0))
    own = [artist for axis in figure.axes for artist in axis.get_children()]
    texts = [artist for artist in own if isinstance(artist, Text)]
    assert len(own) < 40 and len(texts) <= 6  # three titles an axis
    assert not any(axis.get_xticks().size for axis in figure.axes if axis.axison)


def test_an_answer_takes_no_longer_than_a_blink(digits):
    """Seconds of the processor, which a busy machine inflates too: 0.05 on a quiet one."""
    drawn = draw_noise(digits, Noise("symmetric", 0.4), seed=0)
    times = []
    for _ in range(5):
        start = time.thread_time()
        plots.png(render_noise(digits, drawn))
        times.append(time.thread_time() - start)
    assert min(times) < 0.2
