"""Noise as it is written on the command line: `symmetric:0.2`, `none`, `matrix:T.npy`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lnl_core.errors import InputError
from lnl_core.noise.noise import Noise
from lnl_core.noise.protocols import PROTOCOLS


def parse_noise(text: str, draw: str = "bernoulli") -> Noise:
    """`symmetric:0.2`, `none`, `given`, `matrix:T.npy` → `Noise`; `InputError` otherwise."""
    name, _, argument = str(text).strip().partition(":")
    if name == "matrix":
        return Noise(name, matrix=_read_matrix(argument), source=argument, draw=draw)
    if not argument or name not in PROTOCOLS:
        return Noise(name, draw=draw)
    if not PROTOCOLS[name][0]:
        raise InputError(f"noise '{name}' takes no rate, got {argument!r}: leave it out.")
    try:
        rate = float(argument)
    except ValueError:
        raise InputError(
            f"noise rate {argument!r} is not a number: write {name}:0.2 for 20%."
        ) from None
    return Noise(name, rate, draw=draw)


def _read_matrix(path: str) -> NDArray[np.float64]:
    file = Path(path)
    if not path or not file.is_file():
        raise InputError(
            f"no transition matrix at {path!r}: give a .npy file, or a text file with one row of "
            "numbers a line, as matrix:PATH."
        )
    try:
        matrix = (
            np.load(file, allow_pickle=False)
            if file.suffix == ".npy"
            else np.loadtxt(file, delimiter="," if "," in file.read_text() else None, ndmin=2)
        )
    except Exception as error:  # whatever a damaged file makes NumPy or zipfile raise
        why = " ".join(str(error).split())
        raise InputError(
            f"{path} cannot be read as a matrix ({why}): give a .npy file of numbers, or a text "
            "file with one row a line."
        ) from None
    return matrix
