"""The transition editor: rows that stay distributions, findings by hand, controls turned."""

import numpy as np
import pytest
import torch
from training_helpers import random_dataset
from widget_helpers import cut

from lnl_core import InputError, load_dataset, losses, transition
from lnl_core.noise import Noise
from lnl_core.widgets import TransitionEditor, examine, render_transition, set_entry
from lnl_core.widgets.transition_edits import in_figures

THREE = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0], [0.0, 0.5, 0.5]])


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def editor(digits):
    return TransitionEditor(digits, start="asymmetric")


# --- state --------------------------------------------------------------------------------------


def test_the_rest_of_a_row_makes_room_in_its_own_proportions():
    t = set_entry(THREE, 0, 0, 0.2)
    np.testing.assert_allclose(t, [[0.2, 0.6, 0.2], *THREE[1:]])
    assert THREE[0, 0] == 0.6  # what was given is left alone


def test_where_nothing_is_left_to_share_the_true_class_takes_it_or_all_others_alike():
    np.testing.assert_allclose(set_entry(np.eye(3), 0, 0, 0.4)[0], [0.4, 0.3, 0.3])
    swapped = np.eye(3)[[1, 0, 2]]
    np.testing.assert_allclose(set_entry(swapped, 0, 1, 0.7)[0], [0.3, 0.7, 0])


@pytest.mark.parametrize("value", [0.0, 0.31, 1.0])
def test_after_any_edits_it_is_a_transition_matrix(value):
    draw, t = np.random.default_rng(0), THREE
    for _ in range(30):
        row, column = draw.integers(3, size=2)
        t = set_entry(t, row, column, draw.choice([value, draw.random()]))
        np.testing.assert_allclose(transition.check_matrix(t), t)


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_an_entry_that_is_no_probability_is_refused(value):
    with pytest.raises(InputError, match=r"the entry is .*lies in \[0, 1\]"):
        set_entry(THREE, 0, 0, value)


# --- compute ------------------------------------------------------------------------------------


def test_findings_of_a_matrix_by_hand():
    found = examine(THREE, label=1)
    assert found.noise_rate == pytest.approx((0.4 + 0.2 + 0.5) / 3)
    assert (found.largest, found.dominant) == (2, 2)  # the last row is tied
    np.testing.assert_allclose(found.inverse @ THREE, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found.forward, np.array([0.3, 0.8, 0.5]) / 1.6)
    assert found.backward.sum() == pytest.approx(1) and found.backward.min() < 0


def test_the_likeliest_label_may_be_right_though_most_are_wrong():
    found = examine(Noise("symmetric", 0.8).transition_matrix(10))
    assert (found.largest, found.dominant) == (10, 0)
    assert examine(Noise("symmetric", 0.9).transition_matrix(10)).largest == 0


@pytest.mark.parametrize("label", range(3))
def test_the_soft_labels_are_what_the_losses_pull_towards(label):
    """The gradient of either corrected loss at equal logits is 1/K minus its soft label."""
    found = examine(THREE, label)
    target, zero = torch.tensor(label), torch.zeros(3, dtype=torch.float64)
    for loss, matrix, soft in (
        (losses.forward_corrected, THREE, found.forward),
        (losses.backward_corrected, found.inverse, found.backward),
    ):
        gradient = torch.func.grad(loss)(zero, target, torch.from_numpy(matrix))
        np.testing.assert_allclose(gradient, 1 / 3 - soft, atol=1e-9)


def test_a_singular_matrix_has_no_backward_correction_and_the_picture_says_so():
    found = examine(np.full((4, 4), 0.25))
    assert found.inverse is None and found.backward is None
    assert "condition number too large" in in_figures(found)
    _, inverse, bars = render_transition(found, ("a", "b", "c", "d")).axes
    assert "no backward correction" in inverse.texts[0].get_text()
    assert [c.get_label() for c in bars.containers] == ["forward"]


def test_a_label_that_is_never_given_leaves_the_network_undecided():
    np.testing.assert_allclose(examine([[1, 0], [1, 0]], label=1).forward, [0.5, 0.5])


def test_the_picture_shows_the_findings():
    found = examine(THREE, label=2)
    matrix, inverse, bars = render_transition(found, ("a", "b", "c"), chosen=(1, 2)).axes
    assert matrix.patches[0].get_xy() == (1.5, 0.5)  # column, row
    np.testing.assert_allclose(matrix.images[0].get_array(), THREE)
    np.testing.assert_allclose(inverse.images[0].get_array(), found.inverse)
    heights = [[bar.get_height() for bar in group] for group in bars.containers]
    np.testing.assert_allclose(heights, [found.forward, found.backward])
    assert "36.7% of the labels are wrong" in in_figures(found)


# --- the editor ---------------------------------------------------------------------------------


def test_no_name_and_no_choice_is_cut(editor):
    assert cut(editor) == []


def test_an_edit_changes_one_row_and_the_picture_once(editor, monkeypatch):
    drawn, draw = [], editor.draw
    monkeypatch.setattr(editor, "draw", lambda: drawn.append(1) or draw())
    before = editor.matrix
    editor.clean.value = 3
    assert editor.entry.value == before[3, 0] and len(drawn) == 1
    editor.noisy.value = 8
    assert editor.entry.value == pytest.approx(0.4) and len(drawn) == 2
    np.testing.assert_array_equal(editor.matrix, before)  # to look is not to edit
    editor.entry.value = 0.7
    assert len(drawn) == 3 and editor.error.value == ""
    np.testing.assert_allclose(editor.matrix, set_entry(before, 3, 8, 0.7))
    assert editor.matrix[3, 3] == pytest.approx(0.3)


def test_a_start_replaces_the_edits_and_reset_the_start(editor):
    first, picture = editor.matrix, editor.image.value
    editor.entry.value = 0.1
    editor.start.value = "symmetric"
    np.testing.assert_array_equal(editor.matrix, Noise("symmetric", 0.4).transition_matrix(10))
    assert editor.entry.value == pytest.approx(0.6)
    editor.rate.value = 0.9
    np.testing.assert_allclose(editor.matrix, 0.1)
    editor.reset.click()
    np.testing.assert_array_equal(editor.matrix, first)
    assert editor.image.value == picture and editor.rate.value == 0.4


def test_what_was_made_is_a_noise(editor, digits):
    editor.noisy.value = 6
    editor.entry.value = 0.25
    np.testing.assert_allclose(editor.noise.transition_matrix(10), editor.matrix)


def test_what_does_not_fit_is_not_offered_or_refused():
    data = random_dataset()
    assert "asymmetric" not in TransitionEditor(data).start.options
    with pytest.raises(InputError, match="the start is 'asymmetric': for random it is symmetric"):
        TransitionEditor(data, start="asymmetric")
    with pytest.raises(InputError, match="random is multi-label"):
        TransitionEditor(random_dataset(multi_label=True))
