"""The relabelling explorer: its terms against formulas by hand, and its controls turned."""

from itertools import islice

import numpy as np
import pytest
import training_helpers  # noqa: F401  (one thread)
from training_helpers import random_dataset
from widget_helpers import cut

from lnl_core import InputError, load_dataset
from lnl_core.widgets import (
    RelabellingExplorer,
    clean_labels,
    relabelling_terms,
    render_cleaning,
    render_terms,
    training,
)
from lnl_core.widgets import relabelling as module

OPTIONS = {"alpha": 1.2, "beta": 0.8, "start_epoch": 2}


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def explorer(digits):
    return RelabellingExplorer(digits)


def test_the_terms_are_equations_7_10_and_12():
    found = relabelling_terms(alpha=1.5, beta=0.6, confidence=0.8, classes=4)
    p = found.p
    fit = 0.8 * np.log(0.8 / p) + 0.2 * np.log(0.2 / (1 - p))
    spread = -0.6 * (p * np.log(p) + (1 - p) * np.log(1 - p))
    np.testing.assert_allclose(found.losses["L_c"], fit, atol=1e-12)
    np.testing.assert_allclose(found.losses["β L_e"], spread, atol=1e-12)
    np.testing.assert_allclose(found.losses["L_c + β L_e"], fit + spread, atol=1e-12)
    one, rest = found.share + (1 - found.share) / 4, (1 - found.share) / 4
    expected = 1.5 * (np.log(0.25 / one) + 3 * np.log(0.25 / rest)) / 4
    np.testing.assert_allclose(found.collapse, expected, atol=1e-12)
    assert found.collapse[0] == pytest.approx(0) and found.collapse[-1] > 5


def test_without_the_entropy_a_label_stays_and_with_it_becomes_sure():
    still = relabelling_terms(alpha=1, beta=0).paths
    np.testing.assert_allclose(still, np.repeat(still[:, :1], still.shape[1], 1))
    moved = relabelling_terms(alpha=1, beta=0.8).paths
    assert (np.diff(moved) >= 0).all() and (moved[:, -1] > 0.99).all()


def test_the_picture_shows_what_was_computed():
    found = relabelling_terms(alpha=1, beta=0.5)
    loss, label, price = render_terms(found).axes
    lines = {line.get_label(): line.get_ydata() for line in loss.lines}
    for name, values in found.losses.items():
        np.testing.assert_array_equal(lines[name], values)
    for line, path in zip(label.lines, found.paths, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), path)
    np.testing.assert_array_equal(price.lines[0].get_ydata(), found.collapse)


def test_alpha_and_beta_change_the_picture(explorer):
    seen = {explorer.image.value}
    for control in (explorer.alpha, explorer.beta):
        control.value = 0.3
        assert explorer.error.value == "" and explorer.image.value not in seen
        seen.add(explorer.image.value)
    explorer.reset.click()
    assert (explorer.alpha.value, explorer.beta.value) == (1.2, 0.8)


def test_what_was_cleaned_is_drawn_epoch_by_epoch():
    dataset = random_dataset(200)
    first, second, third = islice(clean_labels(dataset, 0.4, 0, OPTIONS, lr=0.02), 3)
    assert [len(c.history) for c in (first, second, third)] == [1, 2, 3]
    # Row by row true classes; before the start the labels are the noisy ones, afterwards not.
    noisy = 1 - np.diag(first.recovered)
    assert (noisy > 0).any() and not np.allclose(first.recovered, second.recovered)
    for cleaning in (first, second):
        np.testing.assert_allclose(cleaning.recovered.sum(1), 1)
        assert cleaning.shares.sum() == pytest.approx(1)
    curves, matrix, bars = render_cleaning(third, dataset.classes).axes
    recovered = [record.diagnostics["recovered"] for record in third.history]
    np.testing.assert_array_equal(curves.lines[0].get_ydata(), recovered)
    np.testing.assert_array_equal(
        curves.lines[1].get_ydata(), [record.test_accuracy for record in third.history]
    )
    np.testing.assert_array_equal(matrix.images[0].get_array(), third.recovered)
    np.testing.assert_allclose([bar.get_height() for bar in bars.patches], third.shares)


def test_step_1_alone_is_trained():
    dataset = random_dataset(100)
    *_, last = clean_labels(dataset, 0.4, 0, OPTIONS, lr=0.02)
    assert {record.stage for record in last.history} == {"relabel"} and len(last.history) == 40
    assert {record.lr for record in last.history} == {0.02}


def test_train_takes_every_control_and_draws_as_it_goes(explorer, monkeypatch):
    asked, drawn = [], []
    real = module.clean_labels

    def clean(dataset, rate, seed, options, lr, *, steps):
        asked.append((rate, seed, options, lr))
        yield from islice(real(dataset, rate, seed, options, lr), 11)

    monkeypatch.setattr(module, "clean_labels", clean)
    monkeypatch.setattr(training, "REDRAWN", 0)
    monkeypatch.setattr(training, "REST", 0)
    explorer.trained.observe(lambda change: drawn.append(change.new), names="value")
    explorer.rate.value, explorer.lr.value, explorer.start.value = 0.3, 0.1, 3
    explorer.train.click()
    assert explorer.wait(60)
    assert explorer.error.value == "" and explorer.trained.layout.display is None
    assert len(drawn) == 11 and all(bytes(picture).startswith(b"\x89PNG") for picture in drawn)
    explorer.alpha.value = 0.5
    explorer.train.click()
    assert explorer.wait(60)
    assert asked == [
        (0.3, 0, {"alpha": 1.2, "beta": 0.8, "start_epoch": 3}, 0.1),
        (0.3, 1, {"alpha": 0.5, "beta": 0.8, "start_epoch": 3}, 0.1),
    ]
    assert not explorer.train.disabled


def test_a_run_that_fails_is_a_sentence_and_the_button_comes_back(explorer, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of <memory>")

    monkeypatch.setattr(module, "clean_labels", broken)
    explorer.train.click()
    assert explorer.wait(60)
    assert "out of &lt;memory&gt;" in explorer.error.value and not explorer.train.disabled


def test_no_name_and_no_choice_is_cut(explorer):
    assert cut(explorer) == []


def test_multi_label_data_are_refused():
    with pytest.raises(InputError, match="one label a sample, and random is multi-label"):
        RelabellingExplorer(random_dataset(multi_label=True))
