"""JoCoR: Wei et al., *Combating noisy labels by agreement: a joint training method with
co-regularization*, CVPR 2020. Two networks that are to agree, and learn from what both find easy.
"""

from __future__ import annotations

from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.agreement import symmetric_kl
from lnl_core.methods.options import SHARE, number
from lnl_core.methods.selection.co_teaching import SmallLoss


class JoCoR(SmallLoss):
    """(1 - λ)(CE₁ + CE₂) + λ (KL₁₂ + KL₂₁) (eq. 1-3), its mean (eq. 5) over the samples of the
    batch for which it is smallest (eq. 4), with λ = `agreement` in [0, 1]. Other options as in
    `SmallLoss`. The equations' numbers are from a summary of the paper.

    λ was best, the authors say beside their code, on CIFAR-10 at 0.9 with symmetric noise of 20 and
    50% and with asymmetric noise of 40%, which is the default here, and at 0.65 with 80%; on
    CIFAR-100 at 0.85. Their code's own default is 0.1.
    """

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        forget_rate: float | None = None,
        ramp: int = 10,
        agreement: float = 0.9,
        evaluated: str = "first",
    ) -> None:
        super().__init__(net, peer, data, forget_rate, ramp, evaluated)
        self.agreement = number("agreement", agreement, *SHARE)

    def loss(self, batch: Batch) -> Tensor:
        logits, others = self.net(batch.x), self.peer(batch.x)
        wrong = sum(losses.cross_entropy(each, batch.labels) for each in (logits, others))
        values = (1 - self.agreement) * wrong + self.agreement * symmetric_kl(logits, others)
        self.remember(batch, values)
        return values * self.weights(self.smallest(values))
