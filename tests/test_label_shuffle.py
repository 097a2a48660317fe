"""Shuffled label vectors: whom it touches, what it keeps, what it comes to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import noisy_data, random_dataset

from lnl_core.data import make_noisy
from lnl_core.errors import InputError
from lnl_core.noise import Noise

VECTORS = (np.random.default_rng(0).random((4000, 6)) < 0.3).astype(np.uint8)


def shuffled(rate: float, draw: str = "bernoulli", seed: int = 0) -> np.ndarray:
    return Noise("label-shuffle", rate, draw=draw).corrupt(VECTORS, 6, seed)


def test_a_vector_keeps_how_many_labels_it_has():
    before = VECTORS.copy()
    noisy = shuffled(0.7)
    assert noisy.dtype == np.uint8
    np.testing.assert_array_equal(noisy.sum(1), VECTORS.sum(1))
    assert (noisy != VECTORS).any()
    np.testing.assert_array_equal(VECTORS, before)


def test_elements_are_in_any_order_and_each_vector_in_its_own():
    noisy = shuffled(1.0)
    one = VECTORS.sum(1) == 1
    places = noisy[one].argmax(1)
    share = np.bincount(places, minlength=6) / one.sum()
    np.testing.assert_allclose(share, 1 / 6, atol=5 * (1 / 6 / one.sum()) ** 0.5)


def test_at_0_nothing_changes_and_the_seed_decides():
    np.testing.assert_array_equal(shuffled(0.0), VECTORS)
    np.testing.assert_array_equal(shuffled(0.5), shuffled(0.5))
    assert (shuffled(0.5) != shuffled(0.5, seed=1)).any()


def test_an_exact_draw_touches_no_more_than_the_count():
    touched = (shuffled(0.25, "exact") != VECTORS).any(1).sum()
    assert 0 < touched <= 1000


@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_nominal_and_realised_rates_are_reported_and_agree(rate):
    report = noisy_data(f"label-shuffle:{rate}", n_train=3000, multi_label=True).noise
    assert report.nominal_rate == rate and report.nominal_matrix is None
    assert report.realised_rate == pytest.approx(report.expected_rate, abs=0.015)


def test_of_class_indices_it_is_symmetric_noise_over_all_classes():
    one, other = (Noise(name, 0.4) for name in ("label-shuffle", "symmetric-inclusive"))
    np.testing.assert_array_equal(one.transition_matrix(5), other.transition_matrix(5))
    labels = np.arange(5).repeat(20)
    np.testing.assert_array_equal(one.corrupt(labels, 5, 0), other.corrupt(labels, 5, 0))


def test_no_other_noise_takes_label_vectors():
    with pytest.raises(InputError, match="use 'label-shuffle'"):
        make_noisy(random_dataset(multi_label=True), Noise("symmetric", 0.2))


def test_the_test_labels_stay_clean():
    data = noisy_data("label-shuffle:1", multi_label=True)
    assert torch.equal(data.test.labels, random_dataset(multi_label=True).y_test)
