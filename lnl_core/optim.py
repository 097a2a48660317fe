"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lnl_core.config import TrainConfig


def make_optimizer(groups: list[dict], config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser over parameter groups in torch's format. A group may carry its own `lr`."""
    common = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimizer == "adam":
        optimizer = torch.optim.Adam(groups, eps=config.epsilon, **common)
    elif config.optimizer == "adagrad":
        optimizer = torch.optim.Adagrad(groups, eps=config.epsilon, **common)
    else:
        optimizer = torch.optim.SGD(
            groups, momentum=config.momentum, nesterov=config.nesterov, **common
        )
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]
    return optimizer


def decayed(module: nn.Module, config: TrainConfig) -> list[nn.Parameter]:
    """The parameters that `weight_decay` is for: see `TrainConfig.decay`."""
    if config.decay == "all":
        return [parameter for parameter in module.parameters() if parameter.requires_grad]
    layers = nn.Linear | nn.modules.conv._ConvNd
    kernels = [layer.weight for layer in module.modules() if isinstance(layer, layers)]
    return [weight for weight in kernels if weight.requires_grad]


def decay_groups(groups: list[dict], module: nn.Module, config: TrainConfig) -> list[dict]:
    """The parameter groups of a module, split where only some of a group is to be decayed.

    A group with a `weight_decay` of its own keeps it.
    """
    if config.decay == "all":
        return groups
    chosen = {id(parameter) for parameter in decayed(module, config)}
    split: list[dict] = []
    for group in groups:
        if "weight_decay" in group:
            split.append(group)
            continue
        inside = [p for p in group["params"] if id(p) in chosen]
        outside = [p for p in group["params"] if id(p) not in chosen]
        if inside:
            split.append({**group, "params": inside})
        if outside:
            split.append({**group, "params": outside, "weight_decay": 0.0})
    return split


def decay_penalty(module: nn.Module, config: TrainConfig) -> Tensor:
    """(λ/2) Σw² over the decayed parameters: the term of the loss that weight decay stands for."""
    squares = [weight.detach().double().square().sum() for weight in decayed(module, config)]
    return 0.5 * config.weight_decay * sum(squares, torch.zeros((), dtype=torch.float64))


def lr_factor(config: TrainConfig, epoch: int) -> float:
    """What the learning rate is multiplied by in `epoch`, counted from 1.

    A function of the epoch alone, so that there is no schedule state to save or to lose.
    """
    if config.schedule == "step":
        return config.lr_gamma ** sum(epoch > drop for drop in config.lr_drops)
    if config.schedule in ("cosine", "cosine-restarts"):
        period, done = config.lr_period or config.epochs, epoch - 1
        if config.schedule == "cosine-restarts":
            done %= period
        least = config.lr_min / config.lr
        return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * done / period))
    return 1.0


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
