"""Kim et al. 2024, LNL-flywheel: how the networks were trained (Sections 4.1 and 4.2).

No code of the authors is public, so `text` is the only protocol. What the text leaves open:

- Pixels: channels standardised on CIFAR; ImageNet's means and deviations elsewhere.
- "Standard random crops and flips": padded by four pixels on CIFAR and Tiny-ImageNet, a window of
  224 x 224 of 256 x 256 on photographs (227 of 256 in DivideMix's WebVision).
- Which net trains on Tiny-ImageNet: CIFAR's.
- "0.5 per 25 epochs after 100 epochs": halved after epochs 100, 125, 150 and 175; on WebVision
  after 50 and 75.
- The warm-up on Clothing1M and WebVision: 1 epoch, as in DivideMix and UNICON's Clothing1M.
- What else learns at another rate: nothing. Whether anything is held out: nothing is, but
  Clothing1M and WebVision have validation images of their own.

Tables 1 to 5 copy all rows but the flywheel's from papers with settings of their own. Those that
are built here are trained as their papers or their authors' code say, where these say it: see
`rival`. Two exceptions: ELR's net is this paper's and not ResNet-34, because the
printed row is most likely ELR+'s, which had it; `co-teaching-plus`, `mixup`, cross-entropy and
`forward-estimated` have this paper's training, because the rows were copied twice and who ran
them how is not known. So have `mentornet`, whose schedule is not known to us, and `cal`,
`kmeidtm` and `iterative-cv` this paper's net: theirs were ResNet-101, ResNet-34 twice, and
ResNet-32.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lnl_core.config import TrainConfig
from lnl_core.noise import Noise

_CIFAR = TrainConfig(
    epochs=300, batch_size=128, optimizer="sgd", lr=0.02, momentum=0.9, weight_decay=5e-4,
    schedule="cosine", preprocess="standardise", augmentation="crop-flip",
)  # fmt: skip
_TINY = replace(
    _CIFAR, epochs=200, batch_size=32, lr=0.01, schedule="step", lr_drops=(100, 125, 150, 175),
    lr_gamma=0.5, preprocess="imagenet", train_eval=2000,
)  # fmt: skip
_CLOTHING = TrainConfig(
    epochs=80, batch_size=32, optimizer="sgd", lr=1e-3, momentum=0.9, weight_decay=1e-3,
    schedule="step", lr_drops=(40,), preprocess="imagenet", augmentation="window-flip",
    train_eval=2000, epoch_length="balanced",
)  # fmt: skip
_WEBVISION = TrainConfig(
    epochs=100, batch_size=32, optimizer="sgd", lr=0.02, momentum=0.9, weight_decay=5e-4,
    schedule="step", lr_drops=(50, 75), lr_gamma=0.5, preprocess="imagenet",
    augmentation="window-flip", train_eval=2000,
)  # fmt: skip

FLYWHEELS = (
    "flywheel", "flywheel-no-cr", "flywheel-no-aux", "flywheel-fixed-epsilon", "flywheel-no-cl",
)  # fmt: skip
#: Those whose first epochs are a warm-up.
WARMED_UP = (*FLYWHEELS, "dividemix", "unicon")

# What the rivals' authors' code does on CIFAR.
_DIVIDEMIX = replace(_CIFAR, batch_size=64, schedule="step", lr_drops=(150,))
_UNICON = replace(_CIFAR, batch_size=64, epochs=350, lr_period=280, lr_min=2e-4)
_ELR = replace(_CIFAR, weight_decay=1e-3, epochs=150)
_ELR_SYMMETRIC = replace(_ELR, schedule="cosine-restarts", lr_period=10, lr_min=1e-3)
_ELR_ASYMMETRIC = replace(_ELR, epochs=120, schedule="step", lr_drops=(40, 80), lr_gamma=0.01)
_ELR_HUNDRED = replace(_ELR, schedule="step", lr_drops=(80, 120), lr_gamma=0.01)
_ELR_PLUS = replace(_CIFAR, epochs=200, schedule="step", lr_drops=(150,))
_M_CORRECTION = replace(
    _CIFAR, lr=0.1, weight_decay=1e-4, schedule="step", lr_drops=(100, 250)
)  # fmt: skip
_NCT = replace(
    _CIFAR, lr=0.1, epochs=200, schedule="step", lr_drops=(60, 120, 160), lr_gamma=0.2
)  # fmt: skip
_CAL = replace(_CIFAR, lr=0.1, epochs=100, schedule="step", lr_drops=(60,))
_PEER = replace(
    _CIFAR, lr=0.1, weight_decay=1e-4, schedule="step", lr_drops=(40, 80, 120, 160, 200, 240, 280)
)
_CORES = replace(
    _CIFAR, epochs=100, batch_size=64, lr=0.1, momentum=0.0, schedule="step", lr_drops=(50,)
)
_SFT = replace(_CIFAR, epochs=100, batch_size=32, schedule="step", lr_drops=(60,))
_KMEIDTM = replace(
    _CIFAR, epochs=60, lr=0.01, weight_decay=1e-3, schedule="step", lr_drops=(40, 55)
)  # fmt: skip
_PENCIL = replace(_CIFAR, epochs=70, lr=0.06, weight_decay=1e-4, schedule="constant")
_PENCIL_STAGES = {
    "backbone": _PENCIL,
    "labels": replace(_PENCIL, epochs=130),
    "fine-tune": replace(_PENCIL, epochs=120, lr=0.2, schedule="step", lr_drops=(40, 80)),
}
_MOIT = replace(
    _CIFAR, lr=0.1, weight_decay=1e-4, epochs=250, schedule="step", lr_drops=(125, 200)
)  # fmt: skip
_MOIT_STAGES = {"fine-tune": replace(_MOIT, epochs=70, lr=0.001, schedule="constant", lr_drops=())}
_NGC = replace(_CIFAR, batch_size=512, lr=0.15, lr_min=2e-4)
_NGC_WEBVISION = replace(
    _WEBVISION, batch_size=256, lr=0.2, weight_decay=1e-4, epochs=80, schedule="cosine",
    lr_drops=(), lr_min=2e-4,
)  # fmt: skip
# Without the half after epoch 180, and 1/8 of the rate in a half's last ten epochs, not 1/10.
_INCV = replace(
    _CIFAR, optimizer="adam", lr=1e-3, weight_decay=1e-4, epochs=200, schedule="step",
    lr_drops=(80, 120, 160),
)  # fmt: skip
_INCV_STAGES = {
    f"fold-{turn}{half}": replace(_INCV, epochs=50, lr_drops=(20, 30, 40), lr_gamma=0.5)
    for turn in range(1, 5)
    for half in "ab"
}
_T_REVISION = replace(
    _CIFAR, epochs=200, lr=0.01, weight_decay=1e-4, schedule="step", lr_drops=(40, 80)
)
_T_REVISION_STAGES = {
    "estimate": replace(_T_REVISION, epochs=20, momentum=0.0, schedule="constant", lr_drops=()),
    "reweight": _T_REVISION,
    "revise": replace(_T_REVISION, optimizer="adam", schedule="constant", lr_drops=()),
}
#: What on CIFAR is otherwise than a method's own default, whatever the noise.
_CIFAR_OPTIONS = {"peer-loss": {"alpha": 5.0}, "l-dmi": {"rate": 5e-5}}


def options_of(method: str, noise: Noise, classes: int = 10) -> dict[str, Any]:
    """The options of a method that go by the noise; {} for one that has a single setting.

    DivideMix (its Appendix A and code): the weight of the unlabelled loss; at 90% a stricter
    threshold on losses averaged over five epochs; for asymmetric noise the penalty on confidence
    in the warm-up, which UNICON's code has as well; 30 epochs of warm-up on a hundred classes, as
    InstanceGM has them.
    ELR and ELR+ (their code): β and λ, where not their own defaults. MentorNet (its authors'
    commands): at 80% the median of the losses. SFT (its code): the penalty in the warm-up
    where noise is not symmetric, and 30 epochs of it on a hundred classes. Co-teaching+ is told
    the rate where no matrix says all of the noise. Sel-CL (its authors' commands): on a hundred
    classes, a smaller memory and other quantiles, which go by the noise. Forward correction's T̂
    comes from the largest posterior where there are many classes (Patrini et al., CIFAR-100), and
    so does T-Revision's (its code). INCV is told that noise is asymmetric (its code). NGC (its
    authors' configurations): neighbours, warm-up and the threshold, where not its own defaults.
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


def _cifar(classes: int):
    def by_noise(method: str, noise: Noise) -> dict[str, Any]:
        asymmetric = noise.name.endswith("asymmetric")
        elr = _ELR_HUNDRED if classes > 10 else _ELR_ASYMMETRIC if asymmetric else _ELR_SYMMETRIC
        trainings = {
            "dividemix": _DIVIDEMIX, "unicon": _UNICON, "elr": elr, "elr-plus": _ELR_PLUS,
            "m-correction": _M_CORRECTION, "nct": _NCT, "cal": _CAL, "peer-loss": _PEER,
            "cores2": _CORES, "sft": _SFT, "pencil": _PENCIL, "t-revision": _T_REVISION,
            "moit": _MOIT, "sel-cl-plus": _MOIT,
            "kmeidtm": _KMEIDTM, "instancegm": _DIVIDEMIX, "ngc": _NGC, "iterative-cv": _INCV,
        }  # fmt: skip
        own = {"train": trainings[method]} if method in trainings else {}
        stages = {
            "pencil": _PENCIL_STAGES, "moit": _MOIT_STAGES, "sel-cl-plus": _MOIT_STAGES,
            "t-revision": _T_REVISION_STAGES, "iterative-cv": _INCV_STAGES,
        }  # fmt: skip
        own |= {"stages": dict(stages[method])} if method in stages else {}
        options = _CIFAR_OPTIONS.get(method, {}) | options_of(method, noise, classes)
        return own | {"options": options}

    return by_noise


def _webvision(method: str, noise: Noise) -> dict[str, Any]:
    return {"train": _NGC_WEBVISION} if method == "ngc" else {}


#: As in `patrini2017.SETTINGS`; `by_noise` maps a method and its noise to what is otherwise.
SETTINGS: dict[str, dict[str, dict]] = {
    **{
        data: {
            "text": {
                "net": "preact-resnet18",
                "train": _CIFAR,
                "val_fraction": 0.0,
                "by_noise": _cifar(classes),
            }
        }
        for data, classes in (("cifar10", 10), ("cifar100", 100))
    },
    "tiny-imagenet": {
        "text": {
            "net": "preact-resnet18",
            "train": _TINY,
            "val_fraction": 0.0,
            "options": {"forward-estimated": {"percentile": None}},
        },
    },
    "clothing1m": {
        "text": {
            "net": "resnet50",
            "net_options": {"pretrained": True},
            "train": _CLOTHING,
            "options": {name: {"warm_up": 1} for name in WARMED_UP},
        },
    },
    "webvision50": {
        "text": {
            "net": "inception-resnet-v2",
            "train": _WEBVISION,
            "val_fraction": 0.0,
            "by_noise": _webvision,
            # The number that is copied as MOIT's is MOIT+'s.
            "options": {name: {"warm_up": 1} for name in WARMED_UP}
            | {
                "moit": {"plus": True},
                "ngc": {"k": 100, "high": 0.8, "alpha": 0.5, "warm_up": 15},
            },
        },
    },
}
