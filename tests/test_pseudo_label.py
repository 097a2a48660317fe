"""Pseudo-labels: clusters named as classes, the ResNet-50's features, the stand-in; and what noise
that needs the samples is to a run."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from training_helpers import finish, random_dataset

from lnl_core import Dataset, Run, checksums, configure, load_dataset, make_noisy
from lnl_core.data.sample_noise import SAMPLE_NOISE
from lnl_core.errors import InputError
from lnl_core.noise import FROM_SAMPLES, PROTOCOLS, Noise
from lnl_core.noise.pseudo_label import (
    cluster_labels,
    load_resnet50,
    pseudo_labels,
    resnet50_features,
)

STANDIN = Noise("pseudo-label-standin")


def message(call, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


# --- clusters ------------------------------------------------------------------------------------


def blobs(wrong: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Forty points about each of four corners, the first `wrong` of each at the next corner."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 40)
    place = np.where(np.tile(np.arange(40), 4) < wrong, (labels + 1) % 4, labels)
    corners = np.array([[0, 0], [9, 0], [9, 9], [0, 9.0]])
    return corners[place] + rng.normal(size=(160, 2)), labels


def test_a_label_is_the_class_of_the_features_neighbourhood():
    features, labels = blobs(wrong=9)
    found = cluster_labels(features, labels, 4, seed=0)
    assert found.dtype == np.int64
    moved = np.tile(np.arange(40), 4) < 9
    np.testing.assert_array_equal(found, np.where(moved, (labels + 1) % 4, labels))


def test_every_class_names_one_cluster_whatever_the_majorities_are():
    """Two clusters are mostly class 0: one of them still has to be class 1."""
    features, _ = blobs()
    labels = np.repeat([0, 0, 2, 3], 40)
    labels[40:50] = 1
    found = cluster_labels(features, labels, 4, seed=0)
    assert sorted(set(found)) == [0, 1, 2, 3]
    assert (found[:40] == 0).all() and (found[40:80] == 1).all()


def test_the_seed_starts_the_clustering():
    features = np.random.default_rng(0).random((200, 3))  # no clusters to find
    labels = np.arange(200) % 4
    one, again, other = (cluster_labels(features, labels, 4, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


# --- ImageNet's features -------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A ResNet-50 of random weights, under the published file's name and with the name's hash."""
    from torchvision.models import ResNet50_Weights, resnet50

    torch.manual_seed(0)
    torch.save(resnet50().state_dict(), tmp_path / "new.pth")
    digest = hashlib.sha256((tmp_path / "new.pth").read_bytes()).hexdigest()
    file = tmp_path / f"resnet50-{digest[:8]}.pth"
    (tmp_path / "new.pth").rename(file)
    monkeypatch.setitem(checksums.KNOWN["weights"], file.name, digest)
    url = f"https://example.org/{file.name}"
    published = dataclasses.replace(ResNet50_Weights.IMAGENET1K_V1.value, url=url)
    monkeypatch.setattr(ResNet50_Weights.IMAGENET1K_V1, "_value_", published)
    return file


def test_features_are_the_last_poolings_of_scaled_images(weights):
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    found = resnet50_features(images, weights.parent)
    assert found.shape == (2, 2048) and found.dtype == np.float16
    net = load_resnet50(weights.parent)
    assert not net.training
    stages = torch.nn.Sequential(*list(net.children())[:-2])  # without pooling and last layer
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    large = torch.nn.functional.interpolate(
        images.float() / 255, size=224, mode="bilinear", antialias=True
    )
    with torch.no_grad():
        maps = stages((large - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    expected = maps.mean((2, 3)).numpy()
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-3)
    grey = images[:, :1]
    np.testing.assert_array_equal(
        resnet50_features(grey, weights.parent),
        resnet50_features(grey.expand(-1, 3, -1, -1), weights.parent),
    )


def test_features_are_kept_and_made_only_once(weights, monkeypatch):
    data = random_dataset(12)
    first = pseudo_labels(data, 0, weights.parent)
    assert (weights.parent / "pool5-random.npz").is_file()
    weights.unlink()
    np.testing.assert_array_equal(first, pseudo_labels(data, 0, weights.parent))
    other = dataclasses.replace(data, x_train=255 - data.x_train)
    assert "needs the ResNet-50 weights" in message(pseudo_labels, other, 0, weights.parent)


def test_absent_weights_are_named_with_both_ways_out(tmp_path):
    text = message(load_resnet50, tmp_path)
    for word in ("resnet50-0676ba61.pth", "download.pytorch.org", "pseudo-label-standin"):
        assert word in text


def test_damaged_weights_are_refused(weights):
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    assert "damaged" in message(load_resnet50, weights.parent)


def test_what_is_no_picture_is_refused():
    x, y = torch.randn(8, 5), torch.arange(8) % 2
    vectors = Dataset("own", x, y, x, y, ("a", "b"), "made by a test")
    assert "grey or colour images" in message(make_noisy, vectors, Noise("pseudo-label"))


# --- the stand-in --------------------------------------------------------------------------------


def test_the_stand_ins_errors_depend_on_the_samples_and_not_on_the_class_alone():
    """The most similar sample of the same class has the same noisy label more often than where
    the same labels are dealt out at random within each class."""
    digits = load_dataset("digits")
    train = make_noisy(digits, STANDIN, noise_seed=0, val_fraction=0.0).train
    x, clean, noisy = train.x.flatten(1).float(), train.clean, train.labels
    assert 0.1 < (noisy != clean).double().mean() < 0.5
    distance = torch.cdist(x, x) + 1e6 * torch.eye(len(x)) + 1e6 * (clean[:, None] != clean)
    neighbour = distance.argmin(1)
    dealt = noisy.clone()
    draw = torch.Generator().manual_seed(0)
    for k in range(10):
        members = (clean == k).nonzero().squeeze(1)
        dealt[members] = noisy[members[torch.randperm(len(members), generator=draw)]]
    own, random = ((y == y[neighbour]).double().mean().item() for y in (noisy, dealt))
    assert own > random + 0.1


def test_the_same_seed_gives_the_same_stand_in_and_leaves_the_callers_stream_alone():
    digits = load_dataset("digits")
    before = torch.get_rng_state()
    one, again, other = (
        make_noisy(digits, STANDIN, noise_seed=seed).train.labels for seed in (0, 0, 1)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_vectors_will_do_and_token_ids_will_not():
    y = torch.arange(80) % 2
    x = torch.randn(80, 5, generator=torch.Generator().manual_seed(0)) + 3 * y[:, None]
    data = make_noisy(Dataset("own", x, y, x, y, ("a", "b"), "made by a test"), STANDIN)
    assert data.noise.realised_rate < 0.2
    assert "token ids" in message(make_noisy, load_dataset("reviews"), STANDIN)


# --- noise that needs the samples ----------------------------------------------------------------


def test_what_the_protocols_list_is_what_is_drawn():
    assert set(SAMPLE_NOISE) == set(FROM_SAMPLES) <= set(PROTOCOLS)


def test_it_has_no_prescribed_matrix_and_draws_nothing_from_labels_alone():
    assert STANDIN.transition_matrix(10) is None
    assert "needs the samples" in message(STANDIN.corrupt, np.zeros(3, int), 2, 0)


def test_a_run_on_it_knows_the_realised_matrix_alone():
    data = random_dataset(200)
    config = configure("cross-entropy", noise="pseudo-label-standin", dataset=data, epochs=1)
    run = finish(Run(config, device="cpu", dataset=data))
    noise = run.document()["noise"]
    assert noise["protocol"] == "pseudo-label-standin"
    assert noise["nominal_rate"] is noise["expected_rate"] is noise["nominal_matrix"] is None
    np.testing.assert_allclose(run.data.transition_matrix, noise["realised_matrix"], atol=1e-6)


def test_multi_label_data_are_refused():
    data = random_dataset(multi_label=True)
    assert "multi-label" in message(make_noisy, data, STANDIN)
