"""Cross-entropy, the baseline of every table."""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import TrainingSet
from lnl_core.methods.base import Method


class CrossEntropy(Method):
    """Cross-entropy; for multi-label data, a logistic loss a label, summed."""

    multi_label = True
    stacks = True

    def __init__(self, net: nn.Module, data: TrainingSet) -> None:
        super().__init__(net, data)
        self._per_label = data.multi_label

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self._per_label:
            return losses.binary_cross_entropy(logits, labels)
        return losses.cross_entropy(logits, labels)

    def predict(self, x: Tensor) -> Tensor:
        return self.logits(x).sigmoid() if self._per_label else super().predict(x)
