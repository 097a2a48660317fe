"""A convolutional network that learns `shapes` on a CPU, noisy labels or not."""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import initialise, lecun

MINIMUM_SIZE = 8
WIDTHS = (16, 32, 64)


class SmallCNN(Net):
    """Three times conv 3x3 and batch norm (16, 32, 64 channels), global average pooling, K.

    No paper's: made for `shapes`, where a LeNet stays at 88% without noise, and few seconds an
    epoch. Max-pooling halves the sides after the first two convolutions, before the norm, which
    then costs a quarter. Two things are there for the noise: the first convolution sees every
    pixel, since only the outline tells a shape from its look-alike, and the average over all
    places is blind to where a shape lies, so that one image is hard to learn by heart. 24,346
    parameters for colour images and 10 classes.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 8.
    num_classes : K, at least 2.

    Raises `InputError` for vectors and smaller images.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        require_image("small-cnn", input_shape, MINIMUM_SIZE)
        first, second, third = WIDTHS
        self.body = nn.Sequential(
            *_convolution(input_shape[0], first, nn.MaxPool2d(2)),
            *_convolution(first, second, nn.MaxPool2d(2)),
            *_convolution(second, third),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(third, num_classes)
        initialise(self, output=lecun)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)


def _convolution(fan_in: int, fan_out: int, *pool: nn.Module) -> list[nn.Module]:
    # The norm's shift is the bias.
    layers = nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False), *pool
    return [*layers, nn.BatchNorm2d(fan_out), nn.ReLU()]
