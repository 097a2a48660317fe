"""`shapes-folder`: the generated shapes as a folder of JPEGs in Clothing1M's layout.

What Clothing1M is for a program, in a second and two megabytes: image files in a folder,
noisy labels, a smaller set with clean ones, some pictures with both. Tests and the profile `smoke`
use it. `write_shapes_folder` writes one anywhere, of any size.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from PIL import Image

from lnl_core.data.clothing1m import CATEGORIES, LABELS, SPLITS, load_clothing1m
from lnl_core.data.dataset import Dataset
from lnl_core.data.shapes import CLASSES, SIZE, make_shapes
from lnl_core.errors import InputError
from lnl_core.noise import Noise

#: Three in ten pictures of five classes are taken for their look-alikes.
NOISE = Noise("asymmetric", 0.3)
FOLDER = "shapes-folder-1"
COUNTS = {"noisy_train": 1200, "clean_train": 400, "clean_val": 100, "clean_test": 200}


def load_shapes_folder(root: Path) -> Dataset:
    """The dataset, written below `root` the first time it is asked for.

    Raises `InputError` if it cannot be written there.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        part = root / f"{FOLDER}.{os.getpid()}.part"
        try:
            write_shapes_folder(part)
            os.replace(part, folder)
        except OSError as error:
            if not folder.is_dir():  # another process may have been quicker
                raise InputError(
                    f"shapes-folder cannot be written to {root} ({error}): set LNL_DATA to a "
                    "folder that can."
                ) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return load_clothing1m(folder, "shapes-folder", SIZE)


def write_shapes_folder(
    folder: Path, counts: dict[str, int] = COUNTS, *, seed: int = 0, quality: int = 90
) -> None:
    """Write a folder in Clothing1M's layout, with so many pictures in each list.

    The same arguments give the same pictures and lists. Every second picture of `clean_train` has
    a noisy label as well.
    """
    total = sum(counts.values())
    shapes = make_shapes(total, 1, seed)
    clean = shapes.y_train
    noisy = torch.from_numpy(NOISE.corrupt(clean.numpy(), len(CLASSES), seed, "shapes"))
    keys = [f"images/{number % 10}/{number:06d}.jpg" for number in range(total)]
    for place in range(10):
        (folder / "images" / str(place)).mkdir(parents=True, exist_ok=True)
    for key, pixels in zip(keys, shapes.x_train, strict=True):
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / key, quality=quality)

    parts = dict(zip(counts, torch.arange(total).split(list(counts.values())), strict=True))
    for split, (file, _) in SPLITS.items():
        _write(folder / file, [keys[number] for number in parts[split]])
    doubly = parts["clean_train"][::2]
    with_label = {
        "noisy": (torch.cat([parts["noisy_train"], doubly]), noisy),
        "clean": (torch.cat([parts[split] for split in counts if split != "noisy_train"]), clean),
    }
    for kind, (numbers, labels) in with_label.items():
        _write(folder / LABELS[kind], [f"{keys[n]} {labels[n]}" for n in numbers])
    _write(folder / CATEGORIES, list(CLASSES))


def _write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_tiny_imagenet(folder: Path, train: int = 200, val: int = 50, seed: int = 0) -> None:
    """Write the shapes as a folder in Tiny-ImageNet's layout, 64 x 64, `train` and `val` pictures.

    The classes' ids are made up, and in the order of the shapes' names.
    """
    shapes = make_shapes(train, val, seed)
    wnids = [f"n{10_000_000 + number:08d}" for number in range(len(CLASSES))]
    folder.mkdir(parents=True, exist_ok=True)
    # The real list is in no order either.
    _write(folder / "wnids.txt", wnids[::-1])
    for wnid, label in zip(wnids, range(len(CLASSES)), strict=True):
        place = folder / "train" / wnid / "images"
        place.mkdir(parents=True, exist_ok=True)
        chosen = shapes.x_train[shapes.y_train == label]
        for number, pixels in enumerate(chosen):
            _enlarged(pixels).save(place / f"{wnid}_{number}.JPEG")
    (folder / "val" / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (pixels, label) in enumerate(zip(shapes.x_test, shapes.y_test, strict=True)):
        _enlarged(pixels).save(folder / "val" / "images" / f"val_{number}.JPEG")
        lines.append(f"val_{number}.JPEG\t{wnids[label]}\t0\t0\t63\t63")
    _write(folder / "val" / "val_annotations.txt", lines)


def write_webvision(folder: Path, train: int = 200, val: int = 50, seed: int = 0) -> None:
    """Write the shapes as a folder in WebVision's layout, `train` pictures with noisy labels and
    `val` with clean ones. Its lists go on with a class of which no picture is there: whoever wants
    the first ten classes has no use for it."""
    shapes = make_shapes(train, val, seed)
    noisy = NOISE.corrupt(shapes.y_train.numpy(), len(CLASSES), seed, "shapes")
    (folder / "info").mkdir(parents=True, exist_ok=True)
    for listed, below, stem, pictures, labels in (
        ("train_filelist_google", "", "google/q{:04d}/{}.jpg", shapes.x_train, noisy),
        ("val_filelist", "val_images_256", "val{1:06d}.jpg", shapes.x_test, shapes.y_test),
    ):
        lines = []
        for number, (pixels, label) in enumerate(zip(pictures, labels, strict=True)):
            name = stem.format(int(label) + 1, number)
            file = folder / below / name
            file.parent.mkdir(parents=True, exist_ok=True)
            _enlarged(pixels).save(file)
            lines.append(f"{name} {label}")
        _write(folder / "info" / f"{listed}.txt", [*lines, f"not-here.jpg {len(CLASSES)}"])


def _enlarged(pixels: torch.Tensor) -> Image.Image:
    """[3, S, S] → a picture twice as large."""
    picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    return picture.resize((2 * SIZE, 2 * SIZE), Image.Resampling.BILINEAR)
