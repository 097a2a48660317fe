"""`imagenet`: ILSVRC2012, 1.28 million photographs of 1,000 classes (Russakovsky et al. 2015).

It is handed out after registration (image-net.org), for research alone. Wanted is the layout that
torchvision makes of the archives, and everybody trains on:

    train/n01440764/n01440764_10026.JPEG …    a folder a class, named by its WordNet id
    val/n01440764/ILSVRC2012_val_00000293.JPEG …

Classes are numbered in the order of their ids. The test images of the challenge have no public
labels: the validation images are what networks are judged on, here as in the papers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError

FOLDER = "imagenet"
#: As published: there are no checksums of single files to go by.
COUNTS = (1_281_167, 50_000, 1000)
ORIGINAL = "ImageNet (ILSVRC2012), as many images as published"
#: Pixels a side as they are stored; nets take 224 x 224 of them.
SIDE = 256
ENDINGS = (".jpeg", ".jpg", ".png")


@takes(root=Path, name="text", side="whole")
def load_imagenet(root: Path, name: str = "imagenet", side: int = SIDE) -> Dataset:
    """The dataset in that folder. Names are listed, no image is read before it is needed.

    Raises `InputError` if the folder is not there, or is not laid out as above.
    """
    if not root.is_dir():
        raise InputError(
            f"{name} is not in {root.parent}: register for it at image-net.org, unpack it to "
            f"{root} as data/README.md says, or set LNL_DATA to the folder that holds {root.name}/."
        )
    classes = _classes(root / "train")
    unknown = sorted(set(_classes(root / "val")) - set(classes))
    if unknown:
        raise InputError(
            f"{root / 'val'} has a class {unknown[0]!r} that {root / 'train'} has not: unpack the "
            "validation images into folders of the same names."
        )
    (x_train, y_train), (x_test, y_test) = (
        _split(root, split, classes, side) for split in ("train", "val")
    )
    original = (len(x_train), len(x_test), len(classes)) == COUNTS
    return Dataset(
        name, x_train, y_train, x_test, y_test, classes,
        ORIGINAL if original else f"a folder in ImageNet's layout, {len(x_train)} images",
    )  # fmt: skip


@takes(root=Path)
def fetch_imagenet(root: Path) -> None:
    """It cannot be downloaded: nothing to do where it is there, else an `InputError`."""
    if not (root / FOLDER).is_dir():
        load_imagenet(root / FOLDER)


def _classes(folder: Path) -> tuple[str, ...]:
    """The names of the folders in there, in order."""
    names = (
        sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    )
    if not names:
        raise InputError(
            f"{folder} has no folder a class: the images must lie in folders named by WordNet ids, "
            "as torchvision unpacks them (also those of val)."
        )
    return tuple(names)


def _split(
    root: Path, split: str, classes: tuple[str, ...], side: int
) -> tuple[ImageFiles, Tensor]:
    names: list[str] = []
    labels: list[int] = []
    for label, wnid in enumerate(classes):
        folder = root / split / wnid
        files = folder.iterdir() if folder.is_dir() else ()
        found = sorted(f"{split}/{wnid}/{f.name}" for f in files if f.suffix.lower() in ENDINGS)
        names += found
        labels += [label] * len(found)
    return ImageFiles(root, names, side), torch.tensor(labels, dtype=torch.int64)
