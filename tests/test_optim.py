"""Optimisers by hand in float64, and schedules as literal lists."""

from __future__ import annotations

import math

import pytest
import torch

from lnl_core import TrainConfig
from lnl_core.optim import lr_factor, make_optimizer, set_learning_rate

START, GRADIENTS = [1.0, -2.0], [[0.5, -1.0], [0.25, 3.0], [-1.0, 0.0]]


def updates(**config) -> list[list[float]]:
    """The parameter after each of three steps of torch's optimiser, in float64."""
    parameter = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make_optimizer([{"params": [parameter]}], TrainConfig(**config))
    path = []
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        path.append(parameter.tolist())
    return path


def by_hand(rule) -> list[list[float]]:
    """The same from `rule(w, gradient, step, memory) -> w`, a coordinate at a time."""
    path, w, memories = [], list(START), [{}, {}]
    for step, gradient in enumerate(GRADIENTS, 1):
        w = [rule(w[i], gradient[i], step, memories[i]) for i in range(2)]
        path.append(w)
    return path


def assert_close(left, right):
    for one, other in zip(left, right, strict=True):
        assert one == pytest.approx(other, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_sgd(momentum, nesterov, decay):
    nesterov = nesterov and momentum > 0

    def rule(w, g, step, memory):
        g = g + decay * w
        velocity = memory["v"] = momentum * memory.get("v", 0.0) + g
        return w - 0.1 * (g + momentum * velocity if nesterov else velocity)

    config = {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
    assert_close(updates(optimizer="sgd", lr=0.1, **config), by_hand(rule))


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_adagrad_with_its_epsilon_outside_the_root(decay):
    def rule(w, g, step, memory):
        g = g + decay * w
        memory["s"] = memory.get("s", 0.0) + g * g
        return w - 0.1 * g / (math.sqrt(memory["s"]) + 0.3)

    assert_close(
        updates(optimizer="adagrad", lr=0.1, epsilon=0.3, weight_decay=decay), by_hand(rule)
    )


def test_adam():
    def rule(w, g, step, memory):
        memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
        memory["s"] = 0.999 * memory.get("s", 0.0) + 0.001 * g * g
        mean, square = memory["m"] / (1 - 0.9**step), memory["s"] / (1 - 0.999**step)
        return w - 0.1 * mean / (math.sqrt(square) + 0.02)

    assert_close(updates(optimizer="adam", lr=0.1, epsilon=0.02), by_hand(rule))


def test_momentum_is_sgds_alone():
    adam = updates(optimizer="adam", lr=0.1, momentum=0.0)
    assert adam == updates(optimizer="adam", lr=0.1, momentum=0.5)


def rates(**config) -> list[float]:
    config = TrainConfig(**config)
    return [lr_factor(config, epoch) for epoch in range(1, config.epochs + 1)]


def test_a_constant_rate():
    assert rates(epochs=3) == [1, 1, 1]


def test_a_step_schedule_drops_after_the_named_epochs():
    dropped = rates(epochs=6, schedule="step", lr_drops=(2, 4), lr_gamma=0.1)
    assert dropped == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_drops_may_come_in_any_order_and_never():
    assert rates(epochs=4, schedule="step", lr_drops=(3, 1), lr_gamma=0.5) == [1, 0.5, 0.5, 0.25]
    assert rates(epochs=3, schedule="step", lr_drops=(9,)) == [1, 1, 1]
    assert rates(epochs=3, lr_drops=(1,)) == [1, 1, 1]  # another schedule ignores them


def test_a_cosine_schedule_starts_at_the_rate_and_ends_above_zero():
    expected = [1, 0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.sqrt(2) / 4]
    assert rates(epochs=4, schedule="cosine") == pytest.approx(expected)
    assert rates(epochs=1, schedule="cosine") == [1]


def test_a_group_with_its_own_rate_follows_the_schedule_from_there():
    one, other = (torch.ones(1, requires_grad=True) for _ in range(2))
    optimizer = make_optimizer(
        [{"params": [one]}, {"params": [other], "lr": 5.0}], TrainConfig(lr=0.2)
    )
    for factor in (1.0, 0.1, 0.5):  # a factor of the base rate, not of the rate before
        set_learning_rate(optimizer, factor)
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx(
            [0.2 * factor, 5 * factor]
        )
