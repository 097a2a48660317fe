"""Arrays that took long to make, kept beside what they were made from. Never pickled."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lnl_core.atomic import replacing
from lnl_core.contract import takes
from lnl_core.data.npz import check_size


@takes(file=Path, stamp="text")
def recall(file: Path, stamp: str) -> dict[str, NDArray] | None:
    """What was kept there under that stamp. Anything else, a damaged file as well, is nothing."""
    try:
        check_size(file)
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except Exception:  # absent, or whatever a damaged file makes zipfile or NumPy raise
        return None
    return arrays if str(arrays.pop("stamp", None)) == stamp else None


@takes(file=Path, stamp="text", arrays=dict)
def keep(file: Path, stamp: str, arrays: dict[str, NDArray]) -> None:
    """Write the arrays, whole or not at all. A folder that cannot be written to is no error."""
    with contextlib.suppress(OSError), replacing(file) as part, part.open("wb") as stream:
        np.savez(stream, stamp=np.array(stamp), **arrays)
        stream.flush()
        os.fsync(stream.fileno())
