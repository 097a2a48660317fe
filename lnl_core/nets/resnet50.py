"""ResNet-50 for photographs, torchvision's, with ImageNet's weights or without (He et al. 2015).

Patrini et al. 2017, Section 5.3, and most work on Clothing1M start from ImageNet's. Torchvision has
two sets of them, and the first is taken (76.1% on ImageNet): it was trained in the way of the time,
the second (80.9%) by a recipe of 2021 that no number of the papers could have come from.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from lnl_core.errors import InputError
from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import he, initialise, uniform
from lnl_core.nets.pretrained import imagenet_weights

WEIGHTS = ResNet50_Weights.IMAGENET1K_V1
# Five halvings leave one pixel of 32; smaller images would only feed padding through it.
MINIMUM_SIZE = 32


class ResNet50(Net):
    """torchvision's ResNet-50 with an output layer of its own. [B, C, H, W] → [B, K].

    `pretrained` starts from ImageNet's weights, which want three channels, the preprocessing
    `imagenet`, and a file of 98 MB that is downloaded where it is not there. Otherwise the body is
    He's normal. The output layer is uniform in [-0.05, 0.05] in both (Patrini et al., Section
    5.1).

    Raises `InputError` for images smaller than 32 x 32, for `pretrained` that is not True or
    False or images that are not in colour, and if the weights can be neither found nor downloaded.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, *, pretrained: bool = False
    ) -> None:
        super().__init__()
        require_image("resnet50", input_shape, MINIMUM_SIZE)
        if not isinstance(pretrained, bool):
            raise InputError(f"pretrained is {pretrained!r}, but it must be True or False.")
        channels = input_shape[0]
        if pretrained and channels != 3:
            raise InputError(
                f"ImageNet's weights are for three channels, but images here have {channels}: use "
                "pretrained=False."
            )
        body = resnet50()
        if channels != 3:
            body.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        width = body.fc.in_features
        if pretrained:
            body.load_state_dict(_imagenet_weights())
        body.fc = nn.Identity()
        self.body = body
        self.head = nn.Linear(width, num_classes)
        if pretrained:
            uniform(self.head)
        else:
            initialise(self, body=he, output=uniform)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)


def _imagenet_weights() -> dict[str, Tensor]:
    return imagenet_weights(WEIGHTS, "resnet50")
