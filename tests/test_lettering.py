"""Words as one artist: where they stand, how large, and that they are letters."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lnl_core.lettering import Lettering


def ink(words, places=((0.5, 0.5),), size=20, dpi=100, **options):
    """[H, W] booleans, bottom row first: where there is ink on a page of 1 by 1 inch."""
    figure = Figure(figsize=(1, 1), dpi=dpi)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    lettering = Lettering(axis, words, places, size, **options)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[::-1, :, :3]
    return lettering, pixels.min(-1) < 128


def box(dark):
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.mark.parametrize("dpi", [72, 144])
def test_a_word_is_centred_and_as_large_as_asked(dpi):
    _, dark = ink(["H"], dpi=dpi)
    left, low, right, high = box(dark)
    assert (left + right) / 2 == pytest.approx(dpi / 2, abs=1.5)
    assert (low + high) / 2 == pytest.approx(dpi / 2, abs=1.5)
    assert high - low == pytest.approx(0.73 * 20 * dpi / 72, abs=1.5)  # a capital of 20 points


def test_words_begin_end_and_hang_where_they_are_told():
    assert box(ink(["HHH"], across="right")[1])[2] == pytest.approx(50, abs=2)
    assert box(ink(["HHH"], across="left")[1])[0] == pytest.approx(50, abs=4)
    assert 40 < box(ink(["HHH"], down="top")[1])[3] < 50


def test_every_word_stands_at_its_own_place_and_lines_below_each_other():
    _, dark = ink(["I", "I\nI"], [(0.25, 0.5), (0.75, 0.5)], size=16)
    left, right = dark[:, :50], dark[:, 50:]
    assert left.any() and right.sum() == pytest.approx(2 * left.sum(), rel=0.2)
    assert not right[48:52].any() and right[:48].any() and right[52:].any()


def test_a_word_can_be_turned_and_the_extent_is_the_ink_s():
    lettering, dark = ink(["HHH"], rotation=90)
    left, low, right, high = box(dark)
    assert high - low > 2 * (right - left)
    np.testing.assert_allclose(lettering.get_window_extent().extents, box(dark), atol=1.5)


def test_it_stands_outside_the_axis_and_leaves_its_limits_alone():
    figure = Figure(figsize=(1, 1), dpi=100)
    axis = figure.add_axes((0.5, 0.5, 0.5, 0.5))
    axis.set_axis_off()
    Lettering(axis, ["H"], [(-0.5, 0.5)], 20)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    assert axis.get_xlim() == (0, 1)
    assert np.asarray(canvas.buffer_rgba())[:, :40, :3].min() < 128
