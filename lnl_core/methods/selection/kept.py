"""Training on some of the samples: what recipes that select are made of."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from lnl_core.data import Batch, TrainingSet
from lnl_core.methods.base import Method


class Kept(Method):
    """Cross-entropy on the samples in `index` (int64 [n]), and on no others."""

    def __init__(self, net: nn.Module, data: TrainingSet, index: Tensor) -> None:
        super().__init__(net, data)
        self.register_buffer("index", index)

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        return data.batches(self.views, self.index)
