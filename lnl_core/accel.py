"""Devices: the only place that knows what the hardware can do."""

from __future__ import annotations

import torch

from lnl_core.errors import InputError, unknown_name

DEVICES = ("auto", "cpu", "cuda")


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
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu, {torch.get_num_threads()} threads"
