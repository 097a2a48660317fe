"""Instance-dependent noise: its probabilities against a formula, its rates, and where flips go."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from data_helpers import tiny_dataset
from scipy import stats
from training_helpers import random_dataset

from lnl_core import Dataset, load_dataset, make_noisy
from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.noise.part_dependent import flip_rates, part_dependent_labels, probabilities

NAMES = ("part-dependent", "part-dependent-shared")


def test_probabilities_are_the_formulas():
    rng = np.random.default_rng(0)
    scores, flips = rng.normal(size=(7, 5)) * 3, rng.random(7)
    for label in range(5):
        found = probabilities(scores, label, flips)
        for i in range(7):
            weight = [math.exp(v) if k != label else 0.0 for k, v in enumerate(scores[i])]
            expected = [flips[i] * v / sum(weight) for v in weight]
            expected[label] = 1 - flips[i]
            np.testing.assert_allclose(found[i], expected, rtol=1e-12)


def test_scores_thousands_apart_are_an_argmax_and_no_overflow():
    scores = np.array([[9e5, 3e4, 8e4, -7e5]])
    np.testing.assert_allclose(
        probabilities(scores, 0, np.array([0.25])), [[0.75, 0, 0.25, 0]], atol=1e-12
    )


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6, 1.0])
def test_flip_rates_are_of_the_truncated_normal(rate):
    q = flip_rates(4000, rate, np.random.default_rng(0))
    assert q.min() >= 0 and q.max() <= 1
    normal = stats.norm(rate, 0.1)

    def cdf(value):
        return (normal.cdf(value) - normal.cdf(0)) / (normal.cdf(1) - normal.cdf(0))

    assert stats.kstest(q, cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [0.2, 0.4, 0.6])
def test_the_realised_rate_is_the_mean_flip_rate_whatever_the_class(name, rate):
    digits = load_dataset("digits")
    noise = make_noisy(digits, Noise(name, rate), val_fraction=0.0).noise
    mean = stats.truncnorm(-rate / 0.1, (1 - rate) / 0.1, rate, 0.1).mean()
    deviation = math.sqrt(mean * (1 - mean) / len(digits.x_train))
    assert abs(noise.realised_rate - mean) < 4 * deviation
    for k in range(10):
        assert abs(1 - noise.realised_matrix[k][k] - mean) < 4 * deviation * math.sqrt(10.5)
    assert (noise.protocol, noise.nominal_rate) == (f"{name}:{rate}", rate)
    assert noise.nominal_matrix is noise.expected_rate is None


@pytest.mark.parametrize("name", NAMES)
def test_labels_follow_the_seed_and_the_samples(name):
    digits = load_dataset("digits")

    def labels(data: Dataset = digits, seed: int = 0) -> torch.Tensor:
        return make_noisy(data, Noise(name, 0.4), noise_seed=seed, val_fraction=0.0).train.labels

    assert torch.equal(labels(), labels())
    assert not torch.equal(labels(), labels(seed=1))
    turned = dataclasses.replace(digits, x_train=digits.x_train.flip(-1))
    clean = make_noisy(digits, Noise("none"), val_fraction=0.0).train.labels
    before, after = labels(), labels(turned)
    both = (before != clean) & (after != clean)
    assert (before != after)[both].double().mean() > 0.1


def two_kinds(classes: int = 4, count: int = 4000) -> Dataset:
    """In every class the same two samples, half and half."""
    draw = torch.Generator().manual_seed(0)
    kinds = torch.randint(0, 256, (2, 1, 6, 6), generator=draw, dtype=torch.uint8)
    y = torch.arange(count) % classes
    x = kinds[torch.arange(count) // classes % 2]
    names = tuple("abcd"[:classes])
    return Dataset("kinds", x, y, x[:8], y[:8], names, "made by a test")


def targets(labels: np.ndarray, y: np.ndarray, kind: np.ndarray) -> dict[tuple[int, int], set]:
    """(class, kind) → the classes that its samples flip to."""
    return {
        (k, m): set(labels[(y == k) & (kind == m) & (labels != k)].tolist())
        for k in range(4)
        for m in range(2)
    }


def test_a_shared_projection_sends_alike_samples_to_the_same_class_whatever_their_own():
    data = two_kinds()
    y, kind = data.y_train.numpy(), np.arange(4000) // 4 % 2
    shared = [part_dependent_labels(data, 0.5, seed, shared=True) for seed in range(4)]
    own = [part_dependent_labels(data, 0.5, seed) for seed in range(4)]
    for labels in (*shared, *own):
        # Of one sample all scores are equal, and lie so far apart that one class is left.
        assert all(len(found) == 1 for found in targets(labels, y, kind).values())

    def agree(labels: np.ndarray) -> bool:
        """The best class of a kind is that of every class but its own, which has the second."""
        found = targets(labels, y, kind)
        return all(len(set.union(*(found[k, m] for k in range(4)))) == 2 for m in range(2))

    assert all(agree(labels) for labels in shared)
    assert not all(agree(labels) for labels in own)


def test_rate_zero_is_no_noise_and_the_clean_labels_are_left_alone():
    data = random_dataset(40)
    kept = data.y_train.clone()
    assert torch.equal(torch.from_numpy(part_dependent_labels(data, 0.0, 0)), kept)
    assert (part_dependent_labels(data, 0.9, 0) != kept.numpy()).any()
    assert torch.equal(data.y_train, kept)


@pytest.mark.parametrize("name", NAMES)
def test_token_ids_are_refused_and_a_rate_is_asked_for(name):
    with pytest.raises(InputError, match="token ids") as caught:
        make_noisy(tiny_dataset(kind="tokens"), Noise(name, 0.4))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="needs a rate"):
        Noise(name)
    assert make_noisy(tiny_dataset(200), Noise(name, 0.4)).noise.realised_rate > 0.2
