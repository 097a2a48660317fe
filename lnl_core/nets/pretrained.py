"""ImageNet's weights for torchvision's nets, from its cache or its server."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from lnl_core.checksums import KNOWN, verify
from lnl_core.errors import InputError


def imagenet_weights(weights: WeightsEnum, net: str) -> dict[str, Tensor]:
    """The state dict of these weights for the net of that name; `InputError` where there is none.

    Their SHA-256 is verified, of a file that lies in torchvision's cache as of one that is
    downloaded into it, and nothing is unpickled but tensors.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(weights.url, str(file), KNOWN["weights"][file.name])
        verify("weights", file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise InputError(
            f"ImageNet's weights for {net} are not to be had ({error}): put {weights.url} to "
            f"{file}, or train from random weights with the net option pretrained=False."
        ) from None
