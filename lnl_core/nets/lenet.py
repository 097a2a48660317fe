"""The LeNet that came with Caffe and MatConvNet."""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core.errors import unknown_name
from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import Init, he, initialise, lecun, normal

# Two 5x5 convolutions without padding, each followed by halving, leave one pixel of sixteen.
MINIMUM_SIZE = 16

# By the option `init`: the body's layers, and the output layer.
INITS: dict[str, tuple[Init, Init]] = {
    "fan-in": (he, lecun),
    "matconvnet": (normal(0.01), normal(0.01)),
}


class LeNet(Net):
    """conv 5x5, 20 → max-pool → conv 5x5, 50 → max-pool → 500 → ReLU → K.

    The MNIST example of MatConvNet (`cnn_mnist_init.m`), which NNAQC (Jindal et al. 2019,
    section 4.1) uses as it comes, and of Caffe (`lenet_train_test.prototxt`). As there, the
    only ReLU follows the 500 units: between the convolutions max-pooling is all that is not
    linear. 431,080 parameters for 28x28 grey images and 10 classes.

    Parameters
    ----------
    input_shape : (C, H, W), grey or colour, H and W at least 16.
    num_classes : K, at least 2.
    init : "fan-in", He normal and for the output layer LeCun normal; or "matconvnet", all from
        N(0, 0.01²), which starts slowly unless pixels are left between -255 and 255, as there.

    Raises `InputError` for vectors, smaller images and an unknown `init`.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, *, init: str = "fan-in"
    ) -> None:
        super().__init__()
        if init not in INITS:
            raise unknown_name("init", init, INITS)
        require_image("lenet", input_shape, MINIMUM_SIZE)
        channels, height, width = input_shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, 20, 5),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(50 * _side_after_body(height) * _side_after_body(width), 500),
            nn.ReLU(),
        )
        self.head = nn.Linear(500, num_classes)
        body, output = INITS[init]
        initialise(self, body=body, output=output)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)


def _side_after_body(side: int) -> int:
    for _ in range(2):
        side = (side - 4) // 2  # 5x5 without padding, then 2x2 max-pooling
    return side
