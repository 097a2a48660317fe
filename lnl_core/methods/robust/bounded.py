"""Losses that are robust by their shape: the rivals in Patrini et al.'s Table 2.

Unhinged and sigmoid cannot be used alone on a deep network: the first is unbounded, the second
saturates. Patrini et al. (Section 5.2) put a batch normalisation between the network and the
loss, and so do these.
"""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import TrainingSet
from lnl_core.errors import InputError
from lnl_core.methods.base import Method


class _Normalised(Method):
    """The network's outputs whitened over the batch, with a learned scale and shift a class.

    The constants are Keras', which the authors used: momentum 0.99 (torch's 0.01), ε = 0.001.
    Raises `InputError` for batches of one sample, which have no variance to divide by.
    """

    def __init__(self, net: nn.Module, data: TrainingSet) -> None:
        super().__init__(net, data)
        if (size := min(data.batch_size, len(data))) < 2:
            raise InputError(
                f"{type(self).__name__} normalises the outputs over a batch, and a batch here is "
                f"{size} sample (batch size {data.batch_size}, {len(data)} training samples): use "
                "2 of each at least, or savage, which does not normalise."
            )
        self.norm = nn.BatchNorm1d(data.num_classes, eps=1e-3, momentum=0.01)

    def logits(self, x: Tensor) -> Tensor:
        return self.norm(self.net(x))


class Unhinged(_Normalised):
    """The unhinged loss (van Rooyen et al. 2015), with batch normalisation."""

    stacks = True

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.unhinged(logits, labels)


class Sigmoid(_Normalised):
    """The sigmoid loss (Ghosh et al. 2015), with batch normalisation."""

    stacks = True

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.sigmoid(logits, labels)


class Savage(Method):
    """The Savage loss (Masnadi-Shirazi and Vasconcelos 2009) of the softmax probabilities."""

    stacks = True

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.savage(logits, labels)
