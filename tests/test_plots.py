"""Figures: the numbers they show, and that no pyplot is near."""

import io
import subprocess
import sys

import numpy as np
import pytest
from ledger_helpers import TABLE, cell_record, real_record
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from lnl_core import plots
from lnl_core.ledger.tables import table_cells
from lnl_core.train import EpochRecord

HARD = "asymmetric:0.6"


@pytest.fixture(scope="module")
def history():
    return [EpochRecord(**epoch) for epoch in real_record()["history"]]


def test_learning_curves_show_the_records(history):
    figure = plots.learning_curves({"a": history, "b": history[:2]})
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["a", "b"]
    np.testing.assert_array_equal(
        left.lines[0].get_ydata(), [record.test_accuracy for record in history]
    )
    np.testing.assert_array_equal(left.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(
        right.lines[1].get_ydata(), [record.memorised for record in history[:2]]
    )
    styles = {(line.get_color(), line.get_marker()) for line in left.lines}
    assert len({colour for colour, _ in styles}) == len({marker for _, marker in styles}) == 2


def test_a_curve_that_does_not_exist_is_left_out(history):
    from dataclasses import replace

    clean = [replace(record, memorised=None) for record in history]
    figure = plots.learning_curves({"clean": clean}, fields=("memorised",))
    assert len(figure.axes[0].lines) == 0


def test_a_matrix_has_clean_labels_in_rows():
    figure = plots.transition_matrices({"T": [[0.7, 0.3], [0.0, 1.0]]}, ["a", "b"])
    axis = figure.axes[0]
    np.testing.assert_array_equal(axis.images[0].get_array(), [[0.7, 0.3], [0, 1]])
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("clean label", "noisy label")
    below, beside, entries = axis.collections
    assert below.words == beside.words == ("a", "b")
    np.testing.assert_allclose(below.get_offsets()[:, 0], [0, 1])
    np.testing.assert_allclose(beside.get_offsets()[:, 1], [0, 1])
    places = map(tuple, entries.get_offsets().tolist())
    assert set(zip(entries.words, places, strict=True)) == {
        (".70", (0, 0)), (".30", (1, 0)), ("1.00", (1, 1)),
    }  # fmt: skip


def test_wrong_labels_are_marked_in_words_and_colour():
    images = np.zeros((3, 1, 8, 8), np.uint8)
    (axis,) = plots.samples(images, ["1", "2", "3"], ["1", "7", "3"]).axes
    boxes, words = axis.collections
    assert words.words == ("1", "✗ 7 (is 2)", "3")
    colours = [to_hex(colour).upper() for colour in words.get_facecolor()]
    assert colours == ["#000000", plots.WRONG, "#000000"]
    colours = [to_hex(colour).upper() for colour in boxes.get_edgecolor()]
    assert colours == ["#999999", plots.WRONG, "#999999"]


def test_samples_stand_in_rows_ink_on_paper_each_over_its_word():
    images = np.full((3, 1, 8, 8), 255, np.uint8)
    images[1] = 51
    (axis,) = plots.samples(images, ["1", "2", "3"], ["1", "7", "3"], columns=2).axes
    (picture,) = axis.images
    paper = picture.get_array()[..., 0]
    assert paper.shape == (24, 20)
    np.testing.assert_allclose(paper[:8, :8], 0)
    np.testing.assert_allclose(paper[:8, 10:18], 0.8)
    np.testing.assert_allclose(paper[12:20, :8], 0)
    assert paper.sum() == pytest.approx(24 * 20 - 2 * 64 - 0.2 * 64)
    _, words = axis.collections
    np.testing.assert_allclose(words.get_offsets(), [(4, 8.4), (14, 8.4), (4, 20.4)])


def test_long_names_stand_below_each_other():
    images = np.zeros((2, 3, 8, 8), np.uint8)
    (axis,) = plots.samples(images, ["kite", "ring"], ["triangle", "ring"]).axes
    assert axis.collections[1].words == ("✗ triangle\n(is kite)", "ring")


def test_a_note_stands_below_its_label():
    images = np.zeros((2, 1, 8, 8), np.uint8)
    figure = plots.samples(images, ["1", "2"], ["1", "7"], notes=["was 4", "was 2"])
    assert figure.axes[0].collections[1].words == ("1\nwas 4", "✗ 7 (is 2)\nwas 2")


def test_png_is_png_and_reproducible(history):
    def draw():
        return plots.png(plots.learning_curves({"a": history}))

    assert draw()[:8] == b"\x89PNG\r\n\x1a\n"
    assert draw() == draw()
    assert isinstance(plots.learning_curves({"a": history}), Figure)


def test_a_small_png_is_the_same_picture_in_fewer_bytes(history):
    figure = plots.samples(
        np.random.default_rng(0).integers(0, 256, (8, 3, 8, 8), np.uint8),
        list("abcdabcd"),
        "abcdabce",
    )
    for drawn in (figure, plots.learning_curves({"a": history, "b": history[:2]})):
        whole, small = plots.png(drawn), plots.small_png(drawn)
        assert len(small) < 0.6 * len(whole)
        assert small == plots.small_png(drawn)
        first, second = (
            np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int) for data in (whole, small)
        )
        assert np.abs(first - second).max() <= 32


def test_pyplot_is_never_imported():
    code = "import sys, lnl_core.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_noise_curves_have_ours_solid_and_the_papers_dashed():
    methods = ("cross-entropy", "forward")
    records = [cell_record("forward", HARD, 0.97), cell_record("forward", "none", 0.98)]
    blocks = {"run": table_cells(TABLE, records), "not run": table_cells(TABLE, [])}
    figure = plots.noise_curves(blocks, methods, "asymmetric", xlabel="rate", ylabel="mAP, %")
    first, second, empty = figure.axes
    assert (first.get_xlabel(), second.get_ylabel()) == ("rate", "mAP, %")
    ours = [line for line in first.lines if line.get_linestyle() == "-"]
    printed = [line for line in first.lines if line.get_linestyle() == "--"]
    assert len(printed) == 2 and len(ours) == 1
    assert dict(zip(*ours[0].get_data(), strict=True)) == pytest.approx({0.0: 98.0, 0.6: 97.0})
    expected = {0.0: 97.9, 0.2: 97.7, 0.6: 97.3}  # Table 2, forward; symmetric noise is not there
    assert dict(zip(*printed[1].get_data(), strict=True)) == pytest.approx(expected)
    assert {line.get_linestyle() for line in second.lines} == {"--"}
    assert not empty.axison
