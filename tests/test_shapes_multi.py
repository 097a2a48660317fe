"""The multi-label sets that need no download."""

from __future__ import annotations

import torch

from lnl_core.data import load_dataset, make_noisy
from lnl_core.data.shapes_multi import CLASSES, SHAPES_MULTI, make_shapes_multi
from lnl_core.noise import Noise


def test_an_image_has_one_to_three_shapes_of_eight_kinds():
    data = make_shapes_multi(2000, 300)
    assert data.x_train.shape == (2000, 3, 32, 32) and data.x_train.dtype == torch.uint8
    assert data.multi_label and data.classes == CLASSES and len(CLASSES) == 8
    share = torch.bincount(data.y_train.sum(1).long(), minlength=4)[1:] / 2000
    torch.testing.assert_close(share, torch.tensor([0.6, 0.3, 0.1]), atol=0.05, rtol=0)
    torch.testing.assert_close(
        data.y_train.float().mean(0), torch.full((8,), 1.5 / 8), atol=0.04, rtol=0
    )


def test_the_same_arguments_give_the_same_pixels_and_another_seed_others():
    one, again, other = (make_shapes_multi(50, 50, seed) for seed in (0, 0, 1))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert not torch.equal(one.x_train, one.x_test)


def test_more_shapes_cover_more_pixels():
    data = make_shapes_multi(1000, 50)
    spread = data.x_train.float().amax(1).flatten(1).std(1)
    count = data.y_train.sum(1)
    assert spread[count == 3].mean() > spread[count == 1].mean()


def test_the_source_of_the_registered_set_is_known_to_the_tables():
    assert load_dataset("shapes-multi").source == SHAPES_MULTI


def test_digits_as_vectors_are_the_digits():
    digits, data = load_dataset("digits"), load_dataset("digits-vectors")
    torch.testing.assert_close(data.x_train * 255, digits.x_train.flatten(1).float())
    assert torch.equal(data.y_test.argmax(1), digits.y_test) and (data.y_train.sum(1) == 1).all()
    assert data.source != digits.source


def test_both_come_with_noisy_labels():
    for name in ("digits-vectors", "shapes-multi"):
        data = load_dataset(name)
        noisy = make_noisy(data, Noise("given"))
        assert 0.25 < (data.y_train_noisy != data.y_train).any(1).float().mean() < 0.4
        assert noisy.noise.realised_rate > 0 and noisy.transition_matrix is None
