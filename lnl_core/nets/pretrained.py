"""ImageNet's weights for torchvision's nets, from its cache or its server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from lnl_core.errors import InputError


def imagenet_weights(weights: WeightsEnum, net: str) -> dict[str, Tensor]:
    """The state dict of these weights for the net of that name; `InputError` where there is none.

    Verified either way: torchvision checks what it downloads, and a file that lies in its cache
    (someone may have put it there by hand) is checked here.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        if file.is_file():
            with file.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if not found.startswith(hash_in_name(file)):
                raise OSError(f"the SHA-256 of {file} is another: delete it")
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise InputError(
            f"ImageNet's weights for {net} are not to be had ({error}): put {weights.url} to "
            f"{file}, or train from random weights with the net option pretrained=False."
        ) from None


def hash_in_name(file: Path) -> str:
    """How the file's SHA-256 must begin: torchvision ends its names with it."""
    return file.stem.rsplit("-", 1)[-1]
