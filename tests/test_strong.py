"""RandAugment: each operation against torchvision's, each image on its own; vectors; the view."""

from __future__ import annotations

import math

import pytest
import torch
from data_helpers import tiny_dataset
from torchvision.transforms.v2 import functional as tv

from lnl_core.config import TrainConfig
from lnl_core.data import Dataset, TrainingSet, load_dataset, make_noisy
from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.strong import OPERATIONS, on_all, rand_augment, strong, swap_features, where_drawn

MAGNITUDES = (0.3, -0.3, 0.71, -0.93)


def pictures(count: int = 6, channels: int = 3, height: int = 20, width: int = 17) -> torch.Tensor:
    """Not square; each with a range of its own, the last of one value alone."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randint(0, 256, (count, channels, height, width), generator=draw).float()
    x = 40 + x * torch.linspace(0.1, 0.8, count).view(-1, 1, 1, 1)
    x[-1] = 77
    return x.to(torch.uint8)


def affine(x: torch.Tensor, **given) -> torch.Tensor:
    return tv.affine(
        x, **{"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0, 0]} | given
    )


#: Name → torchvision's, of one image and its signed magnitude in [-1, 1], with the ranges of its
#: `RandAugment` (and the operation that AutoAugment's authors call a shear of that slope).
REFERENCE = {
    "identity": lambda x, m: x,
    "autocontrast": lambda x, m: tv.autocontrast(x),
    "equalize": lambda x, m: tv.equalize(x),
    "rotate": lambda x, m: tv.rotate(x, 30 * m),
    "solarize": lambda x, m: tv.solarize(x, 255 * (1 - abs(m))),
    "color": lambda x, m: tv.adjust_saturation(x, 1 + 0.9 * m),
    "posterize": lambda x, m: tv.posterize(x, 8 - round(4 * abs(m))),
    "contrast": lambda x, m: tv.adjust_contrast(x, 1 + 0.9 * m),
    "brightness": lambda x, m: tv.adjust_brightness(x, 1 + 0.9 * m),
    "sharpness": lambda x, m: tv.adjust_sharpness(x, 1 + 0.9 * m),
    "shear-x": lambda x, m: affine(x, shear=[math.degrees(math.atan(0.3 * m)), 0], center=[0, 0]),
    "shear-y": lambda x, m: affine(x, shear=[0, math.degrees(math.atan(0.3 * m))], center=[0, 0]),
    "translate-x": lambda x, m: affine(x, translate=[int(150 / 331 * x.shape[-1] * m), 0]),
    "translate-y": lambda x, m: affine(x, translate=[0, int(150 / 331 * x.shape[-2] * m)]),
}


def test_there_are_fourteen_operations():
    assert len(OPERATIONS) == 14 and set(OPERATIONS) == set(REFERENCE)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_torchvisions_on_each_image_with_its_own_magnitude(name, channels):
    x = pictures(channels=channels)
    x = torch.cat([x] * len(MAGNITUDES))
    m = torch.tensor(MAGNITUDES).repeat_interleave(len(x) // len(MAGNITUDES))
    kept = x.clone()
    found = OPERATIONS[name](x, m)
    assert torch.equal(x, kept)
    assert found.dtype == torch.uint8 and found.shape == x.shape
    expected = torch.stack([REFERENCE[name](*pair) for pair in zip(x, m.tolist(), strict=True)])
    difference = (found.int() - expected.int()).abs()
    # Both round in float32, on other ways: seldom but where a mean is of equal values.
    if name not in ("rotate", "shear-x", "shear-y"):
        assert difference.max() <= 1
    of_one_value = torch.arange(len(x)) % 6 == 5
    assert (difference[~of_one_value] > 0).double().mean() < 0.02
    # And it does something (saturation has nothing to do on grey images).
    if name != "identity" and (name, channels) != ("color", 1):
        assert (found != x).any()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 1, 2, 2), (2, 4, 8, 8), (0, 3, 8, 8)])
def test_an_operation_takes_images_of_any_size_and_number_of_channels(name, shape):
    x = torch.randint(0, 256, shape, dtype=torch.uint8)
    found = OPERATIONS[name](x, torch.full(shape[:1], -0.6))
    assert found.shape == shape and found.dtype == torch.uint8


def test_at_magnitude_zero_only_what_has_none_changes_an_image():
    x = pictures(5)
    unchanged = {name for name, f in OPERATIONS.items() if torch.equal(f(x, torch.zeros(5)), x)}
    assert set(OPERATIONS) - unchanged == {"autocontrast", "equalize"}


# --- the draw ------------------------------------------------------------------------------------


def test_every_image_draws_its_own_operation_and_sign_each_as_often():
    """One operation an image: a batch of one picture comes out as every operation's result."""
    one = pictures()[2]
    torch.manual_seed(0)
    found = rand_augment(one.expand(4200, -1, -1, -1), count=1, magnitude=0.5)
    results: dict[bytes, float] = {}
    for f in OPERATIONS.values():
        for sign in (0.5, -0.5):
            key = f(one[None], torch.tensor([sign])).numpy().tobytes()
            results[key] = results.get(key, 0.0) + 1 / 28
    counts = dict.fromkeys(results, 0)
    for image in found.numpy():
        counts[image.tobytes()] += 1  # a KeyError: no operation's result
    for key, share in results.items():
        assert abs(counts[key] - 4200 * share) < 5 * math.sqrt(4200 * share)


def test_two_operations_follow_one_another():
    x = pictures(1)[:, :, :8, :8]
    torch.manual_seed(0)
    found = {image.numpy().tobytes() for image in rand_augment(x.expand(3000, -1, -1, -1))}
    signs = (torch.tensor([0.3]), torch.tensor([-0.3]))
    once = {f(x, m).numpy().tobytes(): f(x, m) for f in OPERATIONS.values() for m in signs}
    twice = {
        f(image, m).numpy().tobytes()
        for image in once.values()
        for f in OPERATIONS.values()
        for m in signs
    }
    assert found <= twice and len(found) > len(once)


def test_none_and_the_largest_magnitude():
    x = pictures()
    assert torch.equal(rand_augment(x, count=0), x)
    assert rand_augment(x, magnitude=1.0).shape == x.shape


def test_the_same_seed_gives_the_same_images_and_the_batch_stays_as_it_was():
    x = pictures(40)
    kept = x.clone()
    seen = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        seen.append(strong(x))
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])
    assert torch.equal(x, kept)
    assert seen[0].dtype == torch.uint8 and seen[0].shape == x.shape


def test_a_gpus_way_gives_the_same_images():
    x = pictures(60)
    drawn = torch.arange(60) % 14
    signed = torch.linspace(-1, 1, 60)
    assert torch.equal(on_all(x, drawn, signed), where_drawn(x, drawn, signed))
    none = x[:0]
    assert on_all(none, drawn[:0], signed[:0]).shape == none.shape


# --- vectors, and the view ------------------------------------------------------------------------


def test_a_swapped_feature_is_the_same_feature_of_a_sample_of_the_batch():
    torch.manual_seed(0)
    count, features = 400, 6
    x = torch.arange(count * features, dtype=torch.float32).view(count, features)
    found = swap_features(x, 0.25)
    assert (found % features == torch.arange(features)).all()  # no feature has another's value
    moved = found != x
    share = 0.25 * (1 - 1 / count)
    assert abs(moved.double().mean() - share) < 5 * math.sqrt(share * (1 - share) / x.numel())
    donors = (found // features)[moved]
    assert len(donors.unique()) > 200
    # Features are swapped on their own, and not whole samples.
    assert 0 < moved.sum(1).double().var(correction=0) < 6 * 0.25 * 0.75 * 1.5
    assert torch.equal(swap_features(x[:1]), x[:1])  # no other sample there is


def test_token_ids_and_float_images_are_refused():
    for x in (torch.arange(12).view(3, 4), torch.rand(3, 1, 8, 8)):
        with pytest.raises(InputError, match="images and vectors") as caught:
            strong(x)
        assert "\n" not in str(caught.value)


def training(dataset: Dataset, **config) -> TrainingSet:
    data = make_noisy(dataset, Noise("none"), val_fraction=0.0)
    return TrainingSet(data, TrainConfig(preprocess="none", **config))


def test_the_view_comes_after_the_weak_augmentation():
    """White images: what is black within them came of a crop, a turn, a shear or a shift."""
    white = torch.full((600, 1, 12, 12), 255, dtype=torch.uint8)
    y = torch.arange(600) % 2
    dataset = Dataset("white", white, y, white, y, ("a", "b"), "made by a test")
    index = torch.arange(600)
    black = []
    for augmentation in ("none", "crop-flip"):
        torch.manual_seed(0)
        batch = training(dataset, augmentation=augmentation).take(index, ("strong", "weak"))
        assert batch.x.shape == (600, 1, 12, 12)
        edges = batch.x == 0
        black.append(edges.flatten(1).any(1).double().mean().item())
    assert black[0] < 0.75 < black[1]


def test_every_kind_of_data_has_the_view_or_refuses_it():
    torch.manual_seed(0)
    index = torch.arange(30)
    digits = training(load_dataset("digits"))
    assert (digits.take(index, ("strong",)).x != digits.take(index, ("plain",)).x).any()
    vectors = training(tiny_dataset(60, kind="vector")).take(index, ("strong",)).x
    assert vectors.shape == (30, 2) and vectors.isfinite().all()
    with pytest.raises(InputError, match="images and vectors"):
        training(tiny_dataset(60, kind="tokens")).take(index, ("strong",))
