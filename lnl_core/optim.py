"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

import math

import torch

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


def lr_factor(config: TrainConfig, epoch: int) -> float:
    """What the learning rate is multiplied by in `epoch`, counted from 1.

    A function of the epoch alone, so that there is no schedule state to save or to lose.
    """
    if config.schedule == "step":
        return config.lr_gamma ** sum(epoch > drop for drop in config.lr_drops)
    if config.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (epoch - 1) / config.epochs))
    return 1.0


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
