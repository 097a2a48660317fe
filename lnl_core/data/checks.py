"""What a dataset is refused for, called by `Dataset` alone, when one is made."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lnl_core import transition
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError, shown

if TYPE_CHECKING:
    from lnl_core.data.dataset import Dataset

REQUIRED = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL = ("y_train_noisy", "x_val", "y_val", "x_trusted", "y_trusted")
#: Type and rank of the samples that nets, augmentations and noise are written for.
SAMPLES = {
    (torch.uint8, 4), (torch.int64, 2),
    (torch.float16, 2), (torch.float32, 2), (torch.float64, 2),
}  # fmt: skip


def check_dataset(data: Dataset) -> None:
    """Raise `InputError` for what `Dataset` says that it does not take."""
    _check_names(data)
    for name in (*REQUIRED, *OPTIONAL):
        value = getattr(data, name)
        if value is not None or name in REQUIRED:
            _check_tensor(f"{data.name}: {name}", value, is_samples=name.startswith("x_"))
    for split, x, y in (
        ("train", data.x_train, data.y_train),
        ("test", data.x_test, data.y_test),
        ("train", data.x_train, data.y_train_noisy),
        ("validation", data.x_val, data.y_val),
        ("trusted", data.x_trusted, data.y_trusted),
    ):
        if x is not None and y is not None:
            _check_split(data, split, x, y)
    for split, what, train, other in (
        ("test", "samples", data.x_train, data.x_test),
        ("test", "labels", data.y_train, data.y_test),
        ("noisy training", "labels", data.y_train, data.y_train_noisy),
        ("validation", "samples", data.x_train, data.x_val),
        ("validation", "labels", data.y_train, data.y_val),
        ("trusted", "samples", data.x_train, data.x_trusted),
        ("trusted", "labels", data.y_train, data.y_trusted),
    ):
        _check_same_kind(data, split, what, train, other)
    _check_pairs(data)
    _check_every_class(data)


def _check_names(data: Dataset) -> None:
    for name in ("name", "source"):
        value = getattr(data, name)
        if not isinstance(value, str):
            raise InputError(f"a dataset's {name} is {shown(value)}, but it must be a string.")
    classes = data.classes
    if not isinstance(classes, tuple | list) or not all(isinstance(name, str) for name in classes):
        raise InputError(
            f"{data.name}: classes is {shown(classes)}, but it must be a tuple of names, strings, "
            "one a class."
        )
    if len(classes) < 2:
        raise InputError(f"{data.name} has {len(classes)} class(es): at least 2 are needed.")
    commonest, times = Counter(classes).most_common(1)[0]
    if times > 1:
        raise InputError(
            f"{data.name}: {times} classes have the name {shown(commonest)}: give each a name of "
            "its own."
        )
    known = data.vocabulary
    if known is not None and (isinstance(known, bool) or not isinstance(known, int) or known < 1):
        raise InputError(
            f"{data.name}: vocabulary is {shown(known)}, but it must be a whole number from 1 up, "
            "or None."
        )


def _check_tensor(what: str, value: object, is_samples: bool) -> None:
    if is_samples and isinstance(value, ImageFiles):
        return
    if not isinstance(value, Tensor):
        raise InputError(
            f"{what} is a {type(value).__name__}, but it must be a tensor: torch.from_numpy makes "
            "one of an array."
        )
    if value.layout != torch.strided or value.device.type != "cpu" or value.requires_grad:
        raise InputError(
            f"{what} is {str(value.layout)[6:]}, on the device {value.device.type}, and requires "
            f"{'a' if value.requires_grad else 'no'} gradient, but it must be a plain tensor on "
            "the CPU: use .to_dense(), .cpu() or .detach()."
        )
    if is_samples and (value.dtype, value.dim()) not in SAMPLES:
        raise InputError(
            f"{what} is {str(value.dtype)[6:]} {list(value.shape)}, but it must be images uint8 "
            "[N, C, H, W], feature vectors float [N, D] of 16, 32 or 64 bits, or token ids int64 "
            "[N, L]: convert it with .to(...) or .reshape(...)."
        )


def _check_split(data: Dataset, split: str, x: Tensor | ImageFiles, y: Tensor) -> None:
    where = f"{data.name}, {split} split"
    if (y.dim(), y.dtype) not in ((1, torch.int64), (2, torch.uint8)):
        raise InputError(
            f"{where}: labels are {str(y.dtype)[6:]} {list(y.shape)}, but they must be class "
            "indices int64 [N] or multi-hot uint8 [N,K]."
        )
    if len(x) != len(y):
        raise InputError(f"{where}: {len(x)} samples but {len(y)} labels: they must agree.")
    if not len(x):
        raise InputError(f"{where}: no samples. At least one is needed.")
    if not math.prod(x.shape[1:]):
        raise InputError(f"{where}: a sample has shape {list(x.shape[1:])}, which holds nothing.")
    if x.dtype == torch.int64 and x.min() < 0:
        raise InputError(f"{where}: token id {x.min().item()} is negative: ids count from 0.")
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise InputError(f"{where}: the features hold NaN or infinity: remove or impute those.")
    k = data.num_classes
    if y.dim() == 2:
        if y.shape[1] != k or y.max() > 1:
            raise InputError(
                f"{where}: multi-hot labels must be 0 or 1 with one column for each of the {k} "
                f"classes, got shape {list(y.shape)} with values up to {y.max().item()}."
            )
    elif y.min() < 0 or y.max() >= k:
        bad = y[(y < 0) | (y >= k)][0].item()
        raise InputError(
            f"{where}: label {bad} is outside the classes: labels run from 0 to {k - 1}."
        )


def _check_pairs(data: Dataset) -> None:
    """What comes together or not at all."""
    for split in ("val", "trusted"):
        x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        if (x is None) != (y is None):
            raise InputError(f"{data.name}: x_{split} and y_{split} go together: give both.")
    if data.transition_matrix is not None:
        if data.x_trusted is None:
            raise InputError(
                f"{data.name}: a transition matrix of the source's own needs the trusted samples "
                "that tell it: give x_trusted and y_trusted as well."
            )
        transition.check_matrix(data.transition_matrix, data.num_classes)


def _check_same_kind(
    data: Dataset, split: str, what: str, train: Tensor | ImageFiles, other: Tensor | None
) -> None:
    if other is not None and (train.dtype, train.shape[1:]) != (other.dtype, other.shape[1:]):
        kinds = [f"{str(t.dtype)[6:]} of shape {list(t.shape[1:])}" for t in (train, other)]
        raise InputError(
            f"{data.name}: training {what} are {kinds[0]} each, {split} {what} {kinds[1]}: they "
            "must agree."
        )


def size_of_vocabulary(data: Dataset) -> int | None:
    """How many token ids there are, by the given vocabulary or the samples; None of other data."""
    if data.kind != "tokens":
        return None
    given = (data.x_train, data.x_test, data.x_val, data.x_trusted)
    largest = max(x.max().item() for x in given if x is not None)
    if data.vocabulary is not None and largest >= data.vocabulary:
        raise InputError(
            f"{data.name}: token id {largest} is outside the vocabulary of {data.vocabulary}: ids "
            f"run from 0 to {data.vocabulary - 1}."
        )
    return data.vocabulary or largest + 1


def _check_every_class(data: Dataset) -> None:
    counts = (
        data.y_train.sum(0)
        if data.multi_label
        else torch.bincount(data.y_train, minlength=data.num_classes)
    )
    empty = [data.classes[k] for k in torch.nonzero(counts == 0).flatten()]
    if empty:
        names = ", ".join(repr(name) for name in empty[:3]) + (" …" if len(empty) > 3 else "")
        raise InputError(
            f"{data.name}: {len(empty)} of {data.num_classes} classes have no training sample "
            f"({names}): use more samples, or leave those classes out."
        )
