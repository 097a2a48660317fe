"""A convolutional network that learns `shapes` on a CPU, and wrong labels by heart."""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import initialise, lecun

MINIMUM_SIZE = 8
WIDTHS = (16, 32, 64)
HIDDEN = 128


class SmallCNN(Net):
    """Three times conv 3x3, max-pool, batch norm, ReLU (16, 32, 64 channels); 128 units; K.

    No paper's. Made for `shapes`, where without noise it has 99.6% after ten epochs and a LeNet
    stays at 88%: the first convolution keeps every pixel, since only the outline tells a shape from
    its look-alike. The dense layer can learn by heart: with global average pooling in its place
    little is memorised, and noisy labels do little harm. Pooling comes before the norm, which so
    costs a quarter. 156,442 parameters for colour images of 32x32 and 10 classes.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 8.
    num_classes : K, at least 2.

    Raises `InputError` for vectors and smaller images.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        require_image("small-cnn", input_shape, MINIMUM_SIZE)
        channels, height, width = input_shape
        first, second, third = WIDTHS
        self.body = nn.Sequential(
            *_convolution(channels, first),
            *_convolution(first, second),
            *_convolution(second, third),
            nn.Flatten(),
            nn.Linear(third * (height // 8) * (width // 8), HIDDEN),
            nn.LayerNorm(HIDDEN),  # not over the batch, which may be one sample
            nn.ReLU(),
        )
        self.head = nn.Linear(HIDDEN, num_classes)
        initialise(self, output=lecun)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)


def _convolution(fan_in: int, fan_out: int) -> tuple[nn.Module, ...]:
    # The norm's shift is the bias.
    layer = nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False)
    return layer, nn.MaxPool2d(2), nn.BatchNorm2d(fan_out), nn.ReLU()
