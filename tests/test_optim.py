"""Optimisers by hand in float64, and schedules as literal lists."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lnl_core import TrainConfig
from lnl_core.nets import build_net
from lnl_core.optim import (
    decay_groups,
    decay_penalty,
    lr_factor,
    make_optimizer,
    set_learning_rate,
)

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


def test_a_cosine_over_fewer_epochs_rises_again():
    found = rates(epochs=6, schedule="cosine", lr_period=4)
    expected = [1, 0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.sqrt(2) / 4, 0, 0.5 - math.sqrt(2) / 4]
    assert found == pytest.approx(expected)


def test_a_cosine_with_restarts_is_torchs():
    """ELR's: lr 0.02, periods of 10 epochs, no lower than 0.001."""
    given = {"lr": 0.02, "epochs": 25, "schedule": "cosine-restarts", "lr_period": 10}
    found = [0.02 * factor for factor in rates(lr_min=0.001, **given)]
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.02)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 10, eta_min=0.001)
    expected = []
    for _ in range(25):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    assert found == pytest.approx(expected, rel=1e-12)
    assert found[9] > 0.001 and found[10] == 0.02


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


# --- what weight decay is for --------------------------------------------------------------------

KERNELS = TrainConfig(lr=0.1, momentum=0.0, weight_decay=0.5, decay="kernels")


def resnet() -> nn.Module:
    torch.manual_seed(0)
    net = build_net("resnet14", (3, 8, 8), 4)
    for parameter in net.parameters():  # biases begin at zero, where no decay would show
        nn.init.uniform_(parameter, 0.5, 1.0)
    return net


def is_kernel(name: str, net: nn.Module) -> bool:
    """By name and shape, and not by the layer's type, as the code does it."""
    return name.endswith("weight") and net.get_parameter(name).dim() > 1


def test_decay_of_kernels_leaves_biases_and_batch_normalisation_alone():
    net = resnet()
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    groups = decay_groups([{"params": list(net.parameters())}], net, KERNELS)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    make_optimizer(groups, KERNELS).step()
    for name, parameter in net.named_parameters():
        shrunk = before[name] * (1 - 0.1 * 0.5)
        assert torch.allclose(parameter, shrunk if is_kernel(name, net) else before[name]), name
    kernels = [name for name in before if is_kernel(name, net)]
    assert len(kernels) == 13 + 2 + 1  # convolutions, 1x1 shortcuts, the dense layer


def test_decay_of_all_is_one_group_as_it_was():
    net = resnet()
    groups = [{"params": list(net.parameters())}]
    assert decay_groups(groups, net, TrainConfig(weight_decay=0.5)) is groups


def test_every_parameter_is_trained_once_with_its_groups_settings():
    net = resnet()
    head = list(net.head.parameters())
    body = [p for p in net.parameters() if all(p is not h for h in head)]
    own = nn.Parameter(torch.ones(2, 2))
    groups = decay_groups(
        [{"params": body}, {"params": head, "lr": 3.0}, {"params": [own], "weight_decay": 0.7}],
        net,
        KERNELS,
    )
    trained = [p for group in groups for p in group["params"]]
    assert sorted(map(id, trained)) == sorted(map(id, [*net.parameters(), own]))
    by_id = {id(p): group for group in groups for p in group["params"]}
    assert by_id[id(net.head.weight)] == {"params": [net.head.weight], "lr": 3.0}
    assert by_id[id(net.head.bias)]["lr"] == 3.0
    assert by_id[id(net.head.bias)]["weight_decay"] == 0.0
    assert by_id[id(own)]["weight_decay"] == 0.7
    (alone,) = decay_groups([{"params": [net.head.weight]}], net, KERNELS)
    assert alone == {"params": [net.head.weight]}


@pytest.mark.parametrize("decay", ["all", "kernels"])
def test_the_penalty_is_what_the_decays_gradient_is_of(decay):
    net = resnet()
    config = TrainConfig(weight_decay=2e-4, decay=decay)
    chosen = [p for name, p in net.named_parameters() if decay == "all" or is_kernel(name, net)]
    expected = 1e-4 * sum(float(p.detach().double().square().sum()) for p in chosen)  # Keras' l2
    assert decay_penalty(net, config).item() == pytest.approx(expected, rel=1e-12)
    assert decay_penalty(net, TrainConfig()).item() == 0


def test_a_frozen_kernel_is_neither_trained_nor_penalised():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    net[0].weight.requires_grad_(False)
    expected = 0.25 * net[1].weight.detach().double().square().sum().item()
    assert decay_penalty(net, KERNELS).item() == pytest.approx(expected)
