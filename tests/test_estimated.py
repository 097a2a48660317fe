"""Algorithm 1: estimate T with one network, correct with another."""

import numpy as np
import pytest
import torch
from training_helpers import finish, random_dataset, small_run, weights

from lnl_core import InputError, losses, transition
from lnl_core.methods import CrossEntropy, Forward
from lnl_core.methods.transition.estimated import _invertible

VARIANTS = ["forward-estimated", "backward-estimated"]


@pytest.mark.parametrize("name", VARIANTS)
def test_two_stages_the_second_judged(name):
    run = finish(small_run(name, epochs=4))
    assert [(r.stage, r.epoch) for r in run.history] == [
        *(("estimate", epoch) for epoch in range(1, 5)),
        *(("correct", epoch) for epoch in range(1, 5)),
    ]
    assert run.document()["metrics"]["last"] == run.history[-1].test_accuracy


@pytest.mark.parametrize("name", VARIANTS)
def test_the_estimate_is_the_best_epochs_on_training_and_validation_samples(name):
    """Redone by hand: cross-entropy with the same seeds, stopped after its best epoch."""
    run = finish(small_run(name, epochs=6, options={"percentile": 90.0}))
    losses = [record.val_loss for record in run.history[:6]]
    best = int(np.argmin(losses)) + 1
    alone = small_run("cross-entropy", epochs=6)
    for record in alone:
        if record.epoch == best:
            break
    assert record.val_loss == losses[best - 1]
    data = alone.data
    x = torch.cat([data.train.x, data.val.x])
    alone.method.eval()
    with torch.no_grad():
        p = alone.method.predict(data.preprocess(alone.config.train.preprocess)(x))
    expected = transition.estimate(p, 90.0)
    np.testing.assert_allclose(run.estimates["transition_matrix"], expected, atol=1e-6)
    stored = np.array(run.document()["estimates"]["transition_matrix"])
    np.testing.assert_array_equal(stored, run.estimates["transition_matrix"])


def test_the_second_network_corrects_with_the_estimate():
    run = finish(small_run("forward-estimated"))
    assert isinstance(run.method, Forward)
    np.testing.assert_allclose(
        run.method.transition_matrix, run.estimates["transition_matrix"], atol=1e-6
    )


def first_weights(run, stage):
    """The weights before the first update of a stage, read off its first epoch at rate ~0."""
    for record in run:
        if record.stage == stage:
            return {k: v for k, v in weights(run).items() if k.startswith("net.")}
    raise AssertionError(stage)


def test_a_warm_start_begins_where_the_first_network_ended():
    still = {"lr": 1e-12, "epochs": 1}  # so that an epoch moves nothing that can be seen
    cold = first_weights(small_run("forward-estimated", **still), "correct")
    warm = first_weights(
        small_run("forward-estimated", **still, options={"warm_start": True}), "correct"
    )
    first = first_weights(small_run("forward-estimated", **still), "estimate")
    for key, value in first.items():
        torch.testing.assert_close(warm[key], value)
    assert any(not torch.allclose(cold[key], value) for key, value in first.items())


def test_without_a_validation_split_the_last_weights_estimate():
    from dataclasses import replace

    from training_helpers import small_config

    from lnl_core import Run

    config = replace(small_config("forward-estimated"), val_fraction=0.0)
    run = finish(Run(config, device="cpu", dataset=random_dataset()))
    assert len(run.history) == 6 and "transition_matrix" in run.estimates


def test_a_singular_estimate_is_mixed_with_the_identity_just_enough():
    singular = np.array([[0.5, 0.5], [0.5, 0.5]])
    mixed = _invertible(singular)
    assert np.linalg.cond(mixed) < transition.LARGEST_CONDITION_NUMBER
    np.testing.assert_allclose(mixed, 0.99 * singular + 0.01 * np.eye(2))
    good = np.array([[0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_array_equal(_invertible(good), good)


def test_the_first_stage_is_cross_entropy():
    run = small_run("forward-estimated", epochs=1)
    next(iter(run))
    assert isinstance(run.method, CrossEntropy)


@pytest.mark.parametrize("name", VARIANTS)
def test_both_networks_train_with_the_base_loss(name):
    square, plain = (
        finish(small_run(name, options={"base": base})) for base in ("square", "cross-entropy")
    )
    assert square.method.base is losses.square_loss
    first, second = (
        next(r for r in run.history if r.stage == "estimate") for run in (square, plain)
    )
    assert first.train_loss < 2 and first.train_loss != second.train_loss  # bounded by 2


@pytest.mark.parametrize("name", [*VARIANTS, "forward", "backward"])
def test_an_unknown_base_loss_is_refused_before_training(name):
    with pytest.raises(InputError, match=r"base loss 'sqare'.*did you mean 'square'"):
        next(iter(small_run(name, options={"base": "sqare"})))
