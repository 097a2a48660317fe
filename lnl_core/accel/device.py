"""Devices: which there are, what they are called, how much memory was used."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import torch

from lnl_core.contract import takes
from lnl_core.errors import InputError, unknown_name

try:
    import resource
except ImportError:  # not on Windows
    resource = None

DEVICES = ("auto", "cpu", "cuda")


@takes(name="text")
def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the GPU if there is one. Asking for `cuda` without one is an `InputError`."""
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "device 'cuda' was asked for, but PyTorch sees no GPU here: use 'auto' or 'cpu'."
        )
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def describe_device(device: torch.device) -> str:
    """The processor's own name, as far as the system tells it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def block_values(device: torch.device) -> int:
    """How many values a block of samples holds at most when there is nothing to learn from it.

    On a CPU what a net makes of a block should stay near the caches: 260 images of CIFAR's are
    evaluated up to four times as fast as 2,000. A GPU wants big ones.
    """
    return 800_000 if device.type == "cpu" else 20_000_000


def peak_memory_mb(device: torch.device) -> float:
    """The most memory taken so far: on a GPU by tensors since `reset_peak_memory`, else by the
    whole process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if resource is None:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def reset_peak_memory(device: torch.device) -> None:
    """Begin to measure anew, on a GPU: what an earlier run took there is not this one's."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
