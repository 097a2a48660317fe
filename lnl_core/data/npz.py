"""Data of your own: one `.npz` file, read without ever unpickling anything.

Required: `x_train, y_train, x_test, y_test`. Optional: `y_train_noisy` (real noisy labels, used
with noise `given`), `classes` (names), `source` (one sentence, kept in the records).

A few kilobytes of a zip file can unpack to terabytes. What a file says that it unpacks to is added
up before anything is unpacked, and more than 16 GB is refused; `LNL_NPZ_GB=64` in the environment
raises that to 64. (CIFAR-10 is 0.2 GB. No entry unpacks to more than it says: NumPy and zipfile
stop there.)
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.errors import InputError

REQUIRED = ("x_train", "y_train", "x_test", "y_test")
LIMIT = "LNL_NPZ_GB"
GIGABYTES = 16.0
LAYOUT = (
    "images uint8 [N,H,W] or [N,H,W,C], feature vectors float [N,D], or token ids int [N,L]; "
    "labels int [N] or multi-hot [N,K]"
)


@takes(path=Path, name="text?")
def load_npz(path: Path, name: str | None = None) -> Dataset:
    """The dataset in the file. Raises `InputError` for anything that is not as above."""
    arrays = _read(path)
    missing = [key for key in REQUIRED if key not in arrays]
    if missing:
        raise InputError(
            f"{path} lacks {', '.join(missing)} (it has {', '.join(sorted(arrays)) or 'nothing'}): "
            f"a dataset needs {', '.join(REQUIRED)}."
        )
    y_train, y_test = (_labels(path, key, arrays[key]) for key in ("y_train", "y_test"))
    noisy = arrays.get("y_train_noisy")
    return Dataset(
        name=name or path.stem,
        x_train=_inputs(path, "x_train", arrays["x_train"]),
        y_train=y_train,
        x_test=_inputs(path, "x_test", arrays["x_test"]),
        y_test=y_test,
        classes=_classes(path, arrays, y_train),
        source=_text(arrays["source"].tolist())
        if "source" in arrays
        else f"{path.name}, source not stated",
        y_train_noisy=None if noisy is None else _labels(path, "y_train_noisy", noisy),
    )


def _read(path: Path) -> dict[str, NDArray]:
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is truncated or not an .npz file: fetch it again, or save it with numpy.savez."
        )
    try:
        check_size(path)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except InputError:
        raise
    except Exception as error:  # whatever a damaged file makes zipfile or NumPy raise
        if "pickle" not in str(error):
            raise InputError(
                f"{path} is damaged ({error}): fetch it again, or save it with numpy.savez."
            ) from None
        raise InputError(
            f"{path} holds pickled Python objects, which are never loaded because they can run "
            "code: save plain numeric arrays (and names as strings, not as objects)."
        ) from None
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy hands over other files as bytes
            raise InputError(f"{path}: {key} is not a NumPy array: save it with numpy.savez.")
    return arrays


@takes(path=Path)
def check_size(path: Path) -> None:
    """`InputError` if what the zip file unpacks to is more than `LNL_NPZ_GB` gigabytes."""
    text = os.environ.get(LIMIT) or str(GIGABYTES)
    try:
        most = float(text)
    except ValueError:
        most = 0.0
    if not most > 0:
        raise InputError(f"{LIMIT} is {text!r}, but it must be a number of gigabytes, as in 64.")
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist()) / 1e9
    if size > most:
        raise InputError(
            f"{path} unpacks to {size:,.0f} GB, and more than {most:g} is refused before it fills "
            f"the memory: if you trust the file, set {LIMIT} to what it needs."
        )


def _inputs(path: Path, key: str, x: NDArray) -> Tensor:
    if x.dtype == np.uint8 and x.ndim in (3, 4):
        x = x[..., None] if x.ndim == 3 else x
        if x.shape[-1] not in (1, 3):
            raise InputError(
                f"{path}: {key} has {x.shape[-1]} channels in shape {list(x.shape)}: images are "
                "[N,H,W] or [N,H,W,C] with 1 or 3 channels, last."
            )
        return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    if np.issubdtype(x.dtype, np.floating) and x.ndim == 2:
        return torch.from_numpy(x.astype(np.float32))
    if np.issubdtype(x.dtype, np.integer) and x.dtype != np.uint8 and x.ndim == 2:
        return torch.from_numpy(_whole(path, key, x))
    raise InputError(f"{path}: {key} is {x.dtype} {list(x.shape)}, but it must be {LAYOUT}.")


def _whole(path: Path, key: str, array: NDArray) -> NDArray[np.int64]:
    largest = np.iinfo(np.int64).max
    if array.dtype == np.uint64 and array.size and array.max() > largest:
        raise InputError(
            f"{path}: {key} holds {array.max()}, but whole numbers must be {largest} at most, as "
            "int64 has them: number classes and tokens from 0 without a gap."
        )
    return array.astype(np.int64)


def _labels(path: Path, key: str, y: NDArray) -> Tensor:
    if (np.issubdtype(y.dtype, np.integer) or y.dtype == bool) and y.ndim in (1, 2):
        if not y.size:
            raise InputError(f"{path}: {key} is empty, {list(y.shape)}: give at least one label.")
        if y.ndim == 1:
            return torch.from_numpy(_whole(path, key, y))
        if y.min() < 0 or y.max() > 1:
            raise InputError(
                f"{path}: {key} of shape {list(y.shape)} is multi-hot, but holds values from "
                f"{y.min()} to {y.max()}: every entry must be 0 or 1."
            )
        return torch.from_numpy(y.astype(np.uint8))
    raise InputError(f"{path}: {key} is {y.dtype} {list(y.shape)}, but it must be {LAYOUT}.")


def _classes(path: Path, arrays: Mapping[str, NDArray], y_train: Tensor) -> tuple[str, ...]:
    if "classes" in arrays:
        if arrays["classes"].ndim != 1:
            raise InputError(
                f"{path}: classes has shape {list(arrays['classes'].shape)}: it must be a list of "
                "names, one a class."
            )
        return tuple(_text(name) for name in arrays["classes"])
    count = y_train.shape[1] if y_train.dim() == 2 else int(y_train.max()) + 1
    if y_train.dim() == 1 and count > len(y_train):  # before a list of a billion names is made
        raise InputError(
            f"{path}: y_train holds label {count - 1}, but {len(y_train)} samples cannot fill "
            f"{count} classes: number the classes 0, 1, 2, … without a gap."
        )
    return tuple(str(k) for k in range(count))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
