"""Generated folders in the layouts of WEB and VOC: for tests, and to see that all runs beforehand.

A picture is a grey ground with a patch for each of its categories, whose hue tells which. Tags lie:
some of WEB's pictures carry another category's than the one that is on them.
"""

from __future__ import annotations

import colorsys
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lnl_core.data.voc import CLASSES, SPLITS
from lnl_core.data.web import FOLDER, HEADER, LIST
from lnl_core.streams import numpy_generator

#: Width and height in pixels, as photographs mostly are: not square.
SIZE = (64, 48)
#: The share of WEB's pictures that have a wrong tag, and of all pictures that have two categories.
WRONG, TWICE = 0.3, 0.1


def write_web(root: Path, count: int = 400, seed: int = 0) -> list[set[str]]:
    """Write `web/`, each category first in count / 20 of the pictures. Returns what is truly on
    them, in the list's order, which the folder does not tell."""
    rng = numpy_generator("web-folder", seed)
    truth = _categories(count, rng)
    folder = root / FOLDER / "images"
    folder.mkdir(parents=True)
    with (root / FOLDER / LIST).open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream)
        lines.writerow(HEADER)
        for number, classes in enumerate(truth):
            name = f"{number:06d}.jpg"
            _picture(classes, rng).save(folder / name)
            wrong = rng.random() < WRONG
            tags = rng.choice(len(CLASSES), 1) if wrong else classes
            lines.writerow([f"images/{name}", " ".join(CLASSES[k] for k in tags)])
    return [{CLASSES[k] for k in classes} for classes in truth]


def write_voc(root: Path, name: str, split: str, count: int = 100, seed: int = 0) -> None:
    """Write one split of `voc2007` or `voc2012` as its archive unpacks to, beside others."""
    rng = numpy_generator(f"{name}-{split}-folder", seed)
    folder = root / "VOCdevkit" / f"VOC{SPLITS[name][0]}"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    keys = [f"{split}_{number:06d}" for number in range(count)]
    for key, classes in zip(keys, _categories(count, rng), strict=True):
        _picture(classes, rng).save(folder / "JPEGImages" / f"{key}.jpg")
        objects = "".join(f"<object><name>{CLASSES[k]}</name></object>" for k in classes)
        text = f"<annotation>{objects}</annotation>"
        (folder / "Annotations" / f"{key}.xml").write_text(text, encoding="utf-8")
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(keys) + "\n")


def _categories(count: int, rng: np.random.Generator) -> list[list[int]]:
    """Each picture's categories: one, or sometimes two."""
    first = rng.permutation(np.arange(count) % len(CLASSES))
    other = (first + rng.integers(1, len(CLASSES), count)) % len(CLASSES)
    twice = rng.random(count) < TWICE
    drawn = zip(first.tolist(), other.tolist(), twice, strict=True)
    return [[a, b] if two else [a] for a, b, two in drawn]


def _picture(classes: list[int], rng: np.random.Generator) -> Image.Image:
    width, height = SIZE
    pixels: NDArray = np.full((height, width, 3), rng.uniform(90, 160))
    for place, k in enumerate(classes):
        top = rng.integers(4, height - 24)
        left = 4 + place * width // 2 + rng.integers(0, width // 2 - 24)
        hue = np.array(colorsys.hsv_to_rgb(k / len(CLASSES), 1, 1))
        pixels[top : top + 20, left : left + 20] = 255 * hue
    pixels += rng.normal(0, 8, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
