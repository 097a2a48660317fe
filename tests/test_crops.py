"""The six-crop test against a slow loop over pixels, and what it is refused for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from training_helpers import noisy_data

from lnl_core import Dataset, InputError, TrainConfig, configure, load_dataset, make_noisy
from lnl_core.crops import six_crops
from lnl_core.data import TrainingSet
from lnl_core.methods import Method
from lnl_core.noise import parse_noise
from lnl_core.train import evaluate, fit, predict_logits

SIX = TrainConfig(epochs=1, batch_size=4, lr=0.01, preprocess="imagenet", test_crops=6)


def images(height: int, width: int, count: int = 4) -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (count, 3, height, width), generator=draw, dtype=torch.uint8)


def slow_crops(image: np.ndarray, side: int) -> list[np.ndarray]:
    """Pixel by pixel, one image [C, H, W]."""
    _, height, width = image.shape
    high, wide = min(height, side), min(width, side)
    found = []
    for mirrored in (False, True):
        for share in (0, 1, 2):  # begin, middle, end, in halves of what is left over
            top = (height - high) * (share if height > width else 1) // 2
            left = (width - wide) * (share if width >= height else 1) // 2
            crop = np.empty((3, high, wide), image.dtype)
            for row in range(high):
                for column in range(wide):
                    seen = wide - 1 - column if mirrored else column
                    crop[:, row, column] = image[:, top + row, left + seen]
            found.append(crop)
    return found


@pytest.mark.parametrize(
    ("height", "width"), [(9, 9), (7, 12), (12, 7), (11, 6), (4, 9), (3, 2), (6, 6)]
)
def test_the_crops_are_those_of_a_loop_over_pixels(height, width):
    x = images(height, width)
    crops = six_crops(x, side=6)
    assert len(crops) == 6
    for number, image in enumerate(x.numpy()):
        for found, expected in zip(crops, slow_crops(image, 6), strict=True):
            np.testing.assert_array_equal(found[number].numpy(), expected)


def test_an_image_that_is_no_larger_than_the_window_is_seen_as_it_is_and_mirrored():
    x = images(5, 5)
    crops = six_crops(x, side=6)
    assert all(torch.equal(crop, x) for crop in crops[:3])
    assert all(torch.equal(crop, x.flip(-1)) for crop in crops[3:])


class Corner(nn.Module):
    """Logits that depend on where each pixel is: a random weight a pixel."""

    def __init__(self, side: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(3 * side * side, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.flatten(1))


@pytest.fixture
def large():
    """Images of 226 x 226, larger than the window of 224 in both directions."""
    x = images(226, 226, 6)
    y = torch.tensor([0, 1] * 3)
    data = Dataset("large", x, y, x.flip(0), y, ("a", "b"), "made by a test")
    data = make_noisy(data, parse_noise("none"), val_fraction=0.34)
    return Method(Corner(224), TrainingSet(data, SIX)), data


def test_the_logits_are_the_mean_over_the_crops_one_by_one(large, monkeypatch):
    method, data = large
    preprocess = data.preprocess("imagenet")
    expected = torch.stack([
        torch.stack([
            method.net(preprocess(torch.from_numpy(crop)[None]))[0]
            for crop in slow_crops(image.numpy(), 224)
        ]).mean(0)
        for image in data.test.x
    ]).detach()  # fmt: skip
    found = predict_logits(method, data.test.x, preprocess, 6)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    one = predict_logits(method, data.test.x, preprocess)
    assert (one - found).abs().max() > 0.01
    monkeypatch.setattr("lnl_core.train.EVALUATION_BATCH", 4)
    torch.testing.assert_close(predict_logits(method, data.test.x, preprocess, 6), found)


def test_test_images_alone_are_cropped(large):
    method, data = large
    seen = []
    forward = method.net.forward
    method.net.forward = lambda x: seen.append(len(x)) or forward(x)
    evaluate(method, data, SIX)
    assert sum(seen) == 6 * len(data.test) + len(data.val) + len(data.train)


def test_a_run_may_be_judged_by_six_crops(large):
    method, data = large
    (record,) = fit(method, data, SIX)
    assert record.test_accuracy in {n / 6 for n in range(7)}


def test_it_is_off_unless_asked_for():
    assert TrainConfig().test_crops == 1 and "test_crops" not in TrainConfig().to_dict()
    config = configure("cross-entropy", "shapes-multi")
    assert config.train.test_crops == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_crops": 10}, "test_crops is 10, but it must be 1 or 6"),
        ({"test_crops": True}, "test_crops is True, but it must be 1 or 6"),
        ({"test_crops": 6}, r"'unit' a net sees the whole: use the preprocessing 'imagenet'"),
    ],
)
def test_a_wrong_setting_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        TrainConfig(**changes)


def test_what_has_no_crops_is_refused_before_it_is_trained(monkeypatch):
    reviews = make_noisy(load_dataset("reviews"), parse_noise("none"))
    method = Method(nn.Linear(40, 2), TrainingSet(reviews, SIX))
    monkeypatch.setattr(Method, "step", lambda *_: pytest.fail("trained"))
    with pytest.raises(InputError, match=r"test crops are for images, but a sample of reviews has"):
        next(fit(method, reviews, SIX))
    grey = noisy_data()
    with pytest.raises(InputError, match="'imagenet' is for colour images"):
        TrainingSet(grey, SIX)
