"""`clothing1m`: a million pictures of clothes from web shops, 14 classes (Xiao et al. 2015).

The labels come from the text around the pictures; about 38% are wrong. A few of the pictures have
labels by hand as well, or only those. The authors hand the dataset out on request: a folder with

    category_names_eng.txt     a name a line; classes are numbered from 0
    noisy_label_kv.txt         "images/0/12/…,….jpg 5" a line: every label from the text
    clean_label_kv.txt         the same by hand
    noisy_train_key_list.txt   the 1,000,000 pictures to train on, with noisy labels
    clean_train_key_list.txt   47,570 more, with clean labels; some have a noisy one as well
    clean_val_key_list.txt     14,313 for validation, clean
    clean_test_key_list.txt    10,526 to test on, clean
    images/

A picture's true label is not known where the noisy one is all there is, but how classes are
mistaken for each other is: the doubly labelled pictures tell T, as in Patrini et al. 2017,
Section 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray

from lnl_core import transition
from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError

FOLDER = "clothing1m"
HOME = "https://github.com/Cysu/noisy_label"
CATEGORIES = "category_names_eng.txt"
LABELS = {"noisy": "noisy_label_kv.txt", "clean": "clean_label_kv.txt"}
#: Split → (its list, whose labels it has).
SPLITS = {
    "noisy_train": ("noisy_train_key_list.txt", "noisy"),
    "clean_train": ("clean_train_key_list.txt", "clean"),
    "clean_val": ("clean_val_key_list.txt", "clean"),
    "clean_test": ("clean_test_key_list.txt", "clean"),
}
#: How many pictures each list has as published: there are no checksums to go by.
COUNTS = {
    "noisy_train": 1_000_000,
    "clean_train": 47_570,
    "clean_val": 14_313,
    "clean_test": 10_526,
}
#: How a run's record says that the lists were as long as published.
ORIGINAL = "Clothing1M, every list as long as published"
#: Pixels a side as they are stored; nets take 224 x 224 of them.
SIDE = 256


@dataclass(frozen=True)
class Lists:
    """What the text files say. `keys` and `labels` (int64 [N]) are by split, see `SPLITS`.

    `twice` are the noisy labels of `clean_train`, -1 where a picture has none.
    """

    classes: tuple[str, ...]
    keys: dict[str, list[str]]
    labels: dict[str, NDArray[np.int64]]
    twice: NDArray[np.int64]

    def transition_matrix(self) -> NDArray[np.float64]:
        """T[clean, noisy] of the doubly labelled pictures of `clean_train`; the identity's row for
        a class that has none."""
        both = self.twice >= 0
        clean = self.labels["clean_train"][both]
        return transition.realised_matrix(clean, self.twice[both], len(self.classes))


@takes(root=Path, name="text", side="whole")
def load_clothing1m(root: Path, name: str = "clothing1m", side: int = SIDE) -> Dataset:
    """The dataset in that folder. The pictures are not read, and not looked for, before they are
    needed.

    `x_train` are the noisy ones, `x_trusted` those with clean labels, `transition_matrix` is the
    doubly labelled ones'. Raises `InputError` if the folder or one of its text files is not there,
    or a line of one is not as above.
    """
    if not root.is_dir():
        raise InputError(
            f"{name} is not in {root.parent}: ask its authors for it ({HOME}, for research and "
            f"teaching alone), unpack it to {root}, or set LNL_DATA to the folder that holds "
            f"{root.name}/."
        )
    lists = read_lists(root)
    images = {split: ImageFiles(root, keys, side) for split, keys in lists.keys.items()}
    labels = {split: torch.from_numpy(array) for split, array in lists.labels.items()}
    original = {split: len(keys) for split, keys in lists.keys.items()} == COUNTS
    return Dataset(
        name,
        images["noisy_train"],
        labels["noisy_train"],
        images["clean_test"],
        labels["clean_test"],
        lists.classes,
        ORIGINAL if original else f"a folder in Clothing1M's layout, {len(images['noisy_train'])} "
        "noisy pictures",
        y_train_noisy=labels["noisy_train"],
        x_val=images["clean_val"],
        y_val=labels["clean_val"],
        x_trusted=images["clean_train"],
        y_trusted=labels["clean_train"],
        transition_matrix=lists.transition_matrix(),
    )  # fmt: skip


@takes(root=Path)
def fetch_clothing1m(root: Path) -> None:
    """It cannot be downloaded: nothing to do where it is there, else an `InputError`."""
    if not (root / FOLDER).is_dir():
        load_clothing1m(root / FOLDER)


@takes(root=Path)
def read_lists(root: Path) -> Lists:
    """The folder's text files, checked line by line; see `load_clothing1m`."""
    classes = tuple(name for _, name in _lines(root / CATEGORIES))
    tables = {kind: _read_labels(root / file, len(classes)) for kind, file in LABELS.items()}
    keys: dict[str, list[str]] = {}
    labels: dict[str, NDArray[np.int64]] = {}
    for split, (file, kind) in SPLITS.items():
        keys[split] = _read_keys(root / file, tables[kind], LABELS[kind])
        labels[split] = np.array([tables[kind][key] for key in keys[split]], np.int64)
    twice = [tables["noisy"].get(key, -1) for key in keys["clean_train"]]
    return Lists(classes, keys, labels, np.array(twice, np.int64))


def _read_labels(file: Path, num_classes: int) -> dict[str, int]:
    """Key → label."""
    table: dict[str, int] = {}
    for number, line in _lines(file):
        key, _, label = line.rpartition(" ")
        if not key or not label.isdecimal() or not int(label) < num_classes:
            raise _bad_line(
                file, number, line, f"a picture, a space, and a class from 0 to {num_classes - 1}"
            )
        if table.setdefault(key, int(label)) != int(label):
            raise _bad_line(file, number, line, f"the label {table[key]} that it had before")
    return table


def _read_keys(file: Path, table: dict[str, int], labels: str) -> list[str]:
    keys = []
    for number, key in _lines(file):
        path = PurePosixPath(key)
        if path.is_absolute() or ".." in path.parts:
            raise _bad_line(file, number, key, "a path below the folder")
        if key not in table:
            raise _bad_line(file, number, key, f"a picture that has a label in {labels}")
        keys.append(key)
    if not keys:
        raise InputError(f"{file} is empty: unpack the dataset's text files again.")
    return keys


def _lines(file: Path) -> list[tuple[int, str]]:
    """The lines that are not empty, with their numbers."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file} is missing: unpack the dataset's text files again.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}): unpack it again.") from None
    lines: Sequence[str] = text.splitlines()
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def _bad_line(file: Path, number: int, line: str, wanted: str) -> InputError:
    return InputError(
        f"{file}, line {number}: {line!r:.100} must be {wanted}: unpack the text files again."
    )
