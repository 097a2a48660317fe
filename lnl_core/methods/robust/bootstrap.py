"""Bootstrapping: Reed et al., *Training deep neural networks on noisy labels with bootstrapping*,
ICLR workshop 2015. The target is a mixture of the label and of what the network believes.

`beta` in [0, 1] is the weight of the *label* in both methods.
"""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import TrainingSet
from lnl_core.losses import multi_label
from lnl_core.methods.base import Method
from lnl_core.methods.options import number

LABEL_WEIGHT = "a weight of the label in [0, 1]", lambda beta: 0 <= beta <= 1


class BootstrapSoft(Method):
    """Soft bootstrapping, -Σ_k [β ỹ_k + (1-β) p̂_k] log p̂_k (eq. 6). β = 0.95 is Reed et al.'s.

    Of multi-label data each label is bootstrapped on its own (`multi_label.bootstrap_soft`)."""

    multi_label = True
    stacks = True

    def __init__(self, net: nn.Module, data: TrainingSet, beta: float = 0.95) -> None:
        super().__init__(net, data)
        self.beta = number("beta", beta, *LABEL_WEIGHT)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.per_label:
            return multi_label.bootstrap_soft(logits, labels, self.beta)
        return losses.bootstrap_soft(logits, labels, self.beta)


class BootstrapHard(Method):
    """Hard bootstrapping: the prediction's argmax in the prediction's place (eq. 7), β = 0.8."""

    stacks = True

    def __init__(self, net: nn.Module, data: TrainingSet, beta: float = 0.8) -> None:
        super().__init__(net, data)
        self.beta = number("beta", beta, *LABEL_WEIGHT)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.bootstrap_hard(logits, labels, self.beta)
