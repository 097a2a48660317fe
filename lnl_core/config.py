"""Configs: frozen dataclasses that say all there is to say about a run.

They are checked when they are made, so that a typo costs a sentence and not an hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lnl_core.augment import AUGMENTATIONS, PREPROCESS
from lnl_core.contract import takes
from lnl_core.crops import TEST_CROPS
from lnl_core.errors import InputError, shown, unknown_name
from lnl_core.noise import Noise
from lnl_core.streams import check_seed

OPTIMIZERS = ("sgd", "adam", "adagrad")
SCHEDULES = ("constant", "step", "cosine", "cosine-restarts")
EPOCH_LENGTHS = ("pass", "with-validation", "balanced")
DECAYS = ("all", "kernels")
PRECISIONS = ("float32", "bfloat16")
#: What no number of a `TrainConfig` is above: float32 holds it, and so torch takes it.
LARGEST = 1e30
LARGEST_WHOLE = 1_000_000_000
#: Fields of `TrainConfig` younger than the first records. At its default such a field is left out
#: of what identifies a run, so that a config which does not use it keeps the key of its record.
LATER_FIELDS = (
    "epoch_length", "decay", "penalised_val_loss", "precision", "lr_period", "lr_min",
    "epoch_batches", "test_crops",
)  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained, whatever the method. Epochs count from 1.

    `schedule`: `constant`; `step`, the rate multiplied by `lr_gamma` after each epoch in
    `lr_drops`; `cosine`, from `lr` to `lr_min` over `lr_period` epochs, by default all of them (if
    there are more it rises again, as the cosine does); `cosine-restarts`, back to `lr` after each
    period (Loshchilov and Hutter 2017). `momentum` and `nesterov` are SGD's,
    `epsilon` AdaGrad's δ and Adam's ε. `train_eval` is how many training samples (the first
    ones of a random order) judge memorisation each epoch.

    `epoch_length`: `pass`, every training sample once; `with-validation`, as many whole batches
    as training and validation samples together would fill, so with 10% held out 1.11 passes;
    `balanced`, `epoch_batches` batches that hold every noisy class equally often (DivideMix on
    Clothing1M).
    `weight_decay` λ adds λw to the gradient, as a penalty (λ/2) Σw² in the loss would; `decay`
    says of which parameters: `all`, or `kernels`, the weights of linear and convolutional
    layers. With `penalised_val_loss` the penalty also counts in the validation losses, and so
    in the choice of an epoch by them. `precision` is what the nets compute in: `float32`, or
    `bfloat16` (autocast), losses and parameters being float32 in both. `test_crops` is over how
    many crops of a test image the logits are averaged, 1 or 6 (see `crops.py`).
    """

    epochs: int = 30
    batch_size: int = 128
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    epsilon: float = 1e-8
    schedule: str = "constant"
    lr_drops: tuple[int, ...] = ()
    lr_gamma: float = 0.1
    preprocess: str = "unit"
    augmentation: str = "none"
    train_eval: int = 10_000
    epoch_length: str = "pass"
    decay: str = "all"
    penalised_val_loss: bool = False
    precision: str = "float32"
    lr_period: int | None = None
    lr_min: float = 0.0
    epoch_batches: int = 1000
    test_crops: int = 1

    def __post_init__(self) -> None:
        _at_least("epochs", self.epochs, 1)
        _at_least("batch size", self.batch_size, 1)
        _at_least("train_eval", self.train_eval, 1)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("preprocessing", self.preprocess, PREPROCESS)
        _one_of("augmentation", self.augmentation, AUGMENTATIONS)
        _one_of("epoch length", self.epoch_length, EPOCH_LENGTHS)
        _one_of("decay", self.decay, DECAYS)
        _one_of("precision", self.precision, PRECISIONS)
        for name in ("nesterov", "penalised_val_loss"):
            if not isinstance(getattr(self, name), bool):
                value = getattr(self, name)
                raise InputError(f"{name} is {shown(value)}, but it must be True or False.")
        _number("the learning rate", self.lr, "a positive number", lambda v: v > 0)
        _number("the momentum", self.momentum, "in [0, 1)", lambda v: 0 <= v < 1)
        _number("the weight decay", self.weight_decay, "at least 0", lambda v: v >= 0)
        _number("epsilon", self.epsilon, "a positive number", lambda v: v > 0)
        _number("lr_gamma", self.lr_gamma, "a positive number", lambda v: v > 0)
        if not isinstance(self.lr_drops, tuple | list):
            raise InputError(
                f"lr_drops is {shown(self.lr_drops)}, but it must be a list of epochs."
            )
        for drop in self.lr_drops:
            _at_least("an epoch in lr_drops", drop, 1)
        last = math.log10(self.lr) + len(self.lr_drops) * math.log10(self.lr_gamma)
        if self.schedule == "step" and last > math.log10(LARGEST):
            raise InputError(
                f"lr_gamma is {shown(self.lr_gamma)}, which after {len(self.lr_drops)} lr_drops "
                f"makes the learning rate 1e{last:.0f}: {LARGEST:g} is the most."
            )
        _number("lr_min", self.lr_min, f"from 0 to lr, {self.lr}", lambda v: 0 <= v <= self.lr)
        if self.lr_period is not None:
            _at_least("lr_period", self.lr_period, 1)
        elif self.schedule == "cosine-restarts":
            raise InputError("the schedule 'cosine-restarts' needs lr_period, epochs a period.")
        _at_least("epoch_batches", self.epoch_batches, 1)
        if self.test_crops not in TEST_CROPS or isinstance(self.test_crops, bool):
            raise InputError(f"test_crops is {shown(self.test_crops)}, but it must be 1 or 6.")
        if self.test_crops > 1 and self.preprocess != "imagenet":
            raise InputError(
                f"test_crops is {self.test_crops}, but of images preprocessed as "
                f"'{self.preprocess}' a net sees the whole: use the preprocessing 'imagenet', "
                "which takes windows, or test_crops=1."
            )
        if self.optimizer == "sgd" and self.nesterov and self.momentum == 0:
            raise InputError("nesterov needs a momentum above 0: give one, or leave nesterov out.")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, without those of `LATER_FIELDS` that are at their default."""
        unused = {name for name in LATER_FIELDS if getattr(self, name) == getattr(type(self), name)}
        return {name: value for name, value in asdict(self).items() if name not in unused}


@dataclass(frozen=True)
class Seeds:
    """Four seeds, each its own: noisy labels, split, initial weights, and training itself
    (batch order, dropout, augmentation, sampling)."""

    noise: int = 0
    split: int = 0
    init: int = 0
    order: int = 0

    def __post_init__(self) -> None:
        for name, seed in asdict(self).items():
            check_seed(seed, f"the {name} seed")

    @classmethod
    def all(cls, seed: int) -> Seeds:
        return cls(seed, seed, seed, seed)


@dataclass(frozen=True)
class RunConfig:
    """One run: a method on noisy data with a net, trained in a stated way.

    `options` go to the method, `net_options` to the net. A recipe's stage named in `stages` is
    trained as that says, any other as `train` does. `profile` and `protocol` record where
    the settings came from (see `profiles.py`); every value they imply stands here explicitly.
    """

    method: str
    data: str = "digits"
    noise: Noise = field(default_factory=lambda: Noise("none"))
    net: str = "mlp"
    train: TrainConfig = field(default_factory=TrainConfig)
    stages: dict[str, TrainConfig] = field(default_factory=dict)
    seeds: Seeds = field(default_factory=Seeds)
    options: dict[str, Any] = field(default_factory=dict)
    net_options: dict[str, Any] = field(default_factory=dict)
    val_fraction: float = 0.1
    limit: int | None = None
    paper: str | None = None
    protocol: str | None = None
    profile: str = "smoke"

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool):
                types = kind if isinstance(kind, tuple) else (kind,)
                kinds = " or ".join(each.__name__ for each in types)
                raise InputError(f"{name} is {repr(value)[:60]}, but it must be a {kinds}.")
        for stage, train in self.stages.items():
            if not isinstance(train, TrainConfig):
                what = repr(train)[:60]
                raise InputError(f"stage {stage!r} is {what}, but it must be a TrainConfig.")

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        out = asdict(self)
        out["train"] = self.train.to_dict()
        out["stages"] = {stage: train.to_dict() for stage, train in self.stages.items()}
        matrix = self.noise.matrix
        # A matrix is named by its values, not by the file it was read from.
        protocol = "matrix" if matrix is not None else str(self.noise)
        out["noise"] = {"protocol": protocol, "draw": self.noise.draw, "matrix": matrix}
        return _plain(out)


#: Field of `RunConfig` → what it must be. Names and values are checked where they are looked up.
_KINDS: dict[str, Any] = {
    "method": str, "data": str, "noise": Noise, "net": str, "train": TrainConfig, "stages": dict,
    "seeds": Seeds, "options": dict, "net_options": dict, "val_fraction": (int, float),
    "limit": (int, type(None)), "paper": (str, type(None)), "protocol": (str, type(None)),
    "profile": str,
}  # fmt: skip


@takes(config=RunConfig, precision="text?")
def with_precision(config: RunConfig, precision: str | None) -> RunConfig:
    """The same run with every stage at that precision; None leaves it as it is."""
    if precision is None:
        return config
    train, *stages = (
        replace(train, precision=precision) for train in (config.train, *config.stages.values())
    )
    return replace(config, train=train, stages=dict(zip(config.stages, stages, strict=True)))


def _plain(value: Any) -> Any:
    """The same with arrays, tensors and tuples as lists."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _at_least(name: str, value: object, least: int) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= LARGEST_WHOLE:
        raise InputError(
            f"{name} is {shown(value)}, but it must be a whole number from {least} up, "
            f"{LARGEST_WHOLE} at most."
        )


def _number(name: str, value: object, what: str, fits: Callable[[float], bool]) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not fits(value):
        raise InputError(f"{name} is {shown(value)}, but it must be {what}.")
    if not abs(value) <= LARGEST:
        raise InputError(f"{name} is {shown(value)}, but it must be {LARGEST:g} at most.")


def _one_of(name: str, value: str, known: object) -> None:
    if not isinstance(value, str) or value not in known:
        raise unknown_name(name, value, known)
