"""MentorNet with its predefined curriculum: Jiang et al., *MentorNet: Learning data-driven
curriculum for very deep neural networks on corrupted labels*, ICML 2018. Samples count by how
their losses compare with the others' of late.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.curriculum import curriculum_weight, random_subset
from lnl_core.methods.base import Method
from lnl_core.methods.options import number


class MentorNet(Method):
    """MentorNet PD: cross-entropy times v, v = 1 - (ℓ - λ₁)/λ₂ held in [0, 1] (eq. 7) with λ₂ =
    `spread`; λ₁ is a moving average, λ₁ ← `decay` λ₁ + (1 - `decay`) q, of the `percentile`
    quantile q of each batch's losses, the batch's own among them.

    v is 1 in the first `burn_in` of the epochs, a share in [0, 1]. *Example dropout*: a random
    share of each batch is left out, `early_dropout` in the first `early` of the epochs and
    `dropout` after that. The batch's mean is over all its samples, also those left out.

    The paper trains a network to say v, and approximates this rule with it; here v is the rule. (In
    the other variant, MentorNet DD, what is learned is v itself, from clean labels.) Values are
    those of the authors' commands for PD on CIFAR-10, the dropout of 17% of the epochs included:
    no burn-in (DD has 0.18; two reviews tell of weights drawn at random in the first fifth, which
    is neither), a `percentile` of 0.75, and of 0.5 at 80% noise, λ₂ = 1, from their
    instructions for data to learn v from; `decay` is their script's default. We have not seen the
    text; the equation's number is from those reviews. λ₁ begins with the first batch's quantile; at
    0, as in that code, next to nothing would count at first.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        percentile: float = 0.75,
        spread: float = 1.0,
        decay: float = 0.5,
        burn_in: float = 0.0,
        early_dropout: float = 0.5,
        dropout: float = 0.05,
        early: float = 0.17,
    ) -> None:
        super().__init__(net, data)
        share = "in [0, 1]", lambda value: 0 <= value <= 1
        below_one = "in [0, 1)", lambda value: 0 <= value < 1
        self.percentile = number("percentile", percentile, *share)
        self.spread = number(
            "spread", spread, "a finite number, at least 0", lambda value: 0 <= value < float("inf")
        )
        self.decay = number("decay", decay, *below_one)
        self.burn_in = number("burn_in", burn_in, *share)
        self.early_dropout = number("early_dropout", early_dropout, *below_one)
        self.dropout = number("dropout", dropout, *below_one)
        self.early = number("early", early, *share)
        #: λ₁, and whether any batch has been seen.
        self.register_buffer("threshold", torch.zeros((), device=data.device))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool, device=data.device))
        #: v of each sample when it was last seen, [N]; before that 1.
        self.register_buffer("weights", torch.ones(len(data), device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        passed = (epoch - 1) / data.epochs
        self.burning_in = passed < self.burn_in
        self.dropped = self.early_dropout if passed < self.early else self.dropout

    def loss(self, batch: Batch) -> Tensor:
        values = losses.cross_entropy(self.net(batch.x).float(), batch.labels)
        weight = self._mentor(batch, values.detach())
        return values * weight * random_subset(values, self.dropped)

    def _mentor(self, batch: Batch, values: Tensor) -> Tensor:
        """v of the batch's samples by their losses [B], λ₁ brought up to date."""
        quantile = values.quantile(self.percentile)
        average = self.threshold.lerp(quantile, 1 - self.decay)
        self.threshold.copy_(torch.where(self.begun, average, quantile))
        self.begun.fill_(True)
        weight = curriculum_weight(values, self.threshold, self.spread)
        self.weights.index_copy_(0, batch.index, weight)
        return torch.ones_like(weight) if self.burning_in else weight

    def clean_probability(self) -> Tensor:
        """v when last seen, [N]: a weight, and no probability. It is kept also in the burn-in."""
        return self.weights

    def diagnostics(self) -> dict[str, float]:
        """`weight`: the mean v; `threshold`: λ₁."""
        return {"weight": self.weights.double().mean().item(), "threshold": self.threshold.item()}
