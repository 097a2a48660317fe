"""Random numbers that a run owns.

A run draws its noise, its split, its initial weights and its training (batch order, dropout,
augmentation, sampling) from four seeds, each its own, so that one can be varied alone.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.errors import InputError

LARGEST_SEED = 2**32 - 1


def check_seed(seed: object, name: str = "seed") -> int:
    """The seed as an int in [0, 2³²-1], or an `InputError`."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InputError(f"{name} is {seed!r}, but a seed is a whole number from 0 to 2^32-1.")
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"{name} is {seed}, but a seed is a whole number from 0 to 2^32-1.")
    return int(seed)


@takes(purpose="text")
def numpy_generator(purpose: str, seed: int) -> np.random.Generator:
    """A NumPy generator for one purpose: the same seed for two purposes gives unlike draws."""
    return np.random.default_rng([*purpose.encode(), check_seed(seed)])


@takes(purpose="text")
def torch_seed(purpose: str, seed: int) -> int:
    """A 63-bit seed for torch, unlike for unlike purposes."""
    digest = hashlib.sha256(f"{purpose}:{check_seed(seed)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class RandomStream:
    """torch's global random state, kept apart for one run.

    Dropout and most samplers draw from torch's global generators. Inside `with stream:` those
    are this run's own; outside they are the caller's, untouched. Two runs may therefore be
    interleaved, and a notebook may draw what it likes between two epochs, without changing a
    single number. `state` makes a resumed run continue bit for bit.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        device = torch.device(device)
        self._cuda = device if device.type == "cuda" else None
        self._caller = self._global_state()
        # Not torch.manual_seed, which would reseed the caller's GPUs as well.
        torch.default_generator.manual_seed(seed)
        if self._cuda is not None:
            with torch.cuda.device(self._cuda):
                torch.cuda.manual_seed(seed)
        self.__exit__()

    def __enter__(self) -> RandomStream:
        self._caller = self._global_state()
        self._set_global_state(self.state)
        return self

    def __exit__(self, *_: object) -> None:
        self.state = self._global_state()
        self._set_global_state(self._caller)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Inside `with stream:`, hand the generators back to the caller for a moment."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def _global_state(self) -> dict[str, Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if self._cuda is not None:
            state["cuda"] = torch.cuda.get_rng_state(self._cuda)
        return state

    def _set_global_state(self, state: dict[str, Tensor]) -> None:
        torch.set_rng_state(state["cpu"])
        if self._cuda is not None:
            torch.cuda.set_rng_state(state["cuda"], self._cuda)
