"""The generated shapes: reproducible, balanced, varied, and told apart by their outline alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lnl_core.data.shapes import CLASSES, make_shapes


@pytest.fixture(scope="module")
def shapes():
    return make_shapes(2000, 500)


def test_sizes_and_types(shapes):
    assert shapes.x_train.shape == (2000, 3, 32, 32)
    assert shapes.x_test.shape == (500, 3, 32, 32)
    assert shapes.x_train.dtype == torch.uint8
    assert shapes.classes == CLASSES
    assert len(set(CLASSES)) == 10
    assert "seed=0" in shapes.source


def test_classes_are_balanced_and_mixed(shapes):
    assert torch.bincount(shapes.y_train).tolist() == [200] * 10
    assert torch.bincount(shapes.y_test).tolist() == [50] * 10
    assert set(shapes.y_train[:100].tolist()) == set(range(10))
    assert torch.bincount(make_shapes(27, 14).y_train).tolist() == [3] * 7 + [2] * 3


def test_same_seed_same_pixels_another_seed_others():
    first, again, other = (make_shapes(30, 10, seed) for seed in (4, 4, 5))
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != other.fingerprint
    assert not torch.equal(first.x_train, other.x_train)


def test_no_image_is_twice_there(shapes):
    images = torch.cat([shapes.x_train, shapes.x_test]).flatten(1).numpy()
    assert len({image.tobytes() for image in images}) == 2500


def test_train_and_test_images_differ_also_at_equal_sizes():
    data = make_shapes(30, 30)
    assert not torch.equal(data.x_train, data.x_test)


def silhouettes(images: torch.Tensor) -> torch.Tensor:
    """Where an image differs from its own border: 1 inside the object, 0 outside."""
    x = images.float()
    border = torch.cat([x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]], -1)
    return ((x - border.median(-1).values[:, :, None, None]).abs().mean(1) > 45).float()


def test_object_lies_inside_its_image(shapes):
    masks = silhouettes(shapes.x_train)
    area = masks.mean((1, 2))
    assert (area > 0.02).all()
    assert (area < 0.5).all()
    frame = torch.ones(32, 32, dtype=bool)
    frame[2:-2, 2:-2] = False
    assert masks[:, frame].mean() < 0.02


def test_colour_does_not_tell_the_class(shapes):
    """Were one class redder or darker, its mean colour would stand out of the others'."""
    border = shapes.x_train[:, :, :2].double().mean((2, 3))
    assert (border.std(0) > 40).all()  # it does vary
    for channel in range(3):
        per_class = [border[shapes.y_train == k, channel] for k in range(10)]
        error = border[:, channel].std().item() / 200**0.5
        means = np.array([values.mean().item() for values in per_class])
        assert (np.abs(means - means.mean()) < 5 * error).all()


def test_outline_tells_the_class(shapes):
    """Moved to their centre of mass, a silhouette's nearest neighbours are of its class."""

    def centred(images: torch.Tensor) -> torch.Tensor:
        masks = silhouettes(images)
        grid = torch.arange(32.0)
        mass = masks.sum((1, 2)).clamp_min(1)
        rows = (masks.sum(2) @ grid / mass - 15.5).round().int().tolist()
        columns = (masks.sum(1) @ grid / mass - 15.5).round().int().tolist()
        return torch.stack(
            [m.roll((-r, -c), (0, 1)) for m, r, c in zip(masks, rows, columns, strict=True)]
        ).flatten(1)

    train, test = centred(shapes.x_train), centred(shapes.x_test)
    nearest = torch.cdist(test, train).topk(5, largest=False).indices
    guess = shapes.y_train[nearest].mode(1).values
    for k in range(10):
        assert (guess[shapes.y_test == k] == k).double().mean() > 0.9
