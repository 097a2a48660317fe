"""Bootstrapping: Reed et al., *Training deep neural networks on noisy labels with bootstrapping*,
ICLR workshop 2015. The target is a mixture of the label and of what the network believes."""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import TrainingSet
from lnl_core.errors import InputError
from lnl_core.methods.base import Method


class BootstrapSoft(Method):
    """Soft bootstrapping, -Σ_k [β ỹ_k + (1-β) p̂_k] log p̂_k (eq. 6).

    `beta` in [0, 1] is the weight of the label; 0.95 is the value of Reed et al. and of Patrini
    et al.'s comparison.
    """

    stacks = True

    def __init__(self, net: nn.Module, data: TrainingSet, beta: float = 0.95) -> None:
        super().__init__(net, data)
        if not isinstance(beta, int | float) or not 0 <= beta <= 1:
            raise InputError(f"beta is {beta!r}, but the weight of the label lies in [0, 1].")
        self.beta = beta

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.bootstrap_soft(logits, labels, self.beta)
