"""Configs: refused when they are made, and complete when they are written down."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from lnl_core import InputError, RunConfig, Seeds, TrainConfig, parse_noise
from lnl_core.config import LATER_FIELDS


@pytest.mark.parametrize("name", ["epochs", "batch_size", "train_eval"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3", True, None, math.nan])
def test_counts_are_whole_numbers_from_one_up(name, value):
    with pytest.raises(InputError, match=r"must be a whole number from 1 up") as caught:
        TrainConfig(**{name: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "lr": [0, -0.1, math.inf, math.nan, "0.1", None, True],
        "momentum": [-0.1, 1, 1.5, math.nan, "0.9", None],
        "weight_decay": [-1e-9, math.nan, math.inf, "0", None],
        "epsilon": [0, -1e-8, math.nan, "1e-8", None],
        "lr_gamma": [0, -0.1, math.nan, math.inf, None],
    }.items(),
)
def test_numbers_outside_their_range_are_refused_and_named(name, values):
    for value in values:
        with pytest.raises(InputError, match="but it must be") as caught:
            TrainConfig(**{name: value})
        assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("optimizer", "sdg", "sgd"),
        ("schedule", "cosin", "cosine"),
        ("preprocess", "standardize", "standardise"),
        ("augmentation", "crop", "crop-flip"),
        ("epoch_length", "with-val", "with-validation"),
        ("decay", "kernel", "kernels"),
        ("precision", "bf16", "bfloat16"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(name, value, nearest):
    with pytest.raises(InputError, match=f"did you mean '{nearest}'"):
        TrainConfig(**{name: value})


def test_a_schedule_that_grows_beyond_what_torch_takes_is_refused():
    grows = {"lr_drops": (1, 2), "lr_gamma": 1e20}
    assert TrainConfig(**grows).lr_gamma == 1e20  # which only the schedule 'step' uses
    with pytest.raises(InputError, match=r"lr_gamma is 1e\+20, which after 2 lr_drops"):
        TrainConfig(schedule="step", **grows)


@pytest.mark.parametrize("drops", [(0,), (2.5,), ("40",)])
def test_epochs_of_a_schedule_are_whole_numbers(drops):
    with pytest.raises(InputError, match="lr_drops"):
        TrainConfig(schedule="step", lr_drops=drops)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr_period": 0}, "lr_period is 0, but"),
        ({"lr_period": 2.5}, "lr_period is 2.5, but"),
        ({"lr": 0.1, "lr_min": 0.2}, "lr_min is 0.2, but it must be from 0 to lr, 0.1"),
        ({"lr_min": -0.1}, "lr_min is -0.1, but"),
        ({"schedule": "cosine-restarts"}, "'cosine-restarts' needs lr_period"),
        ({"epoch_batches": 0}, "epoch_batches is 0, but"),
    ],
)
def test_periods_floors_and_batches_an_epoch_have_their_ranges(given, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**given)


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(InputError, match="nesterov needs a momentum"):
        TrainConfig(nesterov=True, momentum=0.0)
    TrainConfig(nesterov=True, momentum=0.9)
    TrainConfig(optimizer="adam", nesterov=True, momentum=0.0)  # Adam has neither


def test_the_bounds_themselves_are_allowed():
    TrainConfig(epochs=1, batch_size=1, train_eval=1, momentum=0, weight_decay=0, lr=1e-12)


@pytest.mark.parametrize("name", ["noise", "split", "init", "order"])
@pytest.mark.parametrize("value", [-1, 2**32, 1.0, "0", True, None])
def test_a_bad_seed_is_refused_by_its_name(name, value):
    with pytest.raises(InputError, match=f"the {name} seed is"):
        Seeds(**{name: value})


def test_all_seeds_at_once():
    assert Seeds.all(7) == Seeds(noise=7, split=7, init=7, order=7)
    assert Seeds.all(2**32 - 1).noise == 2**32 - 1


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 3


def test_a_run_config_is_plain_json():
    config = RunConfig(
        "forward",
        noise=parse_noise("symmetric:0.2", "exact"),
        options={"matrix": np.eye(2), "tensor": torch.ones(2), "rate": np.float32(0.5)},
        net_options={"hidden": (3, 4)},
        stages={"first": TrainConfig(epochs=2)},
    )
    plain = config.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["noise"] == {"protocol": "symmetric:0.2", "draw": "exact", "matrix": None}
    assert plain["options"] == {"matrix": [[1, 0], [0, 1]], "tensor": [1, 1], "rate": 0.5}
    assert plain["net_options"] == {"hidden": [3, 4]}
    assert plain["stages"]["first"]["epochs"] == 2
    assert plain["seeds"] == {"noise": 0, "split": 0, "init": 0, "order": 0}


def test_a_given_matrix_is_written_down(tmp_path):
    np.save(tmp_path / "t.npy", np.full((2, 2), 0.5))
    config = RunConfig("forward", noise=parse_noise(f"matrix:{tmp_path}/t.npy"))
    assert config.to_dict()["noise"]["matrix"] == [[0.5, 0.5], [0.5, 0.5]]


def test_every_field_is_written_down():
    plain = RunConfig("forward").to_dict()
    assert plain.keys() == RunConfig.__dataclass_fields__.keys()
    early = TrainConfig.__dataclass_fields__.keys() - set(LATER_FIELDS)
    assert plain["train"].keys() == early


LATER = {
    "epoch_length": "with-validation",
    "decay": "kernels",
    "penalised_val_loss": True,
    "precision": "bfloat16",
    "lr_period": 10,
    "lr_min": 0.01,
    "epoch_batches": 7,
    "test_crops": 6,
}
#: What a younger field needs beside it.
NEEDS = {"test_crops": {"preprocess": "imagenet"}}


def test_a_younger_field_is_written_down_where_it_is_used():
    assert LATER.keys() == set(LATER_FIELDS)
    for name, value in LATER.items():
        train = TrainConfig(**{name: value}, **NEEDS.get(name, {}))
        config = RunConfig("forward", train=train, stages={"first": train})
        plain = config.to_dict()
        assert plain["train"][name] == plain["stages"]["first"][name] == value
        assert plain["train"].keys() & set(LATER_FIELDS) == {name}


@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_a_switch_is_true_or_false(value):
    with pytest.raises(InputError, match="must be True or False"):
        TrainConfig(penalised_val_loss=value)
