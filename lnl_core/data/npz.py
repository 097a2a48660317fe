"""Data of your own: one `.npz` file, read without ever unpickling anything.

Required: `x_train, y_train, x_test, y_test`. Optional: `y_train_noisy` (real noisy labels, used
with noise `given`), `classes` (names), `source` (one sentence, kept in the records).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.data.dataset import Dataset
from lnl_core.errors import InputError

REQUIRED = ("x_train", "y_train", "x_test", "y_test")
LAYOUT = (
    "images uint8 [N,H,W] or [N,H,W,C], feature vectors float [N,D], or token ids int [N,L]; "
    "labels int [N] or multi-hot [N,K]"
)


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
        source=str(arrays["source"]) if "source" in arrays else f"{path.name}, source not stated",
        y_train_noisy=None if noisy is None else _labels(path, "y_train_noisy", noisy),
    )


def _read(path: Path) -> dict[str, NDArray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise InputError(f"{path} is a single array, not an .npz: save with numpy.savez.")
            return {key: stored[key] for key in stored.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise InputError(
            f"{path} is truncated or not an .npz file ({error}): fetch or save it again."
        ) from None
    except ValueError as error:
        if "allow_pickle" not in str(error) and "pickled" not in str(error):
            raise InputError(f"{path} cannot be read ({error}): save it again.") from None
        raise InputError(
            f"{path} holds pickled Python objects, which are never loaded because they can run "
            "code: save plain numeric arrays (and names as strings, not as objects)."
        ) from None


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
        return torch.from_numpy(x.astype(np.int64))
    raise InputError(f"{path}: {key} is {x.dtype} {list(x.shape)}, but it must be {LAYOUT}.")


def _labels(path: Path, key: str, y: NDArray) -> Tensor:
    if np.issubdtype(y.dtype, np.integer) or y.dtype == bool:
        if y.ndim == 1:
            return torch.from_numpy(y.astype(np.int64))
        if y.ndim == 2 and y.size and y.min() >= 0:
            return torch.from_numpy(y.astype(np.uint8))
    raise InputError(f"{path}: {key} is {y.dtype} {list(y.shape)}, but it must be {LAYOUT}.")


def _classes(path: Path, arrays: Mapping[str, NDArray], y_train: Tensor) -> tuple[str, ...]:
    if "classes" in arrays:
        if arrays["classes"].ndim != 1:
            raise InputError(
                f"{path}: classes has shape {list(arrays['classes'].shape)}: it must be a list of "
                "names, one a class."
            )
        return tuple(str(name) for name in arrays["classes"])
    count = y_train.shape[1] if y_train.dim() == 2 else int(y_train.max()) + 1
    return tuple(str(k) for k in range(count))
