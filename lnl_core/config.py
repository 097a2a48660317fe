"""Configs: frozen dataclasses that say all there is to say about a run.

They are checked when they are made, so that a typo costs a sentence and not an hour.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from lnl_core.augment import AUGMENTATIONS, PREPROCESS
from lnl_core.errors import InputError, unknown_name
from lnl_core.noise import Noise
from lnl_core.streams import check_seed

OPTIMIZERS = ("sgd", "adam", "adagrad")
SCHEDULES = ("constant", "step", "cosine")


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained, whatever the method. Epochs count from 1.

    `schedule`: `constant`; `step`, the rate multiplied by `lr_gamma` after each epoch in
    `lr_drops`; `cosine`, from `lr` to 0 over the epochs. `momentum` and `nesterov` are SGD's,
    `epsilon` AdaGrad's δ and Adam's ε. `train_eval` is how many training samples (the first
    ones of a random order) judge memorisation each epoch.
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

    def __post_init__(self) -> None:
        _at_least("epochs", self.epochs, 1)
        _at_least("batch size", self.batch_size, 1)
        _at_least("train_eval", self.train_eval, 1)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("preprocessing", self.preprocess, PREPROCESS)
        _one_of("augmentation", self.augmentation, AUGMENTATIONS)
        if not 0 < self.lr < float("inf"):
            raise InputError(f"the learning rate is {self.lr}, but it must be a positive number.")
        if not 0 <= self.momentum < 1:
            raise InputError(f"the momentum is {self.momentum}, but it lies in [0, 1).")
        if not self.weight_decay >= 0:
            raise InputError(f"the weight decay is {self.weight_decay}, but it is at least 0.")


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

    `options` go to the method, `net_options` to the net. `profile` and `protocol` record where
    the settings came from (see `profiles.py`); every value they imply stands here explicitly.
    """

    method: str
    data: str = "digits"
    noise: Noise = field(default_factory=lambda: Noise("none"))
    net: str = "mlp"
    train: TrainConfig = field(default_factory=TrainConfig)
    seeds: Seeds = field(default_factory=Seeds)
    options: dict[str, Any] = field(default_factory=dict)
    net_options: dict[str, Any] = field(default_factory=dict)
    val_fraction: float = 0.1
    limit: int | None = None
    paper: str | None = None
    protocol: str | None = None
    profile: str = "smoke"

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        out = asdict(self)
        matrix = self.noise.matrix
        out["noise"] = {
            "protocol": str(self.noise),
            "draw": self.noise.draw,
            "matrix": None if matrix is None else matrix.tolist(),
        }
        return out


def _at_least(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}, but it must be a whole number from {least} up.")


def _one_of(name: str, value: str, known: object) -> None:
    if value not in known:
        raise unknown_name(name, value, known)
