"""The noise-layer explorer: gradients against formulas by hand, and its controls turned."""

import numpy as np
import pytest
import training_helpers  # noqa: F401  (one thread)
from training_helpers import random_dataset

from lnl_core import InputError, load_dataset
from lnl_core.widgets import DenoisingExplorer, denoising, render_denoising
from lnl_core.widgets.denoising_growth import grow, render_growth


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def explorer(digits):
    return DenoisingExplorer(digits)


def test_cross_entropys_pull_is_label_minus_prediction():
    found = denoising(confidence=0.7, classes=4)
    p = np.array([0.7, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(found.agree["cross-entropy"], p - [1, 0, 0, 0])
    np.testing.assert_allclose(found.disagree["cross-entropy"], p - [0, 1, 0, 0])


def test_a_gradient_is_the_operators_transpose_on_the_noisy_predictions_gradient():
    """Eq. 7-8 and 10: for -log ŷ'_y, the gradient with respect to ŷ' is -1/ŷ'_y at y alone."""
    found = denoising(confidence=0.8, start=0.4, classes=5)
    p = np.array([0.8, *4 * [0.05]])
    matrix = 0.4 * np.eye(5) + 0.6 / 5
    weight = np.log(1 + 5 * 0.4 / 0.6) * np.eye(5)
    after = np.exp(p @ weight) / np.exp(p @ weight).sum()
    for name, operator, noisy in (
        ("nonlinear layer (eq. 3)", "nonlinear, eq. 8", after),
        ("linear layer (eq. 5)", "linear, eq. 10", p @ matrix),
    ):
        for label, gradients in ((0, found.agree), (1, found.disagree)):
            expected = found.operators[operator].T @ (-np.eye(5)[label] / noisy[label])
            np.testing.assert_allclose(gradients[name], expected, atol=1e-12)


def test_a_sure_classifier_hardly_hears_a_label_that_disagrees():
    found = denoising(confidence=0.99)
    pull = {name: abs(gradient[1]) for name, gradient in found.disagree.items()}
    assert pull["nonlinear layer (eq. 3)"] < 0.05 < 0.9 < pull["cross-entropy"]


def test_the_picture_shows_what_was_computed():
    found = denoising(confidence=0.9, classes=6)
    agree, disagree, *maps = render_denoising(found).axes
    for axis, gradients in ((agree, found.agree), (disagree, found.disagree)):
        for bars, gradient in zip(axis.containers, gradients.values(), strict=True):
            heights = [bar.get_height() for bar in bars]
            np.testing.assert_allclose(heights, [-gradient[0], -gradient[1], -gradient[2:].mean()])
    for axis, operator in zip(maps, found.operators.values(), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), operator)


def test_every_control_of_the_picture_changes_it(explorer):
    seen = {explorer.image.value}
    for control in (explorer.confidence, explorer.start, explorer.alpha, explorer.beta):
        control.value = 0.3
        assert explorer.error.value == "" and explorer.image.value not in seen
        seen.add(explorer.image.value)
    explorer.reset.click()
    assert explorer.confidence.value == 0.9


def test_train_shows_the_layer_as_it_grew(digits, explorer):
    explorer.rate.value = 0.4
    explorer.train.click()
    assert explorer.wait(60)
    assert explorer.error.value == "" and explorer.trained.layout.display is None
    assert bytes(explorer.trained.value).startswith(b"\x89PNG") and not explorer.train.disabled


def test_what_has_grown_is_drawn():
    dataset = random_dataset(200)
    *_, growth = grow(dataset, 0.3, 0, {"alpha": 0.9}, shown=2)
    assert [epoch for epoch, _ in growth.matrices] == [20, 40]
    first, last = (matrix for _, matrix in growth.matrices)
    assert not np.allclose(first, last)
    np.testing.assert_allclose(last.sum(1), 1, atol=1e-6)
    curves, true, *layers = render_growth(growth, dataset.classes).axes
    assert len(curves.lines[0].get_ydata()) == 40
    np.testing.assert_array_equal(true.images[0].get_array(), growth.true)
    np.testing.assert_array_equal(layers[-1].images[0].get_array(), last)


def test_multi_label_data_are_refused():
    with pytest.raises(InputError, match="one label a sample, and random is multi-label"):
        DenoisingExplorer(random_dataset(multi_label=True))
