"""Kim et al. 2024, LNL-flywheel: how its networks and those of its rivals were trained.

Tables 1 to 5 copy all rows but the flywheel's from papers with settings of their own. On CIFAR a
rival is trained as its paper or its authors' code says, so far as `TrainConfig` can say it. This
paper's training have

- `mixup`, cross-entropy, `forward-estimated` and `co-teaching-plus`: the rows were copied twice,
  and who ran them how is not known. Forward's T̂ is read off a network of a tenth of the epochs,
  for nothing is held out that could tell when wrong labels begin to be learned by heart;
- `jocor` and `co-teaching`, whose authors have Adam at 1e-3, which falls linearly after 80 of 200
  epochs while its first β drops to 0.1.

Every net is this paper's, PreAct ResNet-18, where ELR+ (whose number is most likely what is printed
as ELR's), CORES², L_DMI, CAL, JNPL and kMEIDTM had ResNet-34, SFT and T-Revision a plain
ResNet-18, MentorNet ResNet-101 by its code's name, PENCIL and INCV 32 layers, JoCoR a small CNN.

On the large sets DivideMix, UNICON and NGC have the options of their authors' scripts, and their
training as far as it is known: not UNICON's Clothing1M (200 epochs of two passes each, a cosine
from 0.005) nor the length of its Tiny-ImageNet (500 epochs at 0.01), nor the epochs of plain
training that its WebVision has in between. All other rows there are trained as the flywheel.
"""

from __future__ import annotations

from dataclasses import replace

from lnl_core.config import TrainConfig

# Section 4.2.
CIFAR = TrainConfig(
    epochs=300, batch_size=128, optimizer="sgd", lr=0.02, momentum=0.9, weight_decay=5e-4,
    schedule="cosine", preprocess="standardise", augmentation="crop-flip",
)  # fmt: skip
TINY = replace(
    CIFAR, epochs=200, batch_size=32, lr=0.01, schedule="step", lr_drops=(100, 125, 150, 175),
    lr_gamma=0.5, preprocess="imagenet", train_eval=2000,
)  # fmt: skip
CLOTHING = TrainConfig(
    epochs=80, batch_size=32, optimizer="sgd", lr=1e-3, momentum=0.9, weight_decay=1e-3,
    schedule="step", lr_drops=(40,), preprocess="imagenet", augmentation="window-flip",
    train_eval=2000, epoch_length="balanced",
)  # fmt: skip
WEBVISION = TrainConfig(
    epochs=100, batch_size=32, optimizer="sgd", lr=0.02, momentum=0.9, weight_decay=5e-4,
    schedule="step", lr_drops=(50, 75), lr_gamma=0.5, preprocess="imagenet",
    augmentation="window-flip", train_eval=2000,
)  # fmt: skip


def early(train: TrainConfig) -> TrainConfig:
    """A tenth of the epochs at a constant rate: what T̂ is read off."""
    return replace(train, epochs=max(1, train.epochs // 10), schedule="constant", lr_drops=())


# What the rivals' authors' code does on the large sets.
_DIVIDEMIX_CLOTHING = replace(CLOTHING, lr=2e-3)
_DIVIDEMIX_WEBVISION = replace(WEBVISION, lr=0.01, epochs=80, lr_drops=(40,), lr_gamma=0.1)
_UNICON_WEBVISION = replace(
    WEBVISION, lr=0.01, weight_decay=1e-4, epochs=120, lr_drops=(60,), lr_gamma=0.1
)
_UNICON_TINY = replace(TINY, batch_size=64)
_NGC_WEBVISION = replace(
    WEBVISION, batch_size=256, lr=0.2, weight_decay=1e-4, epochs=80, schedule="cosine",
    lr_drops=(), lr_min=2e-4,
)  # fmt: skip
#: Data → method → what is otherwise than for the flywheel.
LARGE = {
    "tiny-imagenet": {
        "unicon": {"train": _UNICON_TINY},
        "forward-estimated": {"stages": {"estimate": early(TINY)}},
    },
    "clothing1m": {"dividemix": {"train": _DIVIDEMIX_CLOTHING}},
    "webvision50": {
        "dividemix": {"train": _DIVIDEMIX_WEBVISION},
        "unicon": {"train": _UNICON_WEBVISION},
        "ngc": {"train": _NGC_WEBVISION},
    },
}

# What it does on CIFAR.
_DIVIDEMIX = replace(CIFAR, batch_size=64, schedule="step", lr_drops=(150,))
_UNICON = replace(CIFAR, batch_size=64, epochs=350, lr_period=280, lr_min=2e-4)
_ELR = replace(CIFAR, weight_decay=1e-3, epochs=150)
_ELR_SYMMETRIC = replace(_ELR, schedule="cosine-restarts", lr_period=10, lr_min=1e-3)
_ELR_ASYMMETRIC = replace(_ELR, epochs=120, schedule="step", lr_drops=(40, 80), lr_gamma=0.01)
_ELR_HUNDRED = replace(_ELR, schedule="step", lr_drops=(80, 120), lr_gamma=0.01)
_ELR_PLUS = replace(CIFAR, epochs=200, schedule="step", lr_drops=(150,))
_ELR_PLUS_HUNDRED = replace(_ELR_PLUS, epochs=250, lr_drops=(200,))
_M_CORRECTION = replace(
    CIFAR, lr=0.1, weight_decay=1e-4, schedule="step", lr_drops=(100, 250)
)  # fmt: skip
_NCT = replace(
    CIFAR, lr=0.1, epochs=200, schedule="step", lr_drops=(60, 120, 160), lr_gamma=0.2
)  # fmt: skip
_CAL = replace(CIFAR, lr=0.1, epochs=100, schedule="step", lr_drops=(60,))
_PEER = replace(
    CIFAR, lr=0.1, weight_decay=1e-4, schedule="step", lr_drops=(40, 80, 120, 160, 200, 240, 280)
)
_CORES = replace(
    CIFAR, epochs=100, batch_size=64, lr=0.1, momentum=0.0, weight_decay=0.0, schedule="step",
    lr_drops=(50,),
)  # fmt: skip
# After 19,531, 25,000 and 30,000 of 39,000 updates.
_MENTORNET = replace(
    CIFAR, lr=0.1, weight_decay=2e-4, epochs=100, schedule="step", lr_drops=(50, 64, 77)
)
_L_DMI = replace(
    CIFAR, lr=0.1, weight_decay=1e-4, batch_size=256, epochs=120, schedule="step",
    lr_drops=(40, 80),
)  # fmt: skip
_L_DMI_STAGES = {"dmi": replace(_L_DMI, epochs=100, schedule="constant", lr_drops=())}
_JPL = replace(CIFAR, lr=0.1, weight_decay=1e-4, epochs=480, schedule="step", lr_drops=(192, 288))
_JPL_STAGES = {"filter": replace(_JPL, lr=0.01, epochs=1000, lr_drops=(800,))}
_SFT = replace(CIFAR, epochs=100, batch_size=32, schedule="step", lr_drops=(60,))
_KMEIDTM = replace(
    CIFAR, epochs=60, lr=0.01, weight_decay=1e-3, schedule="step", lr_drops=(40, 55)
)  # fmt: skip
_PENCIL = replace(CIFAR, epochs=70, lr=0.06, weight_decay=1e-4, schedule="constant")
_PENCIL_STAGES = {
    "backbone": _PENCIL,
    "labels": replace(_PENCIL, epochs=130),
    "fine-tune": replace(_PENCIL, epochs=120, lr=0.2, schedule="step", lr_drops=(40, 80)),
}
_MOIT = replace(
    CIFAR, lr=0.1, weight_decay=1e-4, epochs=250, schedule="step", lr_drops=(125, 200)
)  # fmt: skip
_MOIT_STAGES = {"fine-tune": replace(_MOIT, epochs=70, lr=0.001, schedule="constant", lr_drops=())}
_NGC = replace(CIFAR, batch_size=512, lr=0.15, lr_min=2e-4)
# Without the half after epoch 180, and 1/8 of the rate in a half's last ten epochs, not 1/10.
_INCV = replace(
    CIFAR, optimizer="adam", lr=1e-3, weight_decay=1e-4, epochs=200, schedule="step",
    lr_drops=(80, 120, 160),
)  # fmt: skip
_INCV_STAGES = {
    f"fold-{turn}{half}": replace(_INCV, epochs=50, lr_drops=(20, 30, 40), lr_gamma=0.5)
    for turn in range(1, 5)
    for half in "ab"
}
_T_REVISION = replace(
    CIFAR, epochs=200, lr=0.01, weight_decay=1e-4, schedule="step", lr_drops=(40, 80)
)
_T_REVISION_STAGES = {
    "estimate": replace(_T_REVISION, epochs=20, momentum=0.0, schedule="constant", lr_drops=()),
    "reweight": _T_REVISION,
    "revise": replace(_T_REVISION, optimizer="adam", schedule="constant", lr_drops=()),
}

_ON_CIFAR = {
    "dividemix": _DIVIDEMIX, "unicon": _UNICON, "instancegm": _DIVIDEMIX,
    "m-correction": _M_CORRECTION, "nct": _NCT, "cal": _CAL, "peer-loss": _PEER,
    "cores2": _CORES, "sft": _SFT, "pencil": _PENCIL, "t-revision": _T_REVISION,
    "mentornet": _MENTORNET, "l-dmi": _L_DMI, "jpl": _JPL, "moit": _MOIT, "sel-cl-plus": _MOIT,
    "kmeidtm": _KMEIDTM, "ngc": _NGC, "iterative-cv": _INCV,
}  # fmt: skip
_ELR_ON_TEN = {False: _ELR_SYMMETRIC, True: _ELR_ASYMMETRIC}
#: Method → stage → its training, where that is not the method's.
CIFAR_STAGES = {
    "pencil": _PENCIL_STAGES, "moit": _MOIT_STAGES, "sel-cl-plus": _MOIT_STAGES,
    "t-revision": _T_REVISION_STAGES, "iterative-cv": _INCV_STAGES, "l-dmi": _L_DMI_STAGES,
    "jpl": _JPL_STAGES, "forward-estimated": {"estimate": early(CIFAR)},
}  # fmt: skip


def cifar_training(method: str, classes: int, asymmetric: bool) -> TrainConfig:
    """How a method trains on CIFAR-10 or CIFAR-100."""
    if method == "elr":
        return _ELR_HUNDRED if classes > 10 else _ELR_ON_TEN[asymmetric]
    if method == "elr-plus":
        return _ELR_PLUS_HUNDRED if classes > 10 else _ELR_PLUS
    return _ON_CIFAR.get(method, CIFAR)
