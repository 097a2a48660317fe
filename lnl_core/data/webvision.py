"""`webvision50`: the first 50 classes of WebVision 1.0, images that Google found (Li et al. 2017).

WebVision has 2.4 million images of ImageNet's 1,000 classes, found by their names on the web, and
50,000 validation images labelled by hand. Work on noisy labels trains on the 66,000 or so of the
first 50 classes that came from Google and is judged on those classes' 2,500 validation images
("mini-WebVision", Jiang et al. 2018). The archives (google_resized_256, val_images_resized, info)
unpack to

    info/train_filelist_google.txt     "google/q0001/….jpg 0" a line: an image and its class
    info/val_filelist.txt              "val000001.jpg 0" a line, below val_images_256/
    google/                            the images, 256 pixels the shorter side
    val_images_256/

Classes are ImageNet's, in the order of their ids, from 0. No true labels of the training images
are known: what records call their clean labels are the noisy ones. Where ImageNet's validation
images lie beside (`imagenet/val/`, see `imagenet.py`), a net can be judged on the same 50 classes
of those as well; no number of the flywheel's paper is of them.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.data.tiny_imagenet import read_lines
from lnl_core.errors import InputError

FOLDER = "webvision"
HOME = "https://data.vision.ee.ethz.ch/cvl/webvision/download.html"
TRAIN, VAL = "info/train_filelist_google.txt", "info/val_filelist.txt"
VAL_IMAGES = "val_images_256"
CLASSES = 50
#: Images of the first 50 classes, to train on and to test on, as others count them: no checksums.
COUNTS = (65_944, 2_500)
ORIGINAL = "WebVision 1.0, first 50 classes of the Google subset, as many images as published"
#: Pixels a side as they are stored; nets take 224 x 224 of them.
SIDE = 256


@takes(root=Path, name="text", side="whole", classes="classes")
def load_webvision(
    root: Path, name: str = "webvision50", side: int = SIDE, classes: int = CLASSES
) -> Dataset:
    """The first `classes` classes of the dataset in that folder. The images are not read, and not
    looked for, before they are needed. `y_train_noisy` is `y_train`: use the noise `given`.

    Raises `InputError` if the folder or one of its lists is not there, or a line of one is not as
    above.
    """
    if not root.is_dir():
        raise InputError(
            f"{name} is not in {root.parent}: fetch WebVision 1.0's resized Google images, "
            f"validation images and info ({HOME}), unpack them to {root}, or set LNL_DATA to the "
            f"folder that holds {root.name}/."
        )
    x_train, y_train = _list(root, TRAIN, "", side, classes)
    x_test, y_test = _list(root, VAL, VAL_IMAGES, side, classes)
    original = classes == CLASSES and (len(x_train), len(x_test)) == COUNTS
    return Dataset(
        name, x_train, y_train, x_test, y_test,
        tuple(f"class {number}" for number in range(classes)),
        ORIGINAL if original else f"a folder in WebVision's layout, {len(x_train)} images",
        y_train_noisy=y_train,
    )  # fmt: skip


@takes(root=Path)
def fetch_webvision(root: Path) -> None:
    """It cannot be downloaded by a program: nothing to do where it is there, else an
    `InputError` that says how to get it."""
    if not (root / FOLDER).is_dir():
        load_webvision(root / FOLDER)


def _list(
    root: Path, listed: str, below: str, side: int, classes: int
) -> tuple[ImageFiles, Tensor]:
    """The images of the first classes in a list, in its order."""
    file = root / listed
    names: list[str] = []
    labels: list[int] = []
    for number, line in read_lines(file):
        key, _, label = line.rpartition(" ")
        path = PurePosixPath(below, key)
        if not key or not label.isdecimal() or path.is_absolute() or ".." in path.parts:
            raise InputError(
                f"{file}, line {number}: {line!r:.100} must be an image below the folder, a space, "
                "and a class from 0: unpack WebVision's info again."
            )
        if int(label) < classes:
            names.append(str(path))
            labels.append(int(label))
    if not names:
        raise InputError(f"{file} has no image of the first {classes} classes: unpack it again.")
    return ImageFiles(root, names, side), torch.tensor(labels, dtype=torch.int64)
