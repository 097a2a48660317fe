"""Hardware: the only place that knows what a processor or a GPU can do, and how to use it."""

from lnl_core.accel.device import describe_device, peak_memory_mb, pick_device

__all__ = ["describe_device", "peak_memory_mb", "pick_device"]
