"""ResNet-34 for photographs, torchvision's, with ImageNet's weights or without (He et al. 2015).

Yao et al. 2018, Section IV-B: "a 34-layer residual network" for WEB and VOC. It begins with a
convolution of 7 x 7 in steps of two and a pooling, for images of 224 x 224; the ResNet-34 that
papers train on CIFAR's 32 x 32 begins with one of 3 x 3 and is another net.
"""

from __future__ import annotations

from torch import Tensor
from torchvision.models import ResNet34_Weights, resnet34

from lnl_core.nets.photographs import PhotographResNet
from lnl_core.nets.pretrained import imagenet_weights

#: 73.3% on ImageNet; the only set of this net's that torchvision has.
WEIGHTS = ResNet34_Weights.IMAGENET1K_V1


class ResNet34(PhotographResNet):
    """`PhotographResNet` of 34 layers, 512 features; ImageNet's weights are a file of 83 MB that
    is downloaded where it is not there."""

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, *, pretrained: bool = False
    ) -> None:
        super().__init__(
            "resnet34", resnet34, _imagenet_weights, input_shape, num_classes, pretrained
        )


def _imagenet_weights() -> dict[str, Tensor]:
    return imagenet_weights(WEIGHTS, "resnet34")
