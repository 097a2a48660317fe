"""NNAQC's nets: MatConvNet's two examples and LC-CNN, and the preprocessing of the CIFAR one.

What every net has to do is in `test_nets.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lnl_core.augment import make_preprocess
from lnl_core.errors import InputError
from lnl_core.nets import build_net
from lnl_core.whitening import fit_whitening

COLOUR = (3, 32, 32)


def make(name: str, shape=COLOUR, classes: int = 10, **options):
    torch.manual_seed(0)
    return build_net(name, shape, classes, **options)


def images(count: int = 3) -> torch.Tensor:
    return torch.randn(count, *COLOUR, generator=torch.Generator().manual_seed(1))


def size(net) -> int:
    return sum(p.numel() for p in net.parameters())


# --- sizes and shapes -----------------------------------------------------------------------------


def test_parameter_counts():
    convolutions = 25 * 3 * 32 + 32 + 25 * 32 * 32 + 32 + 25 * 32 * 64 + 64
    assert size(make("matconvnet-cifar")) == convolutions + 16 * 64 * 64 + 64 + 64 * 10 + 10
    assert size(make("matconvnet-cifar")) == 145_578
    low = 25 * 3 * 32 + 32 + 25 * 32 * 64 + 64 + 64 * 64 * 512 + 512 + 512 * 512 + 512
    assert size(make("lc-cnn", classes=100)) == low + 512 * 100 + 100


def test_the_pools_halve_three_times_and_the_last_window_hangs_over_the_edge():
    net, x = make("matconvnet-cifar"), images()
    sides = []
    for layer in net.body:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
            sides.append(tuple(x.shape[2:]))
    assert sides == [(16, 16), (8, 8), (4, 4)]
    corner = torch.zeros(1, 1, 4, 4)
    corner[0, 0, 3, 3] = 6.0
    # The lower right window holds rows and columns 2 and 3 alone: four values, and not nine.
    average = nn.AvgPool2d(3, 2, ceil_mode=True)(corner)
    assert average[0, 0].tolist() == [[0.0, 0.0], [0.0, 1.5]]


def test_relus_stand_where_the_example_has_them():
    kinds = [type(layer).__name__ for layer in make("matconvnet-cifar").body]
    assert kinds == [
        "Conv2d", "MaxPool2d", "ReLU", "Conv2d", "ReLU", "AvgPool2d", "Conv2d", "ReLU",
        "AvgPool2d", "Flatten", "Linear", "ReLU",
    ]  # fmt: skip
    kinds = [type(layer).__name__ for layer in make("lc-cnn").body]
    assert kinds == ["Conv2d", "ReLU", "MaxPool2d"] * 2 + ["Flatten"] + ["Linear", "ReLU"] * 2


# --- initial weights ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "deviations"),
    [
        ("lenet", (1, 28, 28), [0.01] * 4),
        ("matconvnet-cifar", COLOUR, [0.01, 0.05, 0.05, 0.05, 0.05]),
    ],
)
def test_matconvnets_start_is_a_normal_of_fixed_deviation(name, shape, deviations):
    net = make(name, shape, init="matconvnet")
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == len(deviations)
    for layer, deviation in zip(layers, deviations, strict=True):
        tolerance = 5 / np.sqrt(2 * layer.weight.numel())
        assert layer.weight.std().item() == pytest.approx(deviation, rel=tolerance)
        assert not layer.bias.any()


@pytest.mark.parametrize("name", ["lenet", "matconvnet-cifar"])
def test_the_fan_in_start_and_an_unknown_one(name):
    first = next(m for m in make(name, init="fan-in").modules() if isinstance(m, nn.Conv2d))
    assert first.weight.std().item() == pytest.approx(np.sqrt(2 / 75), rel=0.1)
    with pytest.raises(InputError, match="unknown init 'matcovnet': did you mean 'matconvnet'"):
        make(name, init="matcovnet")


# --- whitening ------------------------------------------------------------------------------------


def correlated_images(count: int = 400) -> torch.Tensor:
    """4x4 grey images whose neighbours are alike, of many contrasts."""
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(0, 1, (count, 16)), 1) * rng.uniform(2, 40, (count, 1))
    return torch.from_numpy((128 + smooth).clip(0, 255).astype(np.uint8).reshape(count, 1, 4, 4))


def test_whitening_is_matconvnets_formula():
    """`cnn_cifar.m` in NumPy, images as columns as there."""
    x = correlated_images()
    z = x.numpy().reshape(len(x), -1).astype(np.float64).T
    z = z - z.mean(1, keepdims=True)
    z = z - z.mean(0)
    n = z.std(0, ddof=1)
    z = z * (n.mean() / np.maximum(n, 40))
    d2, v = np.linalg.eigh(z @ z.T / len(x))
    d2 = d2.clip(0)
    en = np.sqrt(d2.mean())
    expected = (v @ np.diag(en / np.maximum(np.sqrt(d2), 10)) @ v.T @ z).T
    found = make_preprocess("whiten", x)(x)
    assert found.shape == x.shape and found.dtype == torch.float32
    np.testing.assert_allclose(found.flatten(1), expected, atol=2e-2)


def test_whitened_pixels_have_nothing_in_common_that_had_much():
    x = correlated_images()
    before = torch.corrcoef(x.flatten(1).float().T)
    whitening = fit_whitening(x)
    after = torch.cov(whitening(x).flatten(1).T)
    assert before[0, 1] > 0.5
    # Directions of a deviation below 10 are left small; the others have one and the same.
    spread = torch.linalg.eigvalsh(after)
    assert spread[-1] / spread[-3] == pytest.approx(1, rel=1e-3)


def test_new_images_are_treated_by_what_was_fitted():
    x = correlated_images()
    whitening = fit_whitening(x[:200])
    torch.testing.assert_close(whitening(x)[300], whitening(x[300:301])[0], rtol=1e-3, atol=1e-3)
    blank = torch.full((1, 1, 4, 4), 128, dtype=torch.uint8)
    assert torch.isfinite(whitening(blank)).all()


@pytest.mark.parametrize(
    "x", [torch.zeros(4, 6), torch.zeros(4, 1, 4, 4)], ids=["vectors", "float"]
)
def test_whitening_is_for_images(x):
    with pytest.raises(InputError, match="'whiten' is for images"):
        make_preprocess("whiten", x)
