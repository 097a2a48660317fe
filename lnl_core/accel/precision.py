"""Number formats: what a net computes in, and which processors have it.

"bfloat16" is autocast: matrix products and convolutions round their inputs to 8 bits of mantissa
and add up in float32, what follows keeps the products' format, and parameters, running
statistics and optimiser stay float32. Only a net's `forward` is under it: losses, and whatever a
method computes itself, are float32.
"""

from __future__ import annotations

import torch

from lnl_core.errors import InputError


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a net computes at that precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def check_precision(precision: str, device: torch.device) -> None:
    """Raise `InputError` for a precision that the device would only emulate."""
    if precision == "bfloat16" and not _has_bfloat16(device):
        where = "GPU" if device.type == "cuda" else "processor"
        raise InputError(
            f"precision 'bfloat16' was asked for, but this {where} has no instructions for it and "
            "would take many times as long: use 'float32'."
        )


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # torch keeps these questions private; one that it no longer answers is answered by no.
    questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, question, bool)() for question in questions)
