"""Small runs trained as one, and the same runs alone: for the tests of stacks and of graphs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from training_helpers import finish, random_dataset, small_config, timeless, weights

from lnl_core import Dataset, Run, RunConfig
from lnl_core.accel.together import Deferred, train_together
from lnl_core.methods import get_method, method_names

SEEDS_AND_NOISE = ((0, "symmetric:0.3"), (1, "symmetric:0.1"), (2, "none"))
#: What keeps a method from magnifying the last digits: T̂ of a net of three epochs is nearly
#: singular, and its inverse in the thousands.
TAME: dict[str, dict[str, Any]] = {"backward-estimated": {"options": {"clip": 0.01}, "lr": 0.001}}


def stacked_names() -> list[str]:
    return [name for name in method_names() if get_method(name).stacks]


def config_of(method: str, seed: int, noise: str, *, dropout: float = 0.0, **given) -> RunConfig:
    config = small_config(method, noise=noise, seed=seed, **given)
    return dataclasses.replace(config, net_options={**config.net_options, "dropout": dropout})


def configs(method: str = "cross-entropy", **given) -> list[RunConfig]:
    """Three runs of other seeds and other noise, without dropout."""
    return [config_of(method, seed, noise, **given) for seed, noise in SEEDS_AND_NOISE]


def members(
    group: list[RunConfig],
    dataset: Dataset | None = None,
    checkpoints: Path | None = None,
    device: str = "cpu",
) -> list[tuple[Run, Deferred]]:
    """The runs of a group, ready for `train_together`."""
    together = []
    for number, config in enumerate(group):
        deferred = Deferred()
        run = Run(
            config,
            device=device,
            dataset=dataset or random_dataset(),
            checkpoints=None if checkpoints is None else checkpoints / str(number),
            steps=True,
            updates=deferred,
        )
        together.append((run, deferred))
    return together


def stacked(group: list[RunConfig], **given) -> list[Run]:
    together = members(group, **given)
    ended = dict(train_together(together))
    assert set(ended.values()) == {None}
    return [run for run, _ in together]


def alone(group: list[RunConfig], dataset: Dataset | None = None, device: str = "cpu") -> list[Run]:
    return [
        finish(Run(config, device=device, dataset=dataset or random_dataset())) for config in group
    ]


def assert_close_runs(left: Run, right: Run, *, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """The same up to the order of sums: weights, losses; accuracies exactly."""
    theirs = weights(right)
    for key, value in weights(left).items():
        assert torch.allclose(value, theirs[key], rtol=rtol, atol=atol), key
    assert len(left.history) == len(right.history)
    for one, other in zip(timeless(left.history), timeless(right.history), strict=True):
        for name, value in one.items():
            if name.endswith("loss"):
                assert value == pytest.approx(other[name], rel=rtol, abs=atol), name
            elif name == "diagnostics":
                assert value == pytest.approx(other[name], rel=rtol, abs=atol)
            else:
                assert value == other[name], name
    for name, array in left.estimates.items():
        assert torch.allclose(
            torch.as_tensor(array), torch.as_tensor(right.estimates[name]), rtol=rtol, atol=atol
        ), name
