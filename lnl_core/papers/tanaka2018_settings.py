"""Tanaka et al. 2018: how the networks were trained (Section 5.2, Table 5).

`code` is the authors' public code, which has the two steps on CIFAR-10 with symmetric and
asymmetric noise; `text` the paper as printed. They agree but for two things: the code changes exact
counts of labels, and divides by ten also where fewer epochs are behind it (`Relabel`). Taken from
the code where the text is silent: outputs come from the training pass itself, validation labels
are clean, pixels are scaled to [0, 1], the net's initialisation.

Where `code` here still departs from the code: the counts are exact on the 50,000, of which a
random tenth is then held out, and not on the 45,000 that are kept, 4,500 of each class; padding is
black and not the mean image; a pass ends with a smaller batch, where Chainer's goes on into the
next pass; momentum carries the gradient and not the step over a drop of the rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lnl_core.config import TrainConfig
from lnl_core.noise import Noise

_STEP_TWO = TrainConfig(
    epochs=120, batch_size=128, optimizer="sgd", lr=0.2, momentum=0.9, weight_decay=1e-4,
    schedule="step", lr_drops=(40, 80), preprocess="pixel-mean", augmentation="crop-flip",
)  # fmt: skip
_STEP_ONE = replace(_STEP_TWO, epochs=200, schedule="constant", lr_drops=())
_CLOTHING_TWO = TrainConfig(
    epochs=10, batch_size=32, optimizer="sgd", lr=5e-4, momentum=0.9, weight_decay=1e-3,
    schedule="step", lr_drops=(5,), preprocess="imagenet", train_eval=2000,
)  # fmt: skip
_CLOTHING_ONE = replace(_CLOTHING_TWO, lr=8e-4, schedule="constant", lr_drops=())

_JOINT = ("joint", "joint-hard")
#: α, β and step 1's learning rate: by noise rate for symmetric noise (Table 5), asymmetric (Section
#: 5.6), pseudo-labels (Section 5.7).
SYMMETRIC: dict[float, tuple[float, float, float]] = {
    0.0: (1.2, 0.8, 0.01),
    0.1: (1.2, 0.8, 0.02),
    0.3: (1.2, 0.8, 0.03),
    0.5: (1.2, 0.8, 0.04),
    0.7: (1.2, 0.8, 0.08),
    0.9: (0.8, 0.4, 0.12),
}
ASYMMETRIC = (0.8, 0.4, 0.03)
PSEUDO_LABEL = (1.2, 0.8, 0.04)


def step_one(noise: Noise) -> tuple[float, float, float]:
    """(α, β, learning rate) for this noise. A rate that Table 5 leaves out takes the nearest's; so
    does noise that the paper does not have, and one without a rate takes rate 0's."""
    if noise.name.endswith("asymmetric"):
        return ASYMMETRIC
    if noise.name.startswith("pseudo-label"):
        return PSEUDO_LABEL
    return SYMMETRIC[min(SYMMETRIC, key=lambda rate: abs(rate - (noise.rate or 0)))]


def _by_noise(method: str, noise: Noise) -> dict[str, Any]:
    if method not in _JOINT:
        return {}
    alpha, beta, lr = step_one(noise)
    return {
        "options": {"alpha": alpha, "beta": beta},
        "stages": {"relabel": replace(_STEP_ONE, lr=lr)},
    }


def _clothing(method: str, noise: Noise) -> dict[str, Any]:
    if method not in _JOINT:
        return {}
    return {
        "options": {"alpha": 2.4, "beta": 0.8, "start_epoch": 1, "memory": None, "prior": "labels"},
        "stages": {"relabel": _CLOTHING_ONE},
    }


#: As in `patrini2017.SETTINGS`; `by_noise` maps a method and its noise to options and stages.
#: Whatever does not relabel is trained as step 2 is (Sections 5.5 to 5.8).
SETTINGS: dict[str, dict[str, dict]] = {
    "cifar10": {
        "code": {
            "net": "preact-resnet32",
            "train": _STEP_TWO,
            "options": {method: {"zero_filled": True} for method in _JOINT},
            "by_noise": _by_noise,
        },
        "text": {"net": "preact-resnet32", "train": _STEP_TWO, "by_noise": _by_noise},
    },
    # The text subtracts the mean; torchvision's weights want the deviation as well.
    "clothing1m": {
        "text": {
            "net": "resnet50",
            "net_options": {"pretrained": True},
            "train": _CLOTHING_TWO,
            "by_noise": _clothing,
        },
    },
}
