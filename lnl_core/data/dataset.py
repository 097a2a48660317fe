"""A dataset as tensors: clean data, as they came from their source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.data.checks import check_dataset, size_of_vocabulary
from lnl_core.data.files import ImageFiles
from lnl_core.errors import InputError


@dataclass(frozen=True)
class Dataset:
    """Training and test data with clean labels, and noisy ones where the source has them.

    `x_*`: images uint8 [N, C, H, W], feature vectors float [N, D] (of 16, 32 or 64 bits), or token
    ids int64 [N, L]; or `ImageFiles`, which are read when they are needed.
    `y_*`: class indices int64 [N], or multi-hot uint8 [N, K].
    `classes` are their names, each its own.
    `source` says where the data came from, and goes into every record of a run on them.
    `vocabulary` is how many token ids there are, from 0 up; where it is not given, the largest id
    plus 1. None for data that are not tokens.
    `x_val`, `y_val`: the source's own validation split, with clean labels.
    `x_trusted`, `y_trusted`: further training samples whose labels are known to be clean.
    `transition_matrix`: T[clean, noisy] where the source tells it and the true labels of the
    training samples are not known; `y_train` then has the noisy ones. Needs trusted samples.

    Raises `InputError` for samples of any other type or shape, labels outside the classes, sizes
    that disagree, an empty split, a class without a training example, token ids outside the
    vocabulary, or features that are not finite.
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
        check_dataset(self)
        object.__setattr__(self, "vocabulary", size_of_vocabulary(self))
        if self.transition_matrix is not None:
            t = np.asarray(self.transition_matrix, dtype=np.float64)
            object.__setattr__(self, "transition_matrix", t)

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
