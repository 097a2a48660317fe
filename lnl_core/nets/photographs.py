"""torchvision's ResNets for photographs, with ImageNet's weights or without (He et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from lnl_core.errors import InputError
from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import he, initialise, uniform

# Five halvings leave one pixel of 32; smaller images would only feed padding through it.
MINIMUM_SIZE = 32


class PhotographResNet(Net):
    """A ResNet of torchvision's with an output layer of its own. [B, C, H, W] → [B, K].

    `build()` makes torchvision's net, `weights()` its state dict on ImageNet. `pretrained` starts
    from that one, which wants three channels and the preprocessing `imagenet`. Otherwise the body
    is He's normal. The output layer is uniform in [-0.05, 0.05] in both (Patrini et al., Section
    5.1).

    Raises `InputError` for images smaller than 32 x 32, for `pretrained` that is not True or
    False or images that are not in colour, and if the weights can be neither found nor downloaded.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], nn.Module],
        weights: Callable[[], dict[str, Tensor]],
        input_shape: tuple[int, ...],
        num_classes: int,
        pretrained: bool,
    ) -> None:
        super().__init__()
        require_image(name, input_shape, MINIMUM_SIZE)
        if not isinstance(pretrained, bool):
            raise InputError(f"pretrained is {pretrained!r}, but it must be True or False.")
        channels = input_shape[0]
        if pretrained and channels != 3:
            raise InputError(
                f"ImageNet's weights are for three channels, but images here have {channels}: use "
                "pretrained=False."
            )
        body = build()
        if channels != 3:
            body.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        width = body.fc.in_features
        if pretrained:
            body.load_state_dict(weights())
        body.fc = nn.Identity()
        self.body = body
        self.head = nn.Linear(width, num_classes)
        if pretrained:
            uniform(self.head)
        else:
            initialise(self, body=he, output=uniform)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)
