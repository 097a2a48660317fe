"""A dataset made noisy: who is where, whose label is noisy, what each seed decides."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from data_helpers import ids, tiny_dataset

from lnl_core.data import NoisyData, make_noisy
from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.transition import realised_matrix

HALF = Noise("symmetric", 0.5)


def label_of(data: NoisyData) -> dict[int, int]:
    """Sample → its noisy label, wherever the split put it."""
    return {
        i: int(label)
        for split in (data.train, data.val)
        for i, label in zip(ids(split.x), split.labels, strict=True)
    }


def message(call, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


# --- the split ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "share", "held_out"),
    [(100, 0.1, 10), (97, 0.1, 10), (100, 0.0, 0), (100, 0.001, 0), (100, 0.5, 50), (10, 0.9, 9)],
)
def test_split_has_the_stated_size_and_every_sample_once(count, share, held_out):
    data = make_noisy(tiny_dataset(count), HALF, val_fraction=share)
    assert (len(data.train), len(data.val), len(data.test)) == (count - held_out, held_out, 20)
    assert sorted(ids(data.train.x) + ids(data.val.x)) == list(range(count))


def test_samples_keep_their_own_labels():
    source = tiny_dataset(200)
    data = make_noisy(source, HALF, noise_seed=3)
    noisy = HALF.corrupt(source.y_train.numpy(), 10, seed=3)
    for split in (data.train, data.val):
        which = ids(split.x)
        assert split.labels.tolist() == noisy[which].tolist()
        assert split.clean.tolist() == source.y_train[which].tolist()


def test_train_and_validation_are_noisy_and_test_is_clean():
    source = tiny_dataset(2000, 500)
    data = make_noisy(source, HALF)
    for split in (data.train, data.val):
        wrong = (split.labels != split.clean).float().mean().item()
        assert wrong == pytest.approx(0.5, abs=5 * 0.5 / len(split) ** 0.5)
    assert torch.equal(data.test.x, source.x_test)
    assert torch.equal(data.test.labels, source.y_test)
    assert torch.equal(data.test.clean, source.y_test)


def test_order_is_random_so_that_a_head_is_a_fair_sample():
    data = make_noisy(tiny_dataset(1000), HALF)
    head = data.train.head(200)
    assert ids(head.x) == ids(data.train.x)[:200]
    assert torch.equal(head.labels, data.train.labels[:200])
    assert torch.equal(head.clean, data.train.clean[:200])
    assert np.mean(ids(head.x)) == pytest.approx(500, abs=5 * 289 / 200**0.5)


def test_dataset_is_left_alone():
    source = tiny_dataset()
    before = source.y_train.clone()
    make_noisy(source, Noise("symmetric", 1.0))
    assert torch.equal(source.y_train, before)


# --- seeds ----------------------------------------------------------------------------------------


def test_same_seeds_same_data():
    a, b = (make_noisy(tiny_dataset(), HALF, noise_seed=1, split_seed=2) for _ in range(2))
    assert ids(a.train.x) == ids(b.train.x)
    assert torch.equal(a.train.labels, b.train.labels)


def test_split_seed_moves_samples_and_changes_no_label():
    runs = [make_noisy(tiny_dataset(), HALF, split_seed=seed) for seed in range(3)]
    assert label_of(runs[0]) == label_of(runs[1]) == label_of(runs[2])
    assert len({tuple(ids(run.val.x)) for run in runs}) == 3


def test_noise_seed_changes_labels_and_moves_no_sample():
    runs = [make_noisy(tiny_dataset(), HALF, noise_seed=seed) for seed in range(3)]
    assert ids(runs[0].train.x) == ids(runs[1].train.x) == ids(runs[2].train.x)
    assert len({tuple(sorted(label_of(run).items())) for run in runs}) == 3


def test_share_held_out_changes_no_label():
    a, b = (make_noisy(tiny_dataset(), HALF, val_fraction=share) for share in (0.0, 0.5))
    assert label_of(a) == label_of(b)


def test_equal_noise_and_split_seeds_are_unrelated():
    """Were the two drawn from one stream, the samples touched would be the samples held out."""
    exact = Noise("symmetric", 0.5, draw="exact")
    data = make_noisy(tiny_dataset(4000), exact, noise_seed=5, split_seed=5, val_fraction=0.5)
    share = [
        (split.labels != split.clean).float().mean().item() for split in (data.train, data.val)
    ]
    assert share == pytest.approx([0.5, 0.5], abs=5 * 0.5 / 2000**0.5)


# --- a limit --------------------------------------------------------------------------------------


def test_limit_keeps_that_many_of_the_training_samples():
    data = make_noisy(tiny_dataset(1000), HALF, limit=300)
    assert (len(data.train), len(data.val), len(data.test)) == (270, 30, 20)
    kept = ids(data.train.x) + ids(data.val.x)
    assert len(set(kept)) == 300
    assert max(kept) > 800
    again, other = (
        make_noisy(tiny_dataset(1000), HALF, limit=300, split_seed=seed) for seed in (0, 1)
    )
    assert ids(again.train.x) == ids(data.train.x)
    assert set(ids(other.train.x) + ids(other.val.x)) != set(kept)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_impossible_limit_is_refused(limit):
    text = message(make_noisy, tiny_dataset(), HALF, limit=limit)
    assert f"{limit} training samples" in text
    assert "1 to 100" in text


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_validation_share_outside_the_range_is_refused(share):
    text = message(make_noisy, tiny_dataset(), HALF, val_fraction=share)
    assert str(share) in text
    assert "[0, 1)" in text


def test_validation_share_that_leaves_nothing_to_train_on_is_refused():
    text = message(make_noisy, tiny_dataset(), HALF, val_fraction=0.999)
    assert "0.999 of 100 samples" in text
    assert "smaller share" in text


# --- what is reported -----------------------------------------------------------------------------


def test_report_states_nominal_expected_and_realised_noise():
    source = tiny_dataset(1000)
    # Class 2 is rare here, so that the expected rate is not just the mean over classes.
    rare = torch.where((source.y_train == 2) & (torch.arange(1000) > 100), 0, source.y_train)
    source = dataclasses.replace(source, y_train=rare)
    data = make_noisy(source, Noise("mnist-asymmetric", 0.6), noise_seed=4)
    labels, clean = data.train.labels, data.train.clean
    touched = sum((clean == k).float().mean().item() for k in (2, 3, 5, 6, 7))
    report = data.noise
    assert (report.protocol, report.draw, report.nominal_rate) == (
        "mnist-asymmetric:0.6", "bernoulli", 0.6,
    )  # fmt: skip
    assert report.expected_rate == pytest.approx(0.6 * touched)
    assert report.realised_rate == pytest.approx((labels != clean).sum().item() / len(labels))
    np.testing.assert_allclose(report.nominal_matrix, data.transition_matrix, atol=1e-7)
    np.testing.assert_allclose(report.realised_matrix, realised_matrix(clean, labels, 10))
    assert report.realised_rate != report.expected_rate


@pytest.mark.parametrize(("name", "expected"), [("symmetric", 0.5), ("symmetric-inclusive", 0.45)])
def test_expected_rate_tells_the_protocols_apart(name, expected):
    report = make_noisy(tiny_dataset(), Noise(name, 0.5)).noise
    assert report.nominal_rate == 0.5
    assert report.expected_rate == pytest.approx(expected)


def test_known_matrix_is_float32_and_the_protocols():
    data = make_noisy(tiny_dataset(name="mnist"), Noise("asymmetric", 0.6))
    assert data.transition_matrix.dtype == torch.float32
    assert data.transition_matrix[2, 7].item() == pytest.approx(0.6)
    assert data.transition_matrix[7, 2].item() == 0


def test_no_noise_is_the_identity():
    data = make_noisy(tiny_dataset(), Noise("none"))
    assert torch.equal(data.train.labels, data.train.clean)
    assert torch.equal(data.transition_matrix, torch.eye(10))
    assert (data.noise.expected_rate, data.noise.realised_rate) == (0, 0)


def test_identity_of_the_data_travels_along():
    source = tiny_dataset()
    data = make_noisy(source, HALF)
    assert (data.name, data.classes, data.source, data.dataset_fingerprint) == (
        "tiny", source.classes, "made for a test", source.fingerprint,
    )  # fmt: skip
    assert data.num_classes == 10
    assert data.input_shape == (2,)


def test_vocabulary_travels_along_whatever_is_left_of_the_data():
    data = make_noisy(tiny_dataset(kind="tokens", classes=2), HALF, limit=20).to("cpu")
    assert data.vocabulary == 101
    assert make_noisy(tiny_dataset(), HALF).vocabulary is None


def test_fingerprint_tells_labels_and_split_and_dataset_apart():
    def fingerprint(source=None, noise=HALF, **options) -> str:
        return make_noisy(source or tiny_dataset(), noise, **options).fingerprint

    assert fingerprint() == fingerprint()
    others = {
        fingerprint(noise_seed=1),
        fingerprint(split_seed=1),
        fingerprint(val_fraction=0.2),
        fingerprint(limit=90),
        fingerprint(noise=Noise("symmetric", 0.51)),
        fingerprint(tiny_dataset(n_test=21)),
    }
    assert len(others | {fingerprint()}) == 7


def test_preprocessing_is_fitted_on_the_training_split_alone_and_once():
    data = make_noisy(tiny_dataset(), HALF, val_fraction=0.5)
    preprocess = data.preprocess("standardise")
    assert preprocess(data.train.x).mean(0).abs().max() < 1e-5
    assert preprocess(data.val.x).mean(0).abs().max() > 1e-3
    assert data.preprocess("standardise") is preprocess


# --- given noise, and many labels a sample --------------------------------------------------------


def test_given_noise_is_used_as_it_is():
    source = tiny_dataset(given=True)
    data = make_noisy(source, Noise("given"), noise_seed=9)
    for split in (data.train, data.val):
        assert split.labels.tolist() == source.y_train_noisy[ids(split.x)].tolist()
    report = data.noise
    assert (report.protocol, report.nominal_rate, report.expected_rate, report.nominal_matrix) == (
        "given", None, None, None,
    )  # fmt: skip
    assert report.realised_rate == 1.0
    np.testing.assert_allclose(data.transition_matrix, np.roll(np.eye(10), -1, 1))


def test_given_noise_that_is_not_there_is_refused():
    text = message(make_noisy, tiny_dataset(), Noise("given"))
    for word in ("'given'", "tiny has none", "y_train_noisy", "lnl list noise"):
        assert word in text


@pytest.mark.parametrize("name", ["symmetric", "symmetric-inclusive", "asymmetric"])
def test_one_label_protocols_refuse_multi_label_data(name):
    text = message(make_noisy, tiny_dataset(multi_label=True), Noise(name, 0.2))
    for word in (f"'{name}'", "multi-label", "'none'", "'given'"):
        assert word in text


def test_multi_label_data_have_rates_and_no_matrix():
    source = tiny_dataset(multi_label=True, given=True)
    data = make_noisy(source, Noise("given"))
    assert data.multi_label
    assert data.transition_matrix is None
    assert data.noise.realised_matrix is None
    which = ids(data.train.x)
    changed = (source.y_train[which] != source.y_train_noisy[which]).double().mean().item()
    assert data.noise.realised_rate == pytest.approx(changed)
    clean = make_noisy(source, Noise("none"))
    assert clean.noise.realised_rate == 0
    assert torch.equal(clean.train.labels, clean.train.clean)


def test_noise_that_does_not_fit_the_classes_is_refused():
    five = tiny_dataset(classes=5)
    assert "5 classes" in message(make_noisy, five, Noise("mnist-asymmetric", 0.2))
    assert "5x5" in message(make_noisy, five, Noise("matrix", matrix=np.eye(3)))
    assert "no map" in message(make_noisy, five, Noise("asymmetric", 0.2))


@pytest.mark.parametrize("seed", ["noise_seed", "split_seed"])
def test_bad_seed_is_refused(seed):
    assert "2^32-1" in message(make_noisy, tiny_dataset(), HALF, **{seed: -1})
