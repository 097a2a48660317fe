"""The quality explorer: its survey against the method's own words, and its controls turned."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_helpers import random_dataset, small_run

from lnl_core import Dataset, InputError, TrainingSet
from lnl_core.errors import DivergedError
from lnl_core.widgets import QualityExplorer, in_words, pick, render_quality, survey
from lnl_core.widgets import quality as module
from lnl_core.widgets.quality_pictures import AGREES, DIFFERS
from lnl_core.widgets.quality_survey import as_images, train_and_survey

CLASSES = tuple(f"class {k}" for k in range(4))


@pytest.fixture(scope="module")
def run():
    made = small_run("can", noise="label-shuffle:0.5", dataset=random_dataset(multi_label=True))
    for _ in made:
        pass
    return made


@pytest.fixture(scope="module")
def found(run):
    return survey(run)


@pytest.fixture
def explorer(found):
    return QualityExplorer(random_dataset(multi_label=True), found=found)


def test_a_survey_is_what_the_method_says(run, found):
    data = TrainingSet(run.data, run.config.train)
    said = run.method.survey(data)
    torch.testing.assert_close(torch.from_numpy(found.prior).float(), said.prior.sigmoid())
    torch.testing.assert_close(torch.from_numpy(found.latent).float(), said.posterior.sigmoid())
    np.testing.assert_array_equal(found.noisy, data.labels == 1)
    np.testing.assert_array_equal(found.clean, run.data.train.clean == 1)
    np.testing.assert_array_equal(found.images, run.data.train.x)
    np.testing.assert_array_equal(found.agrees, ((found.prior > 0.5) == found.noisy).all(1))
    assert (found.rate, found.regularisation) == (0.5, 0.3)
    assert found.place.shape == (len(data), 2) and np.isfinite(found.place).all()
    assert found.auc == pytest.approx(run.history[-1].diagnostics["selection_auc"])


def test_a_survey_may_be_of_the_first_samples_alone(run, found):
    few = survey(run, 20)
    assert len(few.place) == 20
    np.testing.assert_allclose(few.latent, found.latent[:20], rtol=1e-5)


def test_only_can_on_label_vectors_is_surveyed():
    for other in (
        small_run("cross-entropy", dataset=random_dataset(multi_label=True), noise="none"),
        small_run("can"),
    ):
        for _ in other:
            pass
        with pytest.raises(InputError, match="a finished run of can on multi-label data"):
            survey(other)


def test_training_for_a_survey_takes_rate_and_weight(monkeypatch):
    taken = []
    monkeypatch.setattr(
        "lnl_core.widgets.quality_survey.Run", lambda config, **_: taken.append(config) or []
    )
    monkeypatch.setattr("lnl_core.widgets.quality_survey.survey", lambda run, count: count)
    data = random_dataset(multi_label=True)
    assert train_and_survey(data, 0.7, 0.9, seed=3, count=11) == 11
    (config,) = taken
    assert (str(config.noise), config.options["regularisation"]) == ("label-shuffle:0.7", 0.9)
    assert config.method == "can" and config.seeds.noise == 3


def test_feature_vectors_of_a_square_are_an_image():
    vectors = torch.tensor([[0.0, 0.5, 1.0, 0.25]])
    assert as_images(vectors).tolist() == [[[[0, 128], [255, 64]]]]
    with pytest.raises(InputError, match="pixels of a square one"):
        as_images(torch.rand(2, 5))


def test_labels_are_named():
    assert in_words(np.array([True, False, True]), ("a", "b", "c")) == "a, c"
    assert in_words(np.zeros(3, bool), ("a", "b", "c")) == "none"


def test_samples_are_picked_by_their_trust(found):
    order = found.trust.argsort(kind="stable")
    assert pick(found, "all", 0) == order[0] and pick(found, "all", 100) == order[-1]
    wrong = pick(found, "wrong", 0)
    assert not found.right[wrong] and found.trust[wrong] == found.trust[~found.right].min()
    assert found.right[pick(found, "right", 50)]
    clean = dataclasses.replace(found, noisy=found.clean)
    with pytest.raises(InputError, match=r"no label is wrong at P_noise 0\.5"):
        pick(clean, "wrong", 0)


def test_the_picture_shows_the_sample(found):
    chosen = pick(found, "wrong", 30)
    points, picture, bars = render_quality(found, chosen, CLASSES).axes
    np.testing.assert_array_equal(points.lines[0].get_xydata(), [found.place[chosen]])
    for group, agrees, right in zip(
        points.collections, (True, True, False, False), (True, False, True, False), strict=True
    ):
        part = (found.agrees == agrees) & (found.right == right)
        np.testing.assert_array_equal(group.get_offsets(), found.place[part])
        if part.any():
            colour = AGREES if agrees else DIFFERS
            assert "#{:02X}{:02X}{:02X}".format(*_bytes(group)) == colour
    (word,) = picture.collections[1].words
    assert word.replace("\n", " ") == (
        f"✗ {in_words(found.noisy[chosen], CLASSES)} (is {in_words(found.clean[chosen], CLASSES)})"
    )
    heights = [bar.get_height() for bar in bars.patches]
    np.testing.assert_allclose(heights, [*found.prior[chosen], *found.latent[chosen]])
    noisy, true = (set(line.get_xdata()) for line in bars.lines)
    assert noisy == set(np.flatnonzero(found.noisy[chosen]))
    assert true == set(np.flatnonzero(found.clean[chosen]))


def _bytes(group):
    return [round(255 * part) for part in group.get_facecolor()[0][:3]]


def test_the_sample_s_controls_change_the_picture(explorer):
    seen = {explorer.image.value}
    for control, value in ((explorer.rank, 60), (explorer.among, "wrong")):
        control.value = value
        assert explorer.error.value == "" and explorer.image.value not in seen
        seen.add(explorer.image.value)
    explorer.reset.click()
    assert (explorer.rank.value, explorer.among.value) == (0, "all")


class EveryEpoch:
    """Stands in for a run of CAN: two epochs, in no time."""

    def __init__(self, rate, weight):
        self.rate, self.weight = rate, weight
        self.config = SimpleNamespace(train=SimpleNamespace(epochs=2))

    def __iter__(self):
        return iter(("first epoch", "second epoch"))


def test_train_takes_both_sliders_and_remembers(explorer, found, monkeypatch):
    asked, first = [], explorer.image.value

    def started(dataset, rate, regularisation, seed, *, steps):
        asked.append((rate, regularisation, seed))
        return EveryEpoch(rate, regularisation)

    def surveyed(run):
        moved = found.place + 1.0
        return dataclasses.replace(
            found, rate=run.rate, regularisation=run.weight, place=moved, trust=-found.trust
        )

    monkeypatch.setattr(module, "can_run", started)
    monkeypatch.setattr(module, "survey", surveyed)
    explorer.rate.value, explorer.regularisation.value = 0.2, 1.1
    before = explorer.image.value
    assert before != first  # what is shown is not what the sliders say, and the picture says so
    assert any("press Train for P_noise 0.2, λ 1.1" in text for text in _texts(explorer))
    explorer.train.click()
    assert explorer.wait(60)
    assert asked == [(0.2, 1.1, 1)] and explorer.error.value == ""
    after = explorer.image.value
    assert after != before and not any("press Train" in text for text in _texts(explorer))
    explorer.reset.click()
    assert explorer.image.value == first
    explorer.rate.value, explorer.regularisation.value = 0.2, 1.1
    assert explorer.image.value == after and len(asked) == 1
    explorer.train.click()
    assert explorer.wait(60)
    assert asked[1:] == [(0.2, 1.1, 2)] and not explorer.train.disabled


def _texts(explorer):
    return [text.get_text() for text in explorer.draw().texts]


def test_a_run_that_fails_is_a_sentence_and_the_button_comes_back(explorer, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of <memory>")

    monkeypatch.setattr(module, "can_run", broken)
    explorer.train.click()
    assert explorer.wait(60)
    assert "out of &lt;memory&gt;" in explorer.error.value and not explorer.train.disabled


def test_a_slider_that_turns_while_it_trains_does_not_hide_the_run(explorer, found, monkeypatch):
    def surveyed(run):
        explorer.rate.value = 0.9
        return dataclasses.replace(found, rate=run.rate, regularisation=run.weight)

    monkeypatch.setattr(
        module, "can_run", lambda _, rate, weight, *__, **___: EveryEpoch(rate, weight)
    )
    monkeypatch.setattr(module, "survey", surveyed)
    explorer.rate.value = 0.2
    explorer.train.click()
    assert explorer.wait(60) and explorer.status.value == "done"
    assert "P_noise 0.2" in explorer.draw().axes[0].get_title()
    assert any("press Train for P_noise 0.9" in text for text in _texts(explorer))


@pytest.mark.parametrize(
    "weight, words", [(1.0, "lower the learning rate"), (1.4, "λ = 1.4. Above λ = 1 eq. 8 has no")]
)
def test_a_run_that_diverges_is_told_what_can_be_turned(explorer, monkeypatch, weight, words):
    def started(*_, **__):
        raise DivergedError("lower the learning rate")

    monkeypatch.setattr(module, "can_run", started)
    explorer.regularisation.value = weight
    explorer.train.click()
    assert explorer.wait(60) and words in explorer.error.value
    assert (words == "lower the learning rate") == ("learning rate" in explorer.error.value)


def test_without_a_survey_it_trains_one(found, monkeypatch):
    monkeypatch.setattr(
        module, "train_and_survey", lambda _, rate, weight: dataclasses.replace(found, rate=rate)
    )
    made = QualityExplorer(random_dataset(multi_label=True), rate=0.6)
    assert (made.rate.value, made.regularisation.value) == (0.6, 0.3)


def test_data_that_cannot_be_shown_are_refused_before_training():
    with pytest.raises(InputError, match="label vectors, and random has one label a sample"):
        QualityExplorer(random_dataset())
    y = torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8)
    flat = Dataset("flat", torch.rand(2, 5), y, torch.rand(2, 5), y, ("a", "b"), "made by a test")
    with pytest.raises(InputError, match="pixels of a square one"):
        QualityExplorer(flat)
