"""AlexNet with its first blocks frozen: Jindal et al. 2019 (NNAQC), ImageNet.

"We transfer the parameters of first four convolutional blocks from a pre-trained AlexNet […] keep
[them] frozen and only train the last convolutional block, two FC layers, a softmax layer and the
stacked NNAQC layer" (Section 4.2). The weights are torchvision's, of the one-column AlexNet of
Krizhevsky 2014, and not MatConvNet's, which the authors must have had.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, alexnet

from lnl_core.errors import InputError
from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import he, initialise, lecun
from lnl_core.nets.pretrained import imagenet_weights

WEIGHTS = AlexNet_Weights.IMAGENET1K_V1
# Two convolutions and three poolings leave one pixel of 63.
MINIMUM_SIZE = 63
#: How many of torchvision's layers the first n convolutional blocks are.
BLOCK_ENDS = (0, 3, 6, 8, 10, 13)


class AlexNet(Net):
    """torchvision's AlexNet, [B, 3, H, W] → [B, K], 4,096 features.

    `pretrained` starts the first `frozen` convolutional blocks (0 to 5) from ImageNet's weights, a
    file of 233 MB that is downloaded where it is not there, and keeps them so; the preprocessing
    `imagenet` goes with them. All that is trained is He's normal, and LeCun's for the output.
    Otherwise nothing is frozen.

    Raises `InputError` for images smaller than 63 x 63 or not in colour, options out of range, and
    if the weights can be neither found nor downloaded.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        pretrained: bool = False,
        frozen: int = 4,
    ) -> None:
        super().__init__()
        require_image("alexnet", input_shape, MINIMUM_SIZE)
        if input_shape[0] != 3:
            raise InputError(
                f"net 'alexnet' is for three channels, but images here have {input_shape[0]}: use "
                "'lenet'."
            )
        if not isinstance(pretrained, bool):
            raise InputError(f"pretrained is {pretrained!r}, but it must be True or False.")
        if isinstance(frozen, bool) or frozen not in range(6):
            raise InputError(f"frozen is {frozen!r}, but it must be a number of blocks, 0 to 5.")
        with torch.device("meta"):  # its own initial weights would take a second, for nothing
            body = alexnet()
        body.to_empty(device="cpu")
        self.body = nn.Sequential(body.features, body.avgpool, nn.Flatten(), *body.classifier[:-1])
        self.head = nn.Linear(4096, num_classes)
        initialise(self, body=he, output=lecun)
        if pretrained:
            self._freeze(BLOCK_ENDS[frozen])

    def _freeze(self, end: int) -> None:
        """The first `end` layers get ImageNet's weights, for good."""
        kept = self.body[0][:end]
        known = _imagenet_weights()
        kept.load_state_dict({name: known[f"features.{name}"] for name in kept.state_dict()})
        kept.requires_grad_(False)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)


def _imagenet_weights() -> dict[str, Tensor]:
    return imagenet_weights(WEIGHTS, "alexnet")
