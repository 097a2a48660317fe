"""A dataset as tensors: clean data, as they came from their source."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core import transition
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError


@dataclass(frozen=True)
class Dataset:
    """Training and test data with clean labels, and noisy ones where the source has them.

    `x_*`: images uint8 [N, C, H, W], feature vectors float32 [N, D], or token ids int64 [N, L];
    or `ImageFiles`, which are read when they are needed.
    `y_*`: class indices int64 [N], or multi-hot uint8 [N, K].
    `source` says where the data came from, and goes into every record of a run on them.
    `vocabulary` is how many token ids there are, from 0 up; where it is not given, the largest id
    plus 1. None for data that are not tokens.
    `x_val`, `y_val`: the source's own validation split, with clean labels.
    `x_trusted`, `y_trusted`: further training samples whose labels are known to be clean.
    `transition_matrix`: T[clean, noisy] where the source tells it and the true labels of the
    training samples are not known; `y_train` then has the noisy ones. Needs trusted samples.

    Raises `InputError` for labels outside the classes, sizes that disagree, an empty split, a
    class without a training example, token ids outside the vocabulary, or features that are not
    finite.
    """

    name: str
    x_train: Tensor | ImageFiles
    y_train: Tensor
    x_test: Tensor | ImageFiles
    y_test: Tensor
    classes: tuple[str, ...]
    source: str
    y_train_noisy: Tensor | None = field(default=None)
    vocabulary: int | None = None
    x_val: Tensor | ImageFiles | None = None
    y_val: Tensor | None = None
    x_trusted: Tensor | ImageFiles | None = None
    y_trusted: Tensor | None = None
    transition_matrix: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        if len(self.classes) < 2:
            raise InputError(
                f"{self.name} has {len(self.classes)} class(es): at least 2 are needed."
            )
        for split, x, y in (
            ("train", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
            ("train", self.x_train, self.y_train_noisy),
            ("validation", self.x_val, self.y_val),
            ("trusted", self.x_trusted, self.y_trusted),
        ):
            if x is not None and y is not None:
                _check_split(self, split, x, y)
        for split, what, train, other in (
            ("test", "samples", self.x_train, self.x_test),
            ("test", "labels", self.y_train, self.y_test),
            ("noisy training", "labels", self.y_train, self.y_train_noisy),
            ("validation", "samples", self.x_train, self.x_val),
            ("validation", "labels", self.y_train, self.y_val),
            ("trusted", "samples", self.x_train, self.x_trusted),
            ("trusted", "labels", self.y_train, self.y_trusted),
        ):
            _check_same_kind(self, split, what, train, other)
        _check_pairs(self)
        _check_every_class(self)
        object.__setattr__(self, "vocabulary", _vocabulary(self))

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(C, H, W) of images, (D,) of vectors, (L,) of token sequences."""
        return tuple(self.x_train.shape[1:])

    @property
    def kind(self) -> str:
        """`image`, `vector` or `tokens`."""
        if self.x_train.dtype == torch.uint8:
            return "image"
        return "vector" if self.x_train.is_floating_point() else "tokens"

    @property
    def multi_label(self) -> bool:
        return self.y_train.dim() == 2

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of every array with its shape: two runs with the same one saw the same data.

        Of image files, their names and sizes in order: reading a million of them takes an hour.
        """
        digest = hashlib.sha256()
        t = self.transition_matrix
        for tensor in (
            self.x_train, self.y_train, self.x_test, self.y_test, self.y_train_noisy,
            self.x_val, self.y_val, self.x_trusted, self.y_trusted,
            None if t is None else torch.from_numpy(t),
        ):  # fmt: skip
            if tensor is not None:
                digest.update(f"{tensor.dtype}{list(tensor.shape)}".encode())
                in_files = isinstance(tensor, ImageFiles)
                digest.update(
                    tensor.listing() if in_files else np.ascontiguousarray(tensor.numpy())
                )
        return digest.hexdigest()[:16]

    def subset(self, count: int, rng: np.random.Generator) -> Dataset:
        """The same data with `count` training samples, drawn at random."""
        total = len(self.x_train)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= total:
            raise InputError(
                f"{count} training samples were asked for, but {self.name} has {total}: give a "
                f"number from 1 to {total}."
            )
        keep = torch.from_numpy(np.sort(rng.permutation(total)[:count]))
        return replace(
            self,
            x_train=self.x_train.index_select(0, keep),
            y_train=self.y_train[keep],
            y_train_noisy=None if self.y_train_noisy is None else self.y_train_noisy[keep],
        )


def _check_types(data: Dataset) -> None:
    given = [("x_train", True), ("y_train", True), ("x_test", True), ("y_test", True)]
    given += [
        (name, False) for name in ("y_train_noisy", "x_val", "y_val", "x_trusted", "y_trusted")
    ]
    for name, needed in given:
        value = getattr(data, name)
        kinds = (Tensor, ImageFiles) if name.startswith("x_") else (Tensor,)
        if not isinstance(value, kinds) and (needed or value is not None):
            raise InputError(
                f"{data.name}: {name} is a {type(value).__name__}, but it must be a tensor: "
                "torch.from_numpy makes one of an array."
            )


def _check_split(data: Dataset, split: str, x: Tensor | ImageFiles, y: Tensor) -> None:
    where = f"{data.name}, {split} split"
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
    if (y.dim(), y.dtype) not in ((1, torch.int64), (2, torch.uint8)):
        raise InputError(
            f"{where}: labels are {str(y.dtype)[6:]} {list(y.shape)}, but they must be class "
            "indices int64 [N] or multi-hot uint8 [N,K]."
        )
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


def _vocabulary(data: Dataset) -> int | None:
    if data.kind != "tokens":
        return None
    largest = max(data.x_train.max().item(), data.x_test.max().item())
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
