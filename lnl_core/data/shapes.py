"""`shapes`: generated colour images, ten classes in five pairs that are easy to confuse.

No download, no licence, real enough for a convolutional network: position, size, tilt, colours,
shading and pixel noise all vary, and only the outline tells the class. Each even class has its
look-alike beside it: circle/ellipse, square/rectangle, triangle/kite, five/six petals,
ring/crescent. A LeNet reaches about 88% and makes most of its mistakes within the first four
pairs; ring and crescent it tells apart. `small-cnn` has all but a few right.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.streams import numpy_generator

SIZE = 32
#: How a run's record says that it saw this dataset.
SHAPES = "generated, shapes version 1, seed=0"
CLASSES = (
    "circle", "ellipse", "square", "rectangle", "triangle", "kite", "five petals",
    "six petals", "ring", "crescent",
)  # fmt: skip


@takes(n_train="whole", n_test="whole", seed="seed")
def make_shapes(n_train: int = 4000, n_test: int = 1000, seed: int = 0) -> Dataset:
    """The dataset; the same arguments give the same pixels. Balanced but for rounding."""
    (x_train, y_train), (x_test, y_test) = (
        _draw(count, numpy_generator(f"shapes-{split}", seed))
        for split, count in (("train", n_train), ("test", n_test))
    )
    return Dataset(
        "shapes", x_train, y_train, x_test, y_test, CLASSES, f"generated, shapes version 1, {seed=}"
    )


def _draw(count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    u, v = _object_coordinates(count, rng)
    coverage = np.empty((count, SIZE, SIZE), np.float32)
    for k in range(len(CLASSES)):
        members = labels == k
        inside = signed_distance(CLASSES[k], u[members], v[members])
        # Distances are in units of the radius (about 9 pixels): a one-pixel soft edge.
        coverage[members] = np.clip(0.5 - inside * 9, 0, 1)
    images = _paint(coverage, rng)
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


def _object_coordinates(count: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Pixel coordinates as each object sees them: moved, tilted and scaled. Two [N, H, W]."""
    grid = np.arange(SIZE, dtype=np.float32) - (SIZE - 1) / 2
    x, y = (axis[None] for axis in np.meshgrid(grid, grid))
    shift_x, shift_y = rng.uniform(-5, 5, (2, count, 1, 1)).astype(np.float32)
    angle = rng.uniform(-0.35, 0.35, (count, 1, 1)).astype(np.float32)
    radius = rng.uniform(7, 11, (count, 1, 1)).astype(np.float32)
    x, y = (x - shift_x) / radius, (y - shift_y) / radius
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def signed_distance(name: str, u: NDArray, v: NDArray) -> NDArray:
    """Negative inside the outline, positive outside, roughly a distance; the radius is 1."""
    r, theta = np.hypot(u, v), np.arctan2(u, -v)
    if name == "circle":
        return r - 0.9
    if name == "ellipse":
        return np.hypot(u, v / 0.78) - 0.95
    if name == "square":
        return np.maximum(np.abs(u), np.abs(v)) - 0.8
    if name == "rectangle":
        return np.maximum(np.abs(u), np.abs(v) / 0.78) - 0.85
    if name == "triangle":  # equilateral, its flat side up
        return np.maximum(np.abs(u) * 0.87 + v * 0.5, -v) - 0.5
    if name == "kite":  # the triangle with its flat side pulled up to a point
        return np.maximum(np.abs(u) * 0.87 + v * 0.5 - 0.5, np.abs(u) * 0.35 - v - 0.62)
    if name == "five petals":
        return r - (0.62 + 0.33 * np.cos(5 * theta))
    if name == "six petals":
        return r - (0.70 + 0.22 * np.cos(6 * theta))
    if name == "ring":
        return np.abs(r - 0.7) - 0.22
    if name == "crescent":
        return np.maximum(r - 0.92, 0.5 - np.hypot(u - 0.45, v))
    raise AssertionError(name)


def _paint(coverage: NDArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Two colours that differ enough, a shading from one corner to the other, pixel noise."""
    count = len(coverage)
    back = rng.uniform(30, 225, (count, 3, 1, 1))
    contrast = rng.uniform(60, 130, (count, 3, 1, 1)) * np.sign(127.5 - back)
    slope_x, slope_y = rng.uniform(-1, 1, (2, count, 1, 1, 1))
    grid = np.linspace(-20, 20, SIZE)
    shading = slope_x * grid[None, None, None, :] + slope_y * grid[None, None, :, None]
    images = back + contrast * coverage[:, None] + shading
    images += rng.normal(0, 8, images.shape)
    return np.clip(images, 0, 255).astype(np.uint8)
