"""What is measured: the nets, each with the shape of its data and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from lnl_core import Dataset, NoisyData, TrainConfig, make_noisy
from lnl_core.noise import parse_noise

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
GREY = TrainConfig(batch_size=128, lr=0.01, momentum=0.9, preprocess="unit")
COLOUR = TrainConfig(
    batch_size=128, lr=0.01, momentum=0.9, weight_decay=1e-4, preprocess="standardise",
    augmentation="crop-flip",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """`steps` is how many updates make one measurement: short where the net is slow."""

    shape: tuple[int, int, int]
    train: TrainConfig
    steps: int
    net_options: dict[str, Any] = field(default_factory=dict)


SETTINGS: dict[str, Setting] = {
    "mlp": Setting(
        MNIST,
        TrainConfig(batch_size=128, optimizer="adagrad", lr=0.01, epsilon=1e-6, preprocess="unit"),
        steps=200,
        net_options={"dropout": 0.2},
    ),
    "lenet": Setting(MNIST, GREY, steps=20),
    "resnet14": Setting(CIFAR, COLOUR, steps=12),
    "preact-resnet32": Setting(CIFAR, COLOUR, steps=3),
    "preact-resnet18": Setting(CIFAR, COLOUR, steps=2),
}


def random_data(setting: Setting, steps: int) -> NoisyData:
    """Random images, as many as `steps` whole batches hold, and a tenth of that for each of
    validation and test."""
    draw = torch.Generator().manual_seed(0)
    count = steps * setting.train.batch_size
    splits = []
    for n in (count + count // 10, count // 10):
        splits.append(torch.randint(0, 256, (n, *setting.shape), generator=draw, dtype=torch.uint8))
        splits.append(torch.arange(n) % 10)
    classes = tuple(str(k) for k in range(10))
    dataset = Dataset("random images", *splits, classes, "made by the benchmark")
    return make_noisy(dataset, parse_noise("symmetric:0.2"), val_fraction=1 / 11)
