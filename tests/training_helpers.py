"""Small data and small runs: what the tests of training share."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import special
from torch import Tensor, nn

from lnl_core import Dataset, EpochRecord, NoisyData, Run, RunConfig, configure, make_noisy
from lnl_core.noise import parse_noise

# Bit for bit means one thread: sums over several come in any order.
torch.set_num_threads(1)

#: Options that a method needs in these tests, beside its defaults.
OPTIONS: dict[str, dict[str, Any]] = {}
#: What a method needs to learn in a few epochs: Savage's gradient is small everywhere.
#: MOIT, Sel-CL and NGC: a class here is a place in the image, which strong views move.
#: DivideMix and UNICON: with the rate 0.1, five times theirs, the unlabelled loss drops a class.
TRAINING: dict[str, dict[str, Any]] = {
    "savage": {"lr": 2.0},
    "dividemix": {"lr": 0.05},
    "unicon": {"lr": 0.03, "batch_size": 32},
    "moit": {"lr": 0.02, "options": {"view": "weak"}},
    "sel-cl-plus": {"lr": 0.02, "options": {"view": "weak"}},
    "ngc": {"options": {"view": "weak"}},
}


def random_dataset(
    n_train: int = 60, n_test: int = 30, classes: int = 4, *, multi_label: bool = False
) -> Dataset:
    """Grey 8x8 images of noise, brighter in the two rows of their class; half as many trusted
    samples as training samples."""
    draw = torch.Generator().manual_seed(7)
    splits = []
    for count in (n_train, n_test, max(classes, n_train // 2)):
        x = torch.randint(0, 130, (count, 1, 8, 8), generator=draw, dtype=torch.uint8)
        if multi_label:
            y = torch.randint(0, 2, (count, classes), generator=draw, dtype=torch.uint8)
            y[0] = 1  # every label occurs
            for k in range(classes):
                x[y[:, k] == 1, :, 2 * k : 2 * k + 2] += 120
        else:
            y = torch.arange(count) % classes
            for k in range(classes):
                x[y == k, :, 2 * k : 2 * k + 2] += 120
        splits += [x, y]
    names = tuple(f"class {k}" for k in range(classes))
    x_trusted, y_trusted = splits[4:]
    return Dataset(
        "random", *splits[:4], names, "made by a test", x_trusted=x_trusted, y_trusted=y_trusted
    )


def noisy_data(
    noise: str = "symmetric:0.3", val_fraction: float = 0.2, **dataset: Any
) -> NoisyData:
    return make_noisy(random_dataset(**dataset), parse_noise(noise), val_fraction=val_fraction)


def small_config(
    method: str = "cross-entropy", noise: str = "symmetric:0.3", **given: Any
) -> RunConfig:
    """Three epochs of three steps on `random_dataset`, with dropout and momentum, so that there
    is state to lose."""
    config = configure(
        method,
        noise=noise,
        dataset=given.pop("dataset", None) or random_dataset(),
        net="mlp",
        net_options={"hidden": (12,), "dropout": 0.25},
        options=OPTIONS.get(method, {}) | given.pop("options", {}),
        **{"epochs": 3, "batch_size": 16, "lr": 0.1} | given,
    )
    return dataclasses.replace(config, val_fraction=0.2)


def small_run(
    method: str = "cross-entropy",
    *,
    checkpoints: Path | None = None,
    steps: bool = False,
    **given: Any,
) -> Run:
    dataset = given.get("dataset") or random_dataset()
    return Run(
        small_config(method, **given),
        device="cpu",
        dataset=dataset,
        checkpoints=checkpoints,
        steps=steps,
    )


def finish(run: Run) -> Run:
    for _ in run:
        pass
    return run


def weights(run: Run) -> dict[str, torch.Tensor]:
    return run.method.state_dict()


def timeless(history: list[EpochRecord]) -> list[dict[str, Any]]:
    """The records without the one field that no two runs share."""
    return [{**dataclasses.asdict(record), "seconds": 0.0} for record in history]


def assert_same(left: Any, right: Any, where: str = "") -> None:
    """Equality, bit for bit, of nested dicts, lists and tensors."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            assert_same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for position, (one, other) in enumerate(zip(left, right, strict=True)):
            assert_same(one, other, f"{where}[{position}]")
    else:
        assert left == right, where


def assert_same_runs(left: Run, right: Run) -> None:
    assert_same(weights(left), weights(right), "weights")
    assert timeless(left.history) == timeless(right.history)
    estimates = [
        {key: array.tolist() for key, array in run.estimates.items()} for run in (left, right)
    ]
    assert estimates[0] == estimates[1]


class Says(nn.Module):
    """A net that says what it is told, whatever it is asked: logits [..., K]."""

    def __init__(self, logits: np.ndarray | Tensor):
        super().__init__()
        self.logits = nn.Parameter(torch.as_tensor(logits, dtype=torch.float32).clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.logits


def softmax(table: np.ndarray) -> np.ndarray:
    """Over the last dimension, without torch."""
    return special.softmax(table, -1)
