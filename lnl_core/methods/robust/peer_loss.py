"""Peer loss: Liu and Guo, *Peer loss functions: Learning from noisy labels without knowing noise
rates*, ICML 2020. Who agrees with the labels of other samples as well agrees blindly, and is
punished.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses.flywheel import confidence
from lnl_core.losses.peer import floored_cross_entropy, peer
from lnl_core.methods.base import Method
from lnl_core.methods.options import WEIGHT, flag, number
from lnl_core.methods.schedules import at_epoch

PEERS = ("drawn", "expected")
#: α after so many of 300 epochs.
SCHEDULE = ((20, 0.0), (40, 1.0), (50, 2.0), (100, 5.0), (200, 10.0), (300, 20.0))
FLOOR = "in [0, 1), such as 1e-5", lambda floor: 0 <= floor < 1


@dataclass(frozen=True)
class Peered:
    """A batch, as many other samples [B, ...] and the labels [B] of still others."""

    batch: Batch
    x: Tensor
    labels: Tensor


class PeerLoss(Method):
    """ℓ(f(x_n), ỹ_n) - α ℓ(f(x_n1), ỹ_n2), with n1 and n2 drawn independently for each sample: with
    α = 1 eq. 5, by a summary of the paper.

    `peers`: `drawn`, from the whole training set, which is a second forward pass; or `expected`,
    the term's expectation over ỹ_n2, the labels' frequencies, taken at the batch's own samples (as
    in the code of Cheng et al. 2021, CORES²).

    The theory has one α for good, 1 where classes and noise are balanced. In the authors' later
    code for several classes it is 0 for 20 of 300 epochs and then rises, in straight pieces that
    differ from script to script and end at 5 to 20. With `ramp` it follows one of them, through
    1, 2, 5, 10 and 20 after 40, 50, 100, 200 and 300 of 300 epochs, as far as `alpha` and no
    further; without it it is `alpha` from the first epoch on. The default of 1 is ours: what is
    drawn is noise as well, and above 1 a small network on digits does worse by it, though not by
    the expectation.

    ℓ is cross-entropy with `floor` added to the probability, 1e-5 in that code: what is subtracted
    has no bound otherwise. With `rescale` the loss is divided by 1 + α, as that code divides the
    learning rate (for SGD the same, but that weight decay keeps its own).
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        alpha: float = 1.0,
        ramp: bool = True,
        peers: str = "drawn",
        floor: float = 1e-5,
        rescale: bool = True,
    ) -> None:
        super().__init__(net, data)
        self.alpha = number("alpha", alpha, *WEIGHT)
        self.ramp = flag("ramp", ramp)
        if peers not in PEERS:
            raise unknown_name("peers", peers, PEERS)
        self.peers = peers
        self.floor = number("floor", floor, *FLOOR)
        self.rescale = flag("rescale", rescale)
        counts = F.one_hot(data.labels, data.num_classes).float()
        self.register_buffer("prior", counts.mean(0))
        #: α of the epoch under way.
        self.register_buffer("weight", torch.zeros((), device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        risen = at_epoch(epoch, data.epochs, SCHEDULE) if self.ramp else self.alpha
        self.weight.fill_(min(risen, self.alpha))

    def batches(self, data: TrainingSet) -> Iterator[Batch | Peered]:
        for batch in super().batches(data):
            if self.peers == "expected":
                yield batch
                continue
            others = torch.randint(len(data), (2, len(batch.index)), device=data.device)
            yield Peered(batch, data.take(others[0], self.views).x, data.labels[others[1]])

    def loss(self, batch: Batch | Peered) -> Tensor:
        if isinstance(batch, Peered):
            # In one pass, so that both are normalised alike.
            both = self.logits(torch.cat([batch.batch.x, batch.x]))
            own, others = both.chunk(2)
            values = peer(own, batch.batch.labels, others, batch.labels, self.weight, self.floor)
        else:
            logits = self.logits(batch.x)
            values = floored_cross_entropy(logits, batch.labels, self.floor)
            values = values + self.weight * confidence(logits, self.prior, self.floor)
        return values / (1 + self.weight) if self.rescale else values
