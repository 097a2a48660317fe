"""PASCAL VOC 2007 and 2012: photographs of 20 kinds of objects, multi-label (Everingham et al.).

`voc2007` trains on 5,011 pictures and is tested on 4,952 (Yao et al. 2018 print 4,592). The test
labels of 2012 were never published: `voc2012` trains on that year's training set, 5,717 pictures,
and is tested on its validation set, 5,823, where Yao et al. trained on both, 11,540, and had the
test server's 10,991.

Read from torchvision's layout, `VOCdevkit/VOC2007` and `VOCdevkit/VOC2012`. A label is there where
an object of its class is, also one that VOC calls difficult. (VOC itself leaves a picture out of a
class whose only object is difficult, which label vectors of 0 and 1 cannot say.)
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import torch
from torch import Tensor

from lnl_core.checksums import check_remembered, remember
from lnl_core.contract import takes
from lnl_core.data.archives import fetch_archive
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
#: Dataset → its year, what is trained on and tested on there, and how many pictures that is.
SPLITS = {
    "voc2007": ("2007", ("trainval", "test"), (5011, 4952)),
    "voc2012": ("2012", ("train", "val"), (5717, 5823)),
}
#: Pixels a side as they are stored; nets take 224 x 224 of them.
SIDE = 256
#: What torchvision and the parser raise for what is absent or damaged.
UNREADABLE = (RuntimeError, OSError, ElementTree.ParseError)


@takes(name="text", root=Path, side="whole")
def load_voc(name: str, root: Path, side: int = SIDE) -> Dataset:
    """The dataset in that folder; no picture is read before it is needed.

    Raises `InputError` if it is not there, an annotation cannot be read, or names another class.
    """
    year, splits, published = SPLITS[name]
    (x_train, y_train), (x_test, y_test) = (
        voc_split(name, root, year, split, side) for split in splits
    )
    whole = (len(x_train), len(x_test)) == published
    source = "torchvision VOCDetection" if whole else f"a folder in VOC's layout, {len(x_train)}"
    return Dataset(name, x_train, y_train, x_test, y_test, CLASSES, source)


@takes(name="text", root=Path)
def fetch_voc(name: str, root: Path) -> None:
    """Download what is missing, verified before it is unpacked. Lists and annotations are
    remembered, see `checksums.py`; of the pictures only names and sizes, by the fingerprint."""
    from torchvision.datasets.voc import DATASET_YEAR_DICT, VOCDetection

    year, splits, _ = SPLITS[name]
    archives = splits if year == "2007" else splits[:1]  # 2012 has one archive for both
    for split in archives:
        try:
            VOCDetection(root, year, split)
        except UNREADABLE:
            known = DATASET_YEAR_DICT["2007-test" if split == "test" else year]
            fetch_archive(name, [known["url"]], root, known["md5"])
            VOCDetection(root, year, split, download=True)
    folder = root / "VOCdevkit" / f"VOC{year}"
    lists = [folder / "ImageSets" / "Main" / f"{split}.txt" for split in splits]
    remember(root, name, [*lists, *(folder / "Annotations").glob("*.xml")])


@takes(file=Path)
def read_annotation(file: Path) -> list[int]:
    """The label vector of one picture, from its list of objects.

    Raises `InputError` for a file that cannot be read and for an unknown class."""
    try:
        found = [item.findtext("name", "") for item in ElementTree.parse(file).iter("object")]
    except UNREADABLE as error:
        raise InputError(f"{file} cannot be read ({error}): unpack the archive again.") from None
    unknown = [name for name in found if name not in CLASSES]
    if unknown:
        raise InputError(
            f"{file} has an object {unknown[0]!r}, which is none of VOC's 20 classes: unpack the "
            "archive again."
        )
    return [int(name in found) for name in CLASSES]


@takes(name="text", root=Path, year="text", split="text", side="whole")
def voc_split(
    name: str, root: Path, year: str, split: str, side: int = SIDE
) -> tuple[ImageFiles, Tensor]:
    """One split's pictures and label vectors uint8 [N, 20]; see `load_voc`."""
    from torchvision.datasets import VOCDetection

    check_remembered(root, name)
    try:
        listed = VOCDetection(root, year, split)
    except UNREADABLE as error:
        raise InputError(
            f"{name} is not in {root}, or is damaged there ({error}): run `lnl data fetch {name}`, "
            "or set LNL_DATA to the folder that holds VOCdevkit/."
        ) from None
    pictures = [str(Path(path).relative_to(root)) for path in listed.images]
    labels = [read_annotation(Path(path)) for path in listed.annotations]
    return ImageFiles(root, pictures, side), torch.tensor(labels, dtype=torch.uint8)
