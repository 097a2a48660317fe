"""What a method says of itself, as a record can hold it: JSON has finite numbers and no tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.errors import InputError, shown


def as_numbers(method: str, diagnostics: Mapping[str, Any]) -> dict[str, float]:
    """Diagnostics as plain numbers, whole ones and truth values as they are.

    `method` is named where one is no finite number, by an `InputError`.
    """
    for name, value in diagnostics.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(
                f"{method}: the diagnostic {name!r} is {shown(value)}, but it must be a finite "
                "number: take `.item()` of a tensor, and leave out what has no value."
            )
    # NumPy's float64 is a float, and yet no checkpoint can be read that holds one.
    return {k: v if isinstance(v, int) else float(v) for k, v in diagnostics.items()}


def as_arrays(method: str, estimates: Mapping[str, NDArray | Tensor]) -> dict[str, NDArray]:
    """Estimates as arrays on the CPU, without their gradients.

    `method` is named where one is not made of finite numbers, by an `InputError`.
    """
    arrays = {}
    for name, value in estimates.items():
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise InputError(
                f"{method}: the estimate {name!r} is {shown(array)}, but it must be made of "
                "finite numbers: leave out what has no value."
            )
        arrays[name] = array
    return arrays
