"""`amt-sd4`, `sd4`: four breeds of dogs as feature vectors, labelled by a crowd (Zhou et al. 2012).

Turkers said which of four breeds a picture of Stanford Dogs shows; Zhou et al. gave 5,376 features
of each. Yao et al. 2018, Section IV-A, train on AMT, 7,354 samples, each *one answer*: a picture
comes as often as it was answered. SD4 are the pictures themselves with their true labels, three
quarters to train on and one to test. Read from `amt/`:

    dog_crowd.txt    "item worker label" a line, numbers from 1: 7,354 answers
    dog_truth.txt    "item label" a line
    classes.txt      the breeds' names, a line each, in the order of their numbers
    features.npy     float [items, 5376], row 0 is item 1

The first two are as Zhang et al. 2014 published them (zhangyuc/SpectralMethodsMeetEM). We know of
no public place that has the features, and the layout of the last two files is ours.

`amt-sd4` trains on all the answers and is tested on SD4's test quarter, as the printed number of
samples wants it. So every test picture is trained on too, with the crowd's answers and without the
true label. Which pictures the paper tests on is not printed: here a fixed draw. It counts 837
pictures; the four breeds have 807 in Stanford Dogs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.errors import InputError
from lnl_core.streams import numpy_generator

FOLDER = "amt"
CROWD, TRUTH, NAMES, FEATURES = "dog_crowd.txt", "dog_truth.txt", "classes.txt", "features.npy"
#: Answers and features as printed: there are no checksums to go by.
COUNTS = (7354, 5376)
#: How a run's record says that there were as many as published.
ORIGINAL = "AMT and SD4, as many answers and features as published"


@takes(name="text", root=Path)
def load_amt(name: str, root: Path) -> Dataset:
    """The dataset in that folder: `amt-sd4` with noise `given`, or `sd4`, clean. Label vectors with
    one label each.

    Raises `InputError` if the folder or one of its files is not there, a line is not as above, or
    the files do not fit each other.
    """
    if not root.is_dir():
        raise InputError(
            f"{name} is not in {root.parent}: put the crowd's answers and the features into {root} "
            f"as data/README.md says, or set LNL_DATA to the folder that holds {root.name}/."
        )
    classes = tuple(line for _, line in _lines(root / NAMES))
    truth = _read_truth(root / TRUTH, len(classes))
    answers = _read_numbers(root / CROWD, 3)
    for line, (item, _, label) in answers:
        if item > len(truth) or label > len(classes):
            raise InputError(
                f"{root / CROWD}, line {line}: item {item}, label {label}: items run from 1 to "
                f"{len(truth)} (see {TRUTH}), labels from 1 to {len(classes)} (see {NAMES})."
            )
    x = _read_features(root / FEATURES, len(truth))
    one_hot = torch.eye(len(classes), dtype=torch.uint8)
    clean = one_hot[truth]
    order = torch.from_numpy(numpy_generator("sd4-split", 0).permutation(len(truth)))
    test, train = order.split([round(len(order) / 4), len(order) - round(len(order) / 4)])
    source = f"a crowd's answers on features, {len(answers)} on {len(truth)}"
    if (len(answers), x.shape[1]) == COUNTS:
        source = ORIGINAL
    if name == "sd4":
        return Dataset(name, x[train], clean[train], x[test], clean[test], classes, source)
    item, _, label = torch.tensor([numbers for _, numbers in answers]).T - 1
    return Dataset(
        name, x[item], clean[item], x[test], clean[test], classes, source,
        y_train_noisy=one_hot[label],
    )  # fmt: skip


@takes(name="text", root=Path)
def fetch_amt(name: str, root: Path) -> None:
    """It cannot be downloaded: nothing to do where it is there, else an `InputError`."""
    if not (root / FOLDER).is_dir():
        load_amt(name, root / FOLDER)


def _read_truth(file: Path, num_classes: int) -> Tensor:
    """The items' classes, from 0, int64 [N]; every number from 1 to N must have one."""
    labels: dict[int, int] = {}
    for line, (item, label) in _read_numbers(file, 2):
        if label > num_classes or labels.setdefault(item, label) != label:
            raise InputError(
                f"{file}, line {line}: item {item}, label {label}: one label an item, from 1 to "
                f"{num_classes} (see {NAMES})."
            )
    absent = next((item for item in range(1, len(labels) + 1) if item not in labels), None)
    if absent is not None:
        raise InputError(
            f"{file} has no line for item {absent}: items must be numbered from 1 without a gap."
        )
    return torch.tensor([labels[item] - 1 for item in range(1, len(labels) + 1)])


def _read_features(file: Path, items: int) -> Tensor:
    """float32 [items, D]."""
    try:
        array: NDArray = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{file} is missing: save the features there with numpy.save.") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file} cannot be read ({error}): save it with numpy.save.") from None
    if array.ndim != 2 or len(array) != items or array.dtype.kind != "f":
        raise InputError(
            f"{file} holds {array.dtype} {list(array.shape)}, but it must hold floats, one row for "
            f"each of the {items} items in {TRUTH}."
        )
    return torch.from_numpy(array.astype(np.float32))


def _read_numbers(file: Path, count: int) -> list[tuple[int, list[int]]]:
    """Each line's number and its `count` numbers, all of them from 1 up."""
    rows = []
    for number, line in _lines(file):
        words = line.split()
        if len(words) != count or not all(w.isdecimal() and int(w) > 0 for w in words):
            raise InputError(
                f"{file}, line {number}: {line!r:.100} must be {count} whole numbers from 1 up."
            )
        rows.append((number, [int(word) for word in words]))
    return rows


def _lines(file: Path) -> list[tuple[int, str]]:
    """The lines that are not empty, at least one, with their numbers."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file} is missing: data/README.md says what it holds.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}): fetch or write it again.") from None
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise InputError(f"{file} is empty: data/README.md says what it holds.")
    return lines
