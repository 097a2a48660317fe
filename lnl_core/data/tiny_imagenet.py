"""`tiny-imagenet`: 100,000 photographs of 64 x 64 pixels, 200 of ImageNet's classes (Le and Yang
2015). The archive `tiny-imagenet-200.zip` unpacks to

    wnids.txt                            the classes' WordNet ids, a line each
    words.txt                            what the ids mean
    train/n01443537/images/n01443537_0.JPEG …   500 a class
    val/images/val_0.JPEG …              50 a class, all in one folder
    val/val_annotations.txt              "val_0.JPEG n03444034 0 32 44 62" a line, tabs between
    test/images/                         10,000 without labels, not used

Classes are numbered in the order of their ids. What networks are judged on is the validation set,
here as in the papers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError

FOLDER = "tiny-imagenet-200"
HOME = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
WNIDS, ANNOTATIONS = "wnids.txt", "val/val_annotations.txt"
#: As published: there are no checksums of single files to go by.
COUNTS = (100_000, 10_000, 200)
ORIGINAL = "Tiny-ImageNet, as many images as published"
#: Pixels a side, as they are.
SIDE = 64


@takes(root=Path, name="text", side="whole")
def load_tiny_imagenet(root: Path, name: str = "tiny-imagenet", side: int = SIDE) -> Dataset:
    """The dataset in that folder. Names are listed, no image is read before it is needed.

    Raises `InputError` if the folder or one of its two lists is not there, a line of a list is
    not as above, or a class has no folder.
    """
    if not root.is_dir():
        raise InputError(
            f"{name} is not in {root.parent}: fetch {HOME} (237 MB), unpack it there, or set "
            f"LNL_DATA to the folder that holds {root.name}/."
        )
    classes = tuple(sorted({line for _, line in read_lines(root / WNIDS)}))
    (x_train, y_train), (x_test, y_test) = _train(root, classes, side), _val(root, classes, side)
    original = (len(x_train), len(x_test), len(classes)) == COUNTS
    return Dataset(
        name, x_train, y_train, x_test, y_test, classes,
        ORIGINAL if original else f"a folder in Tiny-ImageNet's layout, {len(x_train)} images",
    )  # fmt: skip


@takes(root=Path)
def fetch_tiny_imagenet(root: Path) -> None:
    """Its archive has no published checksum, so nothing is downloaded: nothing to do where it is
    there, else an `InputError` that says how to get it."""
    if not (root / FOLDER).is_dir():
        load_tiny_imagenet(root / FOLDER)


def _train(root: Path, classes: tuple[str, ...], side: int) -> tuple[ImageFiles, Tensor]:
    names: list[str] = []
    labels: list[int] = []
    for label, wnid in enumerate(classes):
        folder = root / "train" / wnid / "images"
        if not folder.is_dir():
            raise InputError(f"{folder} is missing: unpack the archive again.")
        found = sorted(f"train/{wnid}/images/{file.name}" for file in folder.glob("*.JPEG"))
        names += found
        labels += [label] * len(found)
    return ImageFiles(root, names, side), torch.tensor(labels, dtype=torch.int64)


def _val(root: Path, classes: tuple[str, ...], side: int) -> tuple[ImageFiles, Tensor]:
    numbers = {wnid: label for label, wnid in enumerate(classes)}
    names: list[str] = []
    labels: list[int] = []
    file = root / ANNOTATIONS
    for number, line in read_lines(file):
        image, *rest = line.split("\t")
        # A name below the folder, and a class: the box around the object is not used.
        if not rest or rest[0] not in numbers or Path(image).name != image:
            raise InputError(
                f"{file}, line {number}: {line!r:.100} must be an image's name, a tab, and one of "
                f"the ids in {WNIDS}: unpack the archive again."
            )
        names.append(f"val/images/{image}")
        labels.append(numbers[rest[0]])
    return ImageFiles(root, names, side), torch.tensor(labels, dtype=torch.int64)


@takes(file=Path)
def read_lines(file: Path) -> list[tuple[int, str]]:
    """The lines that are not empty, with their numbers. `InputError` if it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}): unpack the archive again.") from None
    return [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
