"""Inception-ResNet-v2 for photographs, timm's (Szegedy et al. 2017): what trains on WebVision.

timm is no dependency of this project: the net is there where timm is installed, and else says so.
"""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core.errors import InputError
from lnl_core.nets.base import Net, require_image

# What its unpadded convolutions leave at least one pixel of.
MINIMUM_SIZE = 75


class InceptionResNetV2(Net):
    """timm's Inception-ResNet-v2 with an output layer of its own. [B, 3, H, W] → [B, K].

    Initial weights are PyTorch's. Raises `InputError` where timm is not installed, for images
    smaller than 75 x 75 or not in colour.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        require_image("inception-resnet-v2", input_shape, MINIMUM_SIZE)
        if input_shape[0] != 3:
            raise InputError(
                f"net 'inception-resnet-v2' is for three channels, but images here have "
                f"{input_shape[0]}: use 'resnet50'."
            )
        try:
            from timm import create_model
        except ImportError:
            raise InputError(
                "net 'inception-resnet-v2' needs timm: pip install timm, or use 'resnet50'."
            ) from None
        # Without classes it returns what its output layer would see.
        self.body: nn.Module = create_model("inception_resnet_v2", pretrained=False, num_classes=0)
        self.head = nn.Linear(self.body.num_features, num_classes)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)
