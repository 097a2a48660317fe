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
from lnl_core.methods.options import SHARE, WEIGHT, number


class MentorNet(Method):
    """MentorNet PD: cross-entropy ℓ times v, a rule that changes with the share of the epochs that
    has passed:

    * before `burn_in` it is 1;
    * from there to `graded_from` it is 1 where ℓ ≤ λ₁, else 0: self-paced learning;
    * from `graded_from` on it is 1 - (ℓ - λ₁)/λ₂ held in [0, 1] (eq. 7), with λ₂ = `spread`; at
      0.9 a run of fewer than 10 epochs never gets there.

    λ₁ is a moving average, λ₁ ← `decay` λ₁ + (1 - `decay`) q, of the `percentile` quantile q of
    each batch's losses, the batch's own among them. With `burn_in` and `graded_from` 0 this is the
    linear curriculum alone, another one of the authors', and with 0 and 1 self-paced learning.

    *Example dropout*: a random share of each batch is left out, `early_dropout` in the first
    `early` of the epochs and `dropout` after that. The batch's mean is over all its samples, also
    those left out.

    The paper trains a network to say v. For PD its code makes what that network learns from by this
    rule, with these shares and λ₂ = 1; here v is the rule. (In the other variant, DD, v is learned
    from clean labels.) Dropout and `percentile` are those of the authors' commands for CIFAR-10
    with 20 and 40% noise; at 80% it is 0.5. (The commands misspell this flag: if it was passed over
    its default stood, 0.7.) `decay` is their script's default. Its training: batches of 128, SGD at
    0.1 with momentum 0.9 and decay 2e-4, the decay times the batch's mean v; 39 000 steps, the rate
    divided by 10 after 19 531, 25 000 and 30 000.

    λ₁ begins with the first batch's quantile, in that code at 0: without a burn-in next to nothing
    would count at first; after one it is all the same. We have not seen the text. The equation's
    number is from two reviews, which tell of weights drawn at random in the first fifth; in the
    code nothing is random but the dropout.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        percentile: float = 0.75,
        spread: float = 1.0,
        decay: float = 0.5,
        burn_in: float = 0.19,
        graded_from: float = 0.9,
        early_dropout: float = 0.5,
        dropout: float = 0.05,
        early: float = 0.17,
    ) -> None:
        super().__init__(net, data)
        below_one = "in [0, 1)", lambda value: 0 <= value < 1
        self.percentile = number("percentile", percentile, *SHARE)
        self.spread = number("spread", spread, *WEIGHT)
        self.decay = number("decay", decay, *below_one)
        self.burn_in = number("burn_in", burn_in, *SHARE)
        self.graded_from = number("graded_from", graded_from, *SHARE)
        self.early_dropout = number("early_dropout", early_dropout, *below_one)
        self.dropout = number("dropout", dropout, *below_one)
        self.early = number("early", early, *SHARE)
        #: λ₁, and whether any batch has been seen.
        self.register_buffer("threshold", torch.zeros((), device=data.device))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool, device=data.device))
        #: v of each sample when it was last seen, [N]; before that 1.
        self.register_buffer("weights", torch.ones(len(data), device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        passed = (epoch - 1) / data.epochs
        self.burning_in = passed < self.burn_in
        #: λ₂ of the epoch under way.
        self.width = self.spread if passed >= self.graded_from else 0.0
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
        weight = curriculum_weight(values, self.threshold, self.width)
        self.weights.index_copy_(0, batch.index, weight)
        return torch.ones_like(weight) if self.burning_in else weight

    def clean_probability(self) -> Tensor:
        """v when last seen, [N]: a weight, and no probability. In the burn-in it is what v would be
        without one."""
        return self.weights

    def diagnostics(self) -> dict[str, float]:
        """`weight`: the mean v; `threshold`: λ₁."""
        return {"weight": self.weights.double().mean().item(), "threshold": self.threshold.item()}
