"""Hardware: the only place that knows what a processor or a GPU can do, and how to use it."""

from lnl_core.accel.device import (
    block_values,
    describe_device,
    peak_memory_mb,
    pick_device,
    reset_peak_memory,
)
from lnl_core.accel.precision import autocast, check_precision
from lnl_core.accel.threads import default_threads, set_threads, threads

__all__ = [
    "autocast",
    "block_values",
    "check_precision",
    "default_threads",
    "describe_device",
    "peak_memory_mb",
    "pick_device",
    "reset_peak_memory",
    "set_threads",
    "threads",
]
