"""`web-voc2007`, `web-voc2012`: pictures from Flickr, labelled by their tags, tested on VOC.

WEB of Yao et al. 2018, Section IV-A: 97,836 pictures drawn from YFCC100M that have a tag of VOC's
20 categories, 4,000 to 8,000 a category; about 10,000 have two or more. Which ones is not
published, so the layout is ours:

    web/tags.csv       the line "image,tags", then "images/7/123.jpg,dog person" a picture: a path
                       below web/, and the categories among its tags, as VOC writes them
    web/images/        the pictures
    VOCdevkit/         VOC's, of which 2007's test split or 2012's validation split is read

What is truly on a picture is not known: `y_train` are the tags as well.
"""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

import torch

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.data.voc import CLASSES, SIDE, voc_split
from lnl_core.data.voc import SPLITS as VOC_SPLITS
from lnl_core.errors import InputError

FOLDER = "web"
LIST = "tags.csv"
HEADER = ["image", "tags"]
#: As printed: there is no checksum of the authors' list to go by.
COUNT = 97_836
#: How a run's record says that the list was as long as published.
ORIGINAL = "WEB, a list as long as published, tested on VOC; the true labels are not known"


@takes(name="text", root=Path, side="whole")
def load_web(name: str, root: Path, side: int = SIDE) -> Dataset:
    """The dataset: `web-voc2007` or `web-voc2012`. No picture is read before it is needed.

    Raises `InputError` if the folder or its list is not there, a line of it is not as above, or
    VOC is not there.
    """
    if not (root / FOLDER).is_dir():
        raise InputError(
            f"{name} is not in {root}: its authors' list is not public; make one of YFCC100M's as "
            f"data/README.md says and put it into {root / FOLDER}, or set LNL_DATA to the folder "
            f"that holds {FOLDER}/."
        )
    pictures, labels = read_tags(root / FOLDER / LIST)
    voc = name.removeprefix("web-")
    year, (_, test), (_, published) = VOC_SPLITS[voc]
    x_test, y_test = voc_split(voc, root, year, test, side)
    original = (len(pictures), len(x_test)) == (COUNT, published)
    y_train = torch.tensor(labels, dtype=torch.uint8)
    return Dataset(
        name, ImageFiles(root / FOLDER, pictures, side), y_train, x_test, y_test, CLASSES,
        ORIGINAL if original else f"a list of pictures with tags, {len(pictures)}; the true labels "
        "are not known",
        y_train_noisy=y_train,
    )  # fmt: skip


@takes(name="text", root=Path)
def fetch_web(name: str, root: Path) -> None:
    """It cannot be downloaded: nothing to do where it is there, else an `InputError`."""
    if not (root / FOLDER).is_dir():
        load_web(name, root)


@takes(file=Path)
def read_tags(file: Path) -> tuple[list[str], list[list[int]]]:
    """The list's pictures and their label vectors of 20; `InputError` as in `load_web`."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.reader(stream))
    except FileNotFoundError:
        raise InputError(
            f"{file} is missing: write one line a picture, as data/README.md says."
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} cannot be read ({error}): write it again.") from None
    if not rows or rows[0] != HEADER:
        raise InputError(f"{file}, line 1: it must be {','.join(HEADER)!r}.")
    labels: dict[str, list[int]] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        problem = _problem(row, labels)
        if problem:
            raise InputError(f"{file}, line {number}: {','.join(row)!r:.100} {problem}.")
        tags = row[1].split()
        labels[row[0]] = [int(category in tags) for category in CLASSES]
    if not labels:
        raise InputError(f"{file} lists no picture: write one line a picture.")
    return list(labels), list(labels.values())


def _problem(row: list[str], known: dict[str, list[int]]) -> str:
    """What is wrong with a line, if anything."""
    if len(row) != 2:
        return "must be a picture, a comma, and its categories with spaces between them"
    path = PurePosixPath(row[0])
    if not path.name or path.is_absolute() or ".." in path.parts:
        return "must begin with a path below the folder"
    if row[0] in known:
        return "names a picture that was listed before: give it all its categories in one line"
    tags = row[1].split()
    strange = [tag for tag in tags if tag not in CLASSES]
    if strange or not tags:
        return f"must name at least one of VOC's categories and nothing else ({', '.join(CLASSES)})"
    return ""
