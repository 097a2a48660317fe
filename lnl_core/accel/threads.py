"""How many threads a run on the CPU is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lnl_core.errors import InputError, shown

#: Nets whose steps are too short to be shared: two threads gain little when the machine is idle,
#: and wait for each other when it is not (docs/speed.md).
SMALL_NETS = ("mlp", "word-embedding")
#: More than any machine has cores, and few enough for torch to start them.
MOST_THREADS = 1024


def default_threads(net: str) -> int:
    """Threads for a single run: one for a small net, else torch's own choice (`OMP_NUM_THREADS`,
    or the number of cores). Runs side by side have one each, whatever the net: see `grid.py`."""
    return 1 if net in SMALL_NETS else torch.get_num_threads()


def set_threads(count: int | None, net: str) -> None:
    """Let torch work with so many threads, 1 to 1024, with None as many as `default_threads` says.

    Raises `InputError` for another number.
    """
    if count is not None and not 1 <= count <= MOST_THREADS:
        raise InputError(
            f"{shown(count)} threads were asked for, but it must be 1 to {MOST_THREADS}: as many "
            "as the machine has cores is plenty."
        )
    torch.set_num_threads(count or default_threads(net))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within, torch works with so many threads; after, with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
