"""Where a net's numbers lie in memory, and what becomes of memory that is freed.

`prepare` is what `fit` calls; every choice in it is measured in docs/speed.md, and none but the
order of sums within a convolution changes a number.
"""

from __future__ import annotations

import ctypes
import os
import sys

import torch
from torch import nn

from lnl_core.accel.precision import check_precision
from lnl_core.errors import InputError
from lnl_core.nets.base import Net

#: Set in the environment, it leaves memory as torch and the system have it: for debugging.
SWITCH = "LNL_PLAIN_MEMORY"
#: mallopt's numbers (malloc.h): when freed memory goes back to the system, and from what size on
#: a request has pages of its own, which always go back.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_INT = 2**31 - 1


def prepare(module: nn.Module, precision: str, device: torch.device) -> None:
    """Make a method ready to be trained there at that precision.

    Raises `InputError` for a precision that the device lacks, or that no net here knows.
    """
    check_precision(precision, device)
    nets = [net for net in module.modules() if isinstance(net, Net)]
    if precision != "float32" and not nets:
        raise InputError(
            f"precision {precision!r} is for the nets of lnl_core.nets, and "
            f"{type(module).__name__} has none of them: use 'float32'."
        )
    for net in nets:
        net.precision = precision
    if os.environ.get(SWITCH):
        return
    if device.type == "cpu":
        keep_freed_memory()
    # On a GPU channels come last only where tensor cores want them so.
    if device.type == "cpu" or precision == "bfloat16":
        channels_last(module)


def channels_last(module: nn.Module) -> None:
    """Let the kernels of convolutions lie with channels last: all that comes of them follows.

    oneDNN and cuDNN then need not reorder an image before and after each convolution.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)


def keep_freed_memory() -> None:
    """Let glibc keep what is freed for the next request, instead of giving it to the system.

    Each step asks for the same tensors again, of some megabytes each. Memory that comes fresh
    from the system is cleared page by page when it is first touched, which can take as long as
    the arithmetic. Elsewhere than on glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, LARGEST_INT)
