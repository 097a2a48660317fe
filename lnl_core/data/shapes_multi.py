"""`shapes-multi`: generated colour images of one to three shapes, eight classes, multi-label.

What VOC is for a program, without a download: most images have one label, some two or three, and
objects overlap. The outlines, colours and noise are those of `shapes`, smaller, of classes that a
small convolutional network tells apart.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.shapes import SIZE, signed_distance
from lnl_core.noise.label_shuffle import shuffle_labels
from lnl_core.streams import numpy_generator

CLASSES = (
    "circle", "square", "triangle", "kite", "five petals", "six petals", "ring", "crescent",
)  # fmt: skip
#: How many objects an image has, and how often.
COUNTS = {1: 0.6, 2: 0.3, 3: 0.1}
#: Centres of the places that an object may have, in pixels from the middle, and by how much an
#: object may be off its place.
PLACES = ((-8, -8), (-8, 8), (8, -8), (8, 8))
JITTER = 2.5
#: How a run's record says that it saw this dataset.
SHAPES_MULTI = "generated, shapes-multi version 1, 4000 + 1000, seed=0"
#: The share of label vectors that are shuffled in the noisy labels that come with the data.
NOISE = 0.4
RADIUS = (5.5, 7.5)


@takes(n_train="whole", n_test="whole", seed="seed")
def make_shapes_multi(n_train: int = 4000, n_test: int = 1000, seed: int = 0) -> Dataset:
    """The dataset; the same arguments give the same pixels."""
    (x_train, y_train), (x_test, y_test) = (
        _draw(count, numpy_generator(f"shapes-multi-{split}", seed))
        for split, count in (("train", n_train), ("test", n_test))
    )
    draw = numpy_generator("shapes-multi-noise", seed)
    noisy = torch.from_numpy(shuffle_labels(y_train.numpy(), NOISE, False, draw))
    source = f"generated, shapes-multi version 1, {n_train} + {n_test}, {seed=}"
    return Dataset(
        "shapes-multi", x_train, y_train, x_test, y_test, CLASSES, source,
        y_train_noisy=noisy,
    )  # fmt: skip


def _draw(count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    objects = rng.choice(list(COUNTS), count, p=list(COUNTS.values()))
    chosen = rng.permuted(np.tile(np.arange(len(CLASSES)), (count, 1)), axis=1)
    places = rng.permuted(np.tile(np.arange(len(PLACES)), (count, 1)), axis=1)
    labels = np.zeros((count, len(CLASSES)), np.uint8)
    back = rng.uniform(30, 225, (count, 3, 1, 1))
    images = back + _shading(count, rng)
    for number in range(max(COUNTS)):
        with_it = np.flatnonzero(objects > number)
        classes = chosen[with_it, number]
        labels[with_it, classes] = 1
        centres = np.array(PLACES)[places[with_it, number]]
        coverage = _coverage(classes, centres, rng)[:, None]
        contrast = rng.uniform(60, 130, (len(with_it), 3, 1, 1))
        colour = back[with_it] + contrast * np.sign(127.5 - back[with_it])
        images[with_it] += coverage * (colour - images[with_it])
    images += rng.normal(0, 8, images.shape)
    pixels = np.clip(images, 0, 255).astype(np.uint8)
    return torch.from_numpy(pixels), torch.from_numpy(labels)


def _shading(count: int, rng: np.random.Generator) -> NDArray:
    """Brighter towards one side: [N, 1, H, W]."""
    slope_x, slope_y = rng.uniform(-20, 20, (2, count, 1, 1, 1))
    grid = np.linspace(-1, 1, SIZE)
    return slope_x * grid[None, :] + slope_y * grid[:, None]


def _coverage(
    classes: NDArray[np.int64], centres: NDArray[np.int64], rng: np.random.Generator
) -> NDArray:
    """How much of each pixel one object an image covers: [N, H, W] in [0, 1]."""
    count = len(classes)
    grid = np.arange(SIZE) - (SIZE - 1) / 2
    x, y = (axis[None] for axis in np.meshgrid(grid, grid))
    shift = centres[:, :, None, None] + rng.uniform(-JITTER, JITTER, (count, 2, 1, 1))
    radius = rng.uniform(*RADIUS, (count, 1, 1))
    angle = rng.uniform(-0.35, 0.35, (count, 1, 1))
    x, y = (x - shift[:, 0]) / radius, (y - shift[:, 1]) / radius
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    covered = np.empty((count, SIZE, SIZE))
    for k, name in enumerate(CLASSES):
        members = classes == k
        inside = signed_distance(name, u[members], v[members])
        covered[members] = np.clip(0.5 - inside * radius[members], 0, 1)
    return covered
