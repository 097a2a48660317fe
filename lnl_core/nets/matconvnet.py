"""The CIFAR nets of Jindal et al. 2019 (NNAQC): MatConvNet's example, and LC-CNN.

The paper's MNIST net, MatConvNet's too, is `LeNet`.
"""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core.errors import unknown_name
from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import Init, he, initialise, lecun, normal

MINIMUM_SIZE = 16


class MatConvNetCifar(Net):
    """Three times conv 5x5 and pooling (32, 32, 64), conv 4x4 of 64 → ReLU → K.

    MatConvNet's `cnn_cifar_init.m` (model `lenet`, after Caffe's `cifar10_quick`), which NNAQC
    (Jindal et al. 2019, Section 4.1) takes as "default": conv 32 → max-pool → ReLU, conv 32 →
    ReLU → average-pool, conv 64 → ReLU → average-pool, then what is left, 4x4 of 32x32, into 64
    units. Pools are 3x3 with stride 2, the last one of a row hanging over the edge where the side
    is even, so that sides are halved. 145,578 parameters for colour images of 32x32 and 10
    classes. Written from what is publicly known of the example; the paper names no version.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 16.
    num_classes : K, at least 2.
    init : "matconvnet", N(0, 0.01²) in the first layer and N(0, 0.05²) in the others, meant for
        whitened pixels in the order of ±50; or "fan-in", He normal and LeCun normal for the output.

    Raises `InputError` for vectors, smaller images and an unknown `init`.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, *, init: str = "matconvnet"
    ) -> None:
        super().__init__()
        require_image("matconvnet-cifar", input_shape, MINIMUM_SIZE)
        channels, height, width = input_shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 5, padding=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.ReLU(),
            nn.Conv2d(32, 32, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(64 * (height // 8) * (width // 8), 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, num_classes)
        inits: dict[str, tuple[Init, Init]] = {
            "matconvnet": (normal(0.05), normal(0.05)),
            "fan-in": (he, lecun),
        }
        if init not in inits:
            raise unknown_name("init", init, inits)
        body, output = inits[init]
        initialise(self, body=body, output=output)
        if init == "matconvnet":
            normal(0.01)(self.body[0])

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)


class LCCNN(Net):
    """LC-CNN, "low capacity": twice conv 5x5 → ReLU → max-pool, two dense layers, K.

    Jindal et al. 2019, Section 4.2, CIFAR-100: "two conv+ReLU+max pool layers, two FC layers and
    a softmax layer", the last of which, as in their words for AlexNet, is the output layer. They
    print no sizes: 32 and 64 channels, 512 units twice, pools of 2x2 and He's initial weights
    (LeCun's for the output) are ours.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 8.
    num_classes : K, at least 2.

    Raises `InputError` for vectors and smaller images.
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        require_image("lc-cnn", input_shape, 8)
        channels, height, width = input_shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * (height // 4) * (width // 4), 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
        )
        self.head = nn.Linear(512, num_classes)
        initialise(self, output=lecun)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)
