"""What a method says of itself ends in a record, or in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from training_helpers import finish, small_run

from lnl_core import InputError, Method
from lnl_core.methods import register, registry

NAN = float("nan")


@pytest.fixture
def run_of(monkeypatch):
    """A run of a method that says these diagnostics, or estimates."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    def made(**said):
        own = {name: (lambda self, value=value: value) for name, value in said.items()}
        register("telling", type("Telling", (Method,), own), "tells")
        return small_run("telling")

    return made


@pytest.mark.parametrize("value", [NAN, float("inf"), torch.tensor(1.0), None, np.float32(1), "a"])
def test_a_diagnostic_that_no_record_can_hold_is_refused_when_it_is_taken(run_of, value):
    run = run_of(diagnostics={"fine": 1.0, "odd": value})
    with pytest.raises(InputError, match=r"^Telling: the diagnostic 'odd' is .*, but it must be"):
        next(iter(run))


def test_numbers_of_every_kind_are_kept(run_of):
    run = finish(run_of(diagnostics={"half": 0.5, "two": 2, "so": True, "third": np.float64(3)}))
    kept = json.loads(json.dumps(run.document()))["history"][-1]["diagnostics"]
    assert kept == {"half": 0.5, "two": 2, "so": True, "third": 3.0}
    assert type(run.history[-1].diagnostics["third"]) is float  # checkpoints hold no other


@pytest.mark.parametrize("value", [torch.tensor([1.0, NAN]), np.array([NAN]), np.array(["a"])])
def test_an_estimate_that_no_record_can_hold_is_refused(run_of, value):
    run = run_of(estimates={"T": value})
    with pytest.raises(InputError, match=r"^telling: the estimate 'T' is .*made of finite numbers"):
        finish(run)
    assert len(run.history) == 3


def test_an_estimate_may_carry_its_gradient(run_of):
    run = finish(run_of(estimates={"T": torch.eye(2, requires_grad=True).softmax(-1)}))
    kept = run.document()["estimates"]["T"]
    assert kept == torch.eye(2).softmax(-1).tolist()
    assert isinstance(run.estimates["T"], np.ndarray)
