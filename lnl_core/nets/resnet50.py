"""ResNet-50 for photographs, torchvision's, with ImageNet's weights or without (He et al. 2015).

Patrini et al. 2017, Section 5.3, and most work on Clothing1M start from ImageNet's. Torchvision has
two sets of them, and the first is taken (76.1% on ImageNet): it was trained in the way of the time,
the second (80.9%) by a recipe of 2021 that no number of the papers could have come from.
"""

from __future__ import annotations

from torch import Tensor
from torchvision.models import ResNet50_Weights, resnet50

from lnl_core.nets.photographs import PhotographResNet
from lnl_core.nets.pretrained import imagenet_weights

WEIGHTS = ResNet50_Weights.IMAGENET1K_V1


class ResNet50(PhotographResNet):
    """`PhotographResNet` of 50 layers, 2,048 features; ImageNet's weights are a file of 98 MB that
    is downloaded where it is not there."""

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, *, pretrained: bool = False
    ) -> None:
        super().__init__(
            "resnet50", resnet50, _imagenet_weights, input_shape, num_classes, pretrained
        )


def _imagenet_weights() -> dict[str, Tensor]:
    return imagenet_weights(WEIGHTS, "resnet50")
