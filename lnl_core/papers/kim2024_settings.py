"""Kim et al. 2024, LNL-flywheel: how the networks were trained (Sections 4.1 and 4.2).

No code of the authors is public, so `text` is the only protocol. What the text leaves open:

- Pixels: channels standardised on CIFAR; ImageNet's means and deviations elsewhere.
- "Standard random crops and flips": padded by four pixels on CIFAR and Tiny-ImageNet, a window of
  224 x 224 of 256 x 256 on photographs (227 of 256 in DivideMix's WebVision).
- Which net trains on Tiny-ImageNet: CIFAR's.
- "0.5 per 25 epochs after 100 epochs": halved after epochs 100, 125, 150 and 175; on WebVision
  after 50 and 75.
- The warm-up on Clothing1M and WebVision: 1 epoch, as in DivideMix.
- What else learns at another rate: nothing. Whether anything is held out: nothing is, but
  Clothing1M and WebVision have validation images of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lnl_core.noise import Noise
from lnl_core.papers.kim2024_training import (
    CIFAR,
    CIFAR_STAGES,
    CLOTHING,
    LARGE,
    TINY,
    WEBVISION,
    cifar_training,
)

FLYWHEELS = (
    "flywheel", "flywheel-no-cr", "flywheel-no-aux", "flywheel-fixed-epsilon", "flywheel-no-cl",
)  # fmt: skip
#: DivideMix and UNICON on photographs: no unlabelled loss.
_PHOTOGRAPHS = {"weight_u": 0.0, "alpha": 0.5}

#: What on CIFAR is otherwise than a method's own default, whatever the noise. L_DMI's 1e-6 is a
#: hundred thousandth of the rate before.
_CIFAR_OPTIONS = {"peer-loss": {"alpha": 5.0}, "l-dmi": {"rate": 1e-5}}


def options_of(method: str, noise: Noise, classes: int = 10) -> dict[str, Any]:
    """The options of a method that go by the noise; {} for one that has a single setting.

    DivideMix (its Appendix A and code): the weight of the unlabelled loss; at 90% a stricter
    threshold on losses averaged over five epochs; for asymmetric noise the penalty on confidence
    in the warm-up, which UNICON's code has as well; 30 epochs of warm-up on a hundred classes, as
    InstanceGM has them.
    ELR and ELR+ (their code): β and λ, where not their own defaults. JoCoR (its authors' notes): λ
    likewise. MentorNet (its authors' commands): at 80% the median of the losses. SFT (its code):
    the penalty in the warm-up where noise is not symmetric, and 30 epochs of it on a hundred
    classes. Co-teaching+ is told the rate where no matrix says all of the noise. Sel-CL (its
    authors' commands): on a hundred classes, a smaller memory and other quantiles, which go by the
    noise. Forward correction's T̂ comes from the largest posterior where there are many classes
    (Patrini et al., CIFAR-100), and so does T-Revision's (its code). INCV is told that noise is
    asymmetric (its code). NGC (its authors' configurations): neighbours, warm-up and the threshold,
    where not its own defaults.
    """
    rate, asymmetric = noise.rate or 0.0, noise.name.endswith("asymmetric")
    options: dict[str, Any] = {}
    if method in ("dividemix", "unicon"):
        options |= {"confidence_penalty": True} if asymmetric else {}
        options |= {"warm_up": 30} if classes > 10 else {}
    if method == "dividemix":
        few, middle, most = (0.0, 25.0, 50.0) if classes <= 10 else (25.0, 150.0, 150.0)
        low = asymmetric or rate < 0.35
        options["weight_u"] = few if low else middle if rate < 0.85 else most
        options |= {"threshold": 0.6, "average_losses": 5} if rate >= 0.85 else {}
    if method == "instancegm" and classes > 10:
        options["warm_up"] = 30
    if method in ("elr", "elr-plus") and (asymmetric or classes > 10):
        options |= {"beta": 0.9, "weight": 7.0 if classes > 10 else 1.0}
    if method == "jocor" and (classes > 10 or rate >= 0.65):
        options["agreement"] = 0.85 if classes > 10 else 0.65
    if method == "sft":
        options |= {"warm_up": 30} if classes > 10 else {}
        given = asymmetric or noise.name.startswith("part-dependent")
        options |= {"warm_up_penalty": True} if given else {}
    if method == "mentornet" and rate >= 0.65:
        options["percentile"] = 0.5
    if method == "co-teaching-plus" and noise.name.startswith("part-dependent"):
        options["forget_rate"] = rate
    if method == "sel-cl-plus" and classes > 10:
        quantile, pair_quantile = (0.25, 0.0) if asymmetric else (0.75, 0.35)
        options |= {"memory": 100, "quantile": quantile, "pair_quantile": pair_quantile}
    if method == "iterative-cv" and asymmetric:
        options["asymmetric"] = True
    if method == "ngc" and (asymmetric or classes > 10):
        options |= {"warm_up": 30} | ({"k": 200, "high": 0.6} if classes > 10 else {"k": 10})
    if method in ("forward-estimated", "t-revision") and classes > 10:
        options["percentile"] = None
    return options


def _cifar(classes: int) -> Callable[[str, Noise], dict[str, Any]]:
    def by_noise(method: str, noise: Noise) -> dict[str, Any]:
        own = {"train": cifar_training(method, classes, noise.name.endswith("asymmetric"))}
        if method in CIFAR_STAGES:
            own["stages"] = dict(CIFAR_STAGES[method])
        options = _CIFAR_OPTIONS.get(method, {}) | options_of(method, noise, classes)
        return own | {"options": options}

    return by_noise


def _large(data: str) -> Callable[[str, Noise], dict[str, Any]]:
    return lambda method, noise: dict(LARGE[data].get(method, {}))


#: As in `patrini2017.SETTINGS`; `by_noise` maps a method and its noise to what is otherwise.
SETTINGS: dict[str, dict[str, dict]] = {
    **{
        data: {
            "text": {
                "net": "preact-resnet18",
                "train": CIFAR,
                "val_fraction": 0.0,
                "by_noise": _cifar(classes),
            }
        }
        for data, classes in (("cifar10", 10), ("cifar100", 100))
    },
    "tiny-imagenet": {
        "text": {
            "net": "preact-resnet18",
            "train": TINY,
            "val_fraction": 0.0,
            "by_noise": _large("tiny-imagenet"),
            "options": {
                "forward-estimated": {"percentile": None},
                "unicon": {"weight_u": 50.0, "alpha": 0.5, "warm_up": 15},
            },
        },
    },
    "clothing1m": {
        "text": {
            "net": "resnet50",
            "net_options": {"pretrained": True},
            "train": CLOTHING,
            "by_noise": _large("clothing1m"),
            "options": {name: {"warm_up": 1} for name in FLYWHEELS}
            | {
                "dividemix": {"warm_up": 1, "confidence_penalty": True} | _PHOTOGRAPHS,
                "unicon": {"warm_up": 0, "confidence_penalty": True} | _PHOTOGRAPHS,
            },
        },
    },
    "webvision50": {
        "text": {
            "net": "inception-resnet-v2",
            "train": WEBVISION,
            "val_fraction": 0.0,
            "by_noise": _large("webvision50"),
            # The number that is copied as MOIT's is MOIT+'s.
            "options": {name: {"warm_up": 1} for name in FLYWHEELS}
            | {
                "dividemix": {"warm_up": 1} | _PHOTOGRAPHS,
                "unicon": {"warm_up": 2} | _PHOTOGRAPHS,
                "moit": {"plus": True},
                "ngc": {"k": 100, "high": 0.8, "alpha": 0.5, "warm_up": 15},
            },
        },
    },
}
