"""How many threads a run on the CPU is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lnl_core.errors import InputError

#: Nets whose steps are too short to be shared: two threads gain little when the machine is idle,
#: and wait for each other when it is not (docs/speed.md).
SMALL_NETS = ("mlp", "word-embedding")


def default_threads(net: str) -> int:
    """Threads for a single run: one for a small net, else torch's own choice (`OMP_NUM_THREADS`,
    or the number of cores). Runs side by side have one each, whatever the net: see `grid.py`."""
    return 1 if net in SMALL_NETS else torch.get_num_threads()


def set_threads(count: int | None, net: str) -> None:
    """Let torch work with so many threads, with None as many as `default_threads` says."""
    if count is not None and count < 1:
        raise InputError(f"{count} threads were asked for, but at least 1 is needed.")
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
