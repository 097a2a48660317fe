"""Preprocessing against NumPy in float64; crop and flip against every window there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from lnl_core.augment import (
    AUGMENTATIONS,
    PREPROCESS,
    block_size,
    crop_flip,
    flip,
    make_preprocess,
    shift_flip,
    window_flip,
)
from lnl_core.errors import InputError

RNG = np.random.default_rng(0)
# More than the 4,096 samples of one block; each channel and feature with a scale of its own.
IMAGES = (RNG.integers(0, 256, (5000, 3, 4, 5)) * np.array([1, 0.5, 0.1])[:, None, None]).astype(
    np.uint8
)
VECTORS = RNG.normal([0, 100, -3], [1, 20, 0.01], (5000, 3)).astype(np.float32)
STORED = {"image": IMAGES, "vector": VECTORS}
#: ImageNet's, which is for colour images alone, is tested below.
FITTED = [name for name in PREPROCESS if name not in ("imagenet", "whiten")]  # tested apart


def expected(name: str, kind: str) -> np.ndarray:
    x = STORED[kind].astype(np.float64)
    unit = 255 if kind == "image" else 1
    channel = (0, 2, 3) if kind == "image" else (0,)
    return {
        "none": x,
        "unit": x / unit,
        "pixel-mean": (x - x.mean(0)) / unit,
        "pixel-mean-raw": x - x.mean(0),
        "standardise": (x - x.mean(channel, keepdims=True)) / x.std(channel, keepdims=True),
    }[name]


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("name", FITTED)
def test_preprocessing_agrees_with_numpy(name, kind):
    stored = torch.from_numpy(STORED[kind].copy())
    preprocess = make_preprocess(name, stored)
    result = preprocess(stored)
    assert result.dtype == torch.float32
    # Means are float32: the third feature's, -3, is held to 1e-5 of its deviation of 0.01.
    np.testing.assert_allclose(result.numpy(), expected(name, kind), rtol=1e-5, atol=2e-5)
    few = preprocess(torch.from_numpy(STORED[kind][7:9].copy()))
    torch.testing.assert_close(few, result[7:9], rtol=0, atol=0)


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("name", FITTED)
def test_stored_samples_are_left_alone(name, kind):
    """Vectors are float32 already: an operation in place would change them."""
    stored = torch.from_numpy(STORED[kind].copy())
    preprocess = make_preprocess(name, stored)
    preprocess(stored)
    preprocess(stored[:10])
    assert torch.equal(stored, torch.from_numpy(STORED[kind]))


@pytest.mark.parametrize("name", PREPROCESS)
def test_token_ids_pass_unchanged(name):
    tokens = torch.arange(12).reshape(3, 4)
    assert torch.equal(make_preprocess(name, tokens)(tokens), tokens)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0, -1e6])
def test_constant_feature_becomes_zero(value):
    x = torch.stack([torch.full((9,), value), torch.arange(9.0)], 1)
    result = make_preprocess("standardise", x)(x)
    assert torch.equal(result[:, 0], torch.zeros(9))
    preprocess = make_preprocess("standardise", x)
    assert preprocess(x + 1)[:, 0].tolist() == [0] * 9  # also where the test data differ
    assert result[:, 1].std(correction=0).item() == pytest.approx(1)


def test_constant_channel_becomes_zero():
    x = torch.from_numpy(IMAGES.copy())
    x[:, 1] = 200
    assert (make_preprocess("standardise", x)(x)[:, 1] == 0).all()


def test_unknown_preprocessing_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'standardise'"):
        make_preprocess("standardize", torch.zeros(2, 2))


# --- crop and flip: not square, unlike channels, no pixel twice, none zero ------------------------

CHANNELS, HEIGHT, WIDTH = 3, 6, 5
IMAGE = np.arange(1, CHANNELS * HEIGHT * WIDTH + 1, dtype=np.uint8).reshape(CHANNELS, HEIGHT, WIDTH)


def windows(padding: int) -> dict[bytes, tuple[int, int, bool]]:
    """Every crop of the zero-padded image, plain and mirrored → (top, left, mirrored)."""
    padded = np.zeros((CHANNELS, HEIGHT + 2 * padding, WIDTH + 2 * padding), np.uint8)
    padded[:, padding : padding + HEIGHT, padding : padding + WIDTH] = IMAGE
    found = {}
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = padded[:, top : top + HEIGHT, left : left + WIDTH]
            found[crop.tobytes()] = (top, left, False)
            found[crop[:, :, ::-1].tobytes()] = (top, left, True)
    assert len(found) == 2 * (2 * padding + 1) ** 2
    return found


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_every_crop_is_a_window_of_its_own_image_and_each_window_as_likely(padding):
    torch.manual_seed(0)
    cells = 2 * (2 * padding + 1) ** 2
    result = crop_flip(torch.from_numpy(IMAGE).expand(400 * cells, -1, -1, -1), padding)
    assert result.dtype == torch.uint8
    assert result.shape == (400 * cells, CHANNELS, HEIGHT, WIDTH)
    known = windows(padding)
    drawn = [known[image.tobytes()] for image in result.numpy()]  # a KeyError: not a window
    counts = np.array([drawn.count(window) for window in known.values()])
    # Each of the windows 400 times, standard deviation 20: top, left and flip are independent.
    assert (np.abs(counts - 400) < 5 * 20).all()


def test_crops_of_one_image_never_hold_anothers_pixels():
    torch.manual_seed(0)
    values = torch.arange(1, 201, dtype=torch.uint8)
    result = crop_flip(values[:, None, None, None].expand(-1, 2, 8, 8))
    for value, image in zip(values, result, strict=True):
        assert set(image.unique().tolist()) <= {0, value.item()}
        assert (image == value).sum() >= 2 * 4 * 4


def test_default_padding_is_four_pixels():
    torch.manual_seed(0)
    known = windows(4)
    drawn = [
        known[i.tobytes()]
        for i in crop_flip(torch.from_numpy(IMAGE).expand(2000, -1, -1, -1)).numpy()
    ]
    assert {top for top, _, _ in drawn} == {left for _, left, _ in drawn} == set(range(9))
    mirrored = sum(flip for _, _, flip in drawn)
    assert abs(mirrored - 1000) < 5 * np.sqrt(500)


def test_crop_follows_torchs_seed_and_leaves_the_images_alone():
    x = torch.from_numpy(IMAGE)[None].repeat(20, 1, 1, 1)
    kept = x.clone()
    torch.manual_seed(3)
    first, second = crop_flip(x), crop_flip(x)
    torch.manual_seed(3)
    assert torch.equal(crop_flip(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(x, kept)


def test_no_augmentation_is_no_change():
    x = torch.from_numpy(IMAGE)[None]
    assert torch.equal(AUGMENTATIONS["none"](x), x)
    assert AUGMENTATIONS["crop-flip"] is crop_flip


# --- flip alone ---------------------------------------------------------------------------------


def test_half_of_the_images_are_mirrored_whole():
    torch.manual_seed(0)
    x = torch.from_numpy(IMAGE).expand(2000, -1, -1, -1)
    kept = x.clone()
    result = flip(x)
    mirrored = (result == x.flip(-1)).flatten(1).all(1)
    assert (mirrored | (result == x).flatten(1).all(1)).all()
    # Standard deviation 0.011; IMAGE is not its own mirror image.
    assert mirrored.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(x, kept)
    torch.manual_seed(0)
    assert torch.equal(flip(x), result)
    assert AUGMENTATIONS["flip"] is flip


# --- shift and flip: against Keras' own way, an image and a channel at a time --------------------


def shifted(image: np.ndarray, down: float, right: float, mirrored: bool) -> np.ndarray:
    """[C, H, W] as Keras 2.0 shifts it: an affine map of order 0 with the edge for what is
    outside, and then the flip."""
    offset = [down, right]
    channels = [
        ndimage.affine_transform(channel, np.eye(2), offset, order=0, mode="nearest")
        for channel in image
    ]
    return np.stack(channels)[:, :, :: -1 if mirrored else 1]


def outcomes(share: float) -> dict[bytes, float]:
    """Image → its probability, from a fine grid of shifts, each as likely."""
    grid = (np.arange(200) + 0.5) / 100 - 1
    rows, columns = (
        np.unique(np.floor(grid * share * size + 0.5), return_counts=True)
        for size in (HEIGHT, WIDTH)
    )
    found: dict[bytes, float] = {}
    for down, n in zip(*rows, strict=True):
        for right, m in zip(*columns, strict=True):
            for mirrored in (False, True):
                image = shifted(IMAGE, down, right, mirrored).tobytes()
                found[image] = found.get(image, 0) + n * m / 200**2 / 2
    return found


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5])
def test_every_shift_is_one_that_keras_makes_and_as_likely(share):
    torch.manual_seed(0)
    count = 20_000
    result = shift_flip(torch.from_numpy(IMAGE).expand(count, -1, -1, -1), share)
    assert result.dtype == torch.uint8
    assert result.shape == (count, CHANNELS, HEIGHT, WIDTH)
    known = outcomes(share)
    drawn = dict.fromkeys(known, 0)
    for image in result.numpy():
        drawn[image.tobytes()] += 1  # a KeyError: no shift of Keras'
    for image, probability in known.items():
        # The grid of shifts is off by at most one in 200 for each axis.
        slack = 5 * np.sqrt(count * probability) + 0.02 * count * probability
        assert abs(drawn[image] - count * probability) < slack


@pytest.mark.parametrize("down", [-3.2, -2.51, -2.49, -0.5, 0.0, 0.49, 1.7, 3.2])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_shift_between_pixels_takes_the_nearest_as_scipy_does(monkeypatch, down, mirrored):
    """The same draw given to both: torch.rand replaced by what leads to that shift."""
    images = torch.from_numpy(RNG.integers(0, 256, (4, 3, 32, 32)).astype(np.uint8))
    right = 1.3
    draws = iter([(down / 3.2 + 1) / 2, (right / 3.2 + 1) / 2, 0.1 if mirrored else 0.9])
    monkeypatch.setattr(
        torch, "rand", lambda *size, device=None: torch.full(size, next(draws), dtype=torch.float64)
    )
    result = shift_flip(images)
    for image, moved in zip(images.numpy(), result.numpy(), strict=True):
        np.testing.assert_array_equal(moved, shifted(image, down, right, mirrored))


def test_on_32_pixels_a_shift_is_of_three_at_most_and_three_is_rarer():
    torch.manual_seed(0)
    image = torch.arange(32, dtype=torch.uint8)[None, None, :, None].expand(20_000, 1, 32, 32)
    down = shift_flip(image)[:, 0, 16, 0].long() - 16
    shares = torch.bincount(down + 3).double() / len(down)
    expected = torch.tensor([0.7, 1, 1, 1, 1, 1, 0.7], dtype=torch.float64) / 6.4
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.015)


def test_shifts_follow_torchs_seed_and_leave_the_images_alone():
    x = torch.from_numpy(IMAGE)[None].repeat(50, 1, 1, 1)
    kept = x.clone()
    torch.manual_seed(3)
    first, second = shift_flip(x, 0.4), shift_flip(x, 0.4)
    torch.manual_seed(3)
    assert torch.equal(shift_flip(x, 0.4), first)
    assert not torch.equal(first, second)
    assert torch.equal(x, kept)
    assert AUGMENTATIONS["shift-flip"] is shift_flip


def test_shifts_of_one_image_never_hold_anothers_pixels():
    torch.manual_seed(0)
    values = torch.arange(1, 201, dtype=torch.uint8)
    stored = values[:, None, None, None].expand(-1, 2, 8, 8)
    assert torch.equal(shift_flip(stored, 0.4), stored)


# --- photographs ------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(256, 256), (224, 300), (5, 4)])
def test_imagenets_preprocessing_takes_the_centre_and_its_own_constants(height, width):
    images = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8)
    result = make_preprocess("imagenet", images[:1])(images)
    top, left = max(0, (height - 224) // 2), max(0, (width - 224) // 2)
    centre = images.double()[:, :, top : top + 224, left : left + 224] / 255
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = (centre.numpy() - mean[:, None, None]) / deviation[:, None, None]
    np.testing.assert_allclose(result.numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 1, 8, 8), (4, 3)])
def test_imagenets_preprocessing_is_for_colour_images(shape):
    with pytest.raises(InputError, match=r"for colour images.*use 'standardise'"):
        make_preprocess("imagenet", torch.zeros(shape).to(torch.uint8 if len(shape) == 4 else None))


def test_window_and_flip_give_every_window_there_is_equally_often():
    """Windows of 4 x 4 in 6 x 5: 3 places down, 2 across, 2 directions."""
    assert AUGMENTATIONS["window-flip"] is window_flip
    image = torch.arange(30, dtype=torch.uint8).view(1, 1, 6, 5)
    torch.manual_seed(0)
    found = window_flip(image.repeat(12_000, 1, 1, 1), side=4)
    assert found.shape == (12_000, 1, 4, 4)
    windows = [
        turned
        for top in range(3)
        for left in range(2)
        for window in [image[0, :, top : top + 4, left : left + 4]]
        for turned in (window, window.flip(-1))
    ]
    counts = [int((found == window).flatten(1).all(1).sum()) for window in windows]
    assert sum(counts) == 12_000
    assert min(counts) > 1000 - 5 * 31 and max(counts) < 1000 + 5 * 31  # five deviations


def test_a_window_larger_than_the_image_is_the_image_or_its_mirror():
    images = torch.randint(0, 256, (20, 3, 8, 9), dtype=torch.uint8)
    for image, found in zip(images, window_flip(images), strict=True):
        assert torch.equal(found, image) or torch.equal(found, image.flip(-1))


def test_blocks_are_smaller_for_large_samples_alone():
    sizes = {shape: block_size(torch.empty(1, *shape, device="meta"), 2000) for shape in (
        (3, 32, 32), (400,), (3, 224, 224), (3, 5000, 5000),
    )}  # fmt: skip
    assert list(sizes.values()) == [2000, 2000, 132, 1]
