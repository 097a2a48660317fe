"""CORES²: Cheng et al., *Learning with instance-dependent label noise: A sample sieve approach*,
ICLR 2021. Confidence is rewarded, and what the network then contradicts is sieved out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses.flywheel import FLOOR, confidence
from lnl_core.methods.base import Method
from lnl_core.methods.options import WEIGHT, flag, number, whole
from lnl_core.methods.schedules import at_epoch

PRIORS = ("kept", "all")
#: β as a share of its last value after so many of 100 epochs, and how many have no sieve.
SCHEDULE = ((10, 0.0), (40, 1.0), (100, 1.0))
SIEVED_FROM = 0.3
FLOORS = "in [0, 1), such as 1e-8", lambda floor: 0 <= floor < 1


class CORES2(Method):
    """Phase 1: the samples that pass the sieve, v = 1, and of each

        ℓ(f(x), ỹ) - β E_{ŷ ~ p(Ỹ)} ℓ(f(x), ŷ),

    cross-entropy ℓ less its mean over the labels' frequencies, which makes predictions confident.
    A sample passes where its label's loss is not above the mean loss of all K labels: v = 1 where
    ℓ(f(x), ỹ) ≤ (1/K) Σ_k ℓ(f(x), k) (the regulariser is on both sides and falls out).

    β is 0 for 10 of 100 epochs, rises to `beta` within the next 30 and stays, and the sieve begins
    after `sieve_from` epochs (None: 30 of 100), all at the same shares of a run of other length:
    the authors' code, but that its `epoch <= 30` counts from 0 and leaves 31 epochs without a
    sieve. There, and here, a batch's sieve is its own forward pass in training mode, where the text
    has the network of the epoch before; the mean is over what passes, and a batch of which nothing
    passes teaches nothing. `prior`: p(Ỹ) are the frequencies of the labels that passed in the epoch
    before, `kept`, as in that code, or of `all`, as in the text. `floor` is added to probabilities
    in the regulariser, which is unbounded otherwise. With `rescale` the loss is divided by 1 + β,
    as the code divides the learning rate.

    Phase 2, consistency training on the sieved samples without their labels, is another method's
    (UDA) and not here. Which phase the tables that copy CORES² have, they do not say.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        beta: float = 2.0,
        sieve_from: int | None = None,
        prior: str = "kept",
        floor: float = FLOOR,
        rescale: bool = True,
    ) -> None:
        super().__init__(net, data)
        self.beta = number("beta", beta, *WEIGHT)
        share = max(1, round(SIEVED_FROM * data.epochs))
        self.sieve_from = share if sieve_from is None else whole("sieve_from", sieve_from, 0)
        if prior not in PRIORS:
            raise unknown_name("prior", prior, PRIORS)
        self.over = prior
        self.floor = number("floor", floor, *FLOORS)
        self.rescale = flag("rescale", rescale)
        self.register_buffer(
            "prior", self._frequencies(data, torch.ones(len(data)).to(data.device))
        )
        #: Mean loss of all labels less the label's, of each sample when last seen: [N].
        self.register_buffer("margins", torch.zeros(len(data), device=data.device))
        #: β of the epoch under way, and whether it is sieved.
        self.register_buffer("weight", torch.zeros((), device=data.device))
        self.register_buffer("sieving", torch.zeros((), dtype=torch.bool, device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.weight.fill_(self.beta * at_epoch(epoch, data.epochs, SCHEDULE))
        self.sieving.fill_(epoch > self.sieve_from)
        # After one epoch of the sieve there are samples that passed it.
        if self.over == "kept" and epoch > self.sieve_from + 1:
            self.prior.copy_(self._frequencies(data, (self.margins >= 0).float()))

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        values = losses.cross_entropy(logits, batch.labels)
        margin = (-F.log_softmax(logits, -1).mean(-1) - values).detach()
        self.margins.index_copy_(0, batch.index, margin.float())
        passed = ((margin >= 0) | ~self.sieving).to(values.dtype)
        values = values + self.weight * confidence(logits, self.prior, self.floor)
        values = values / (1 + self.weight) if self.rescale else values
        return values * passed * (len(passed) / passed.sum().clamp_min(1))

    def clean_probability(self) -> Tensor:
        """By how much a sample passed the sieve when it was last seen, [N]: below 0 it did not."""
        return self.margins

    def _frequencies(self, data: TrainingSet, weights: Tensor) -> Tensor:
        """Of the labels, [K]; of all of them where nothing has weight."""
        given = F.one_hot(data.labels, data.num_classes).float()
        counts = (given * weights[:, None]).sum(0)
        return torch.where(counts.sum() > 0, counts / counts.sum().clamp_min(1), given.mean(0))
