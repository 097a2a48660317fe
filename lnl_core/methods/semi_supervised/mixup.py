"""MixUp alone, against noisy labels: Zhang et al., *mixup: Beyond Empirical Risk Minimization*,
ICLR 2018, Section 3.4."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.methods.base import Method
from lnl_core.methods.options import POSITIVE, number
from lnl_core.methods.semi_supervised.mixing import mix


class MixUp(Method):
    """Cross-entropy on means of two samples and of their labels, λ ~ Beta(α, α) with α = `alpha`.

    α = 1 is the authors' code's; for noisy labels their text also has 8 and 32, which mix nearly
    half and half and are stronger. A batch is mixed with itself in another order (see `mixing`).
    Refuses token ids, which have no mean.
    """

    def __init__(self, net: nn.Module, data: TrainingSet, alpha: float = 1.0) -> None:
        super().__init__(net, data)
        self.alpha = number("alpha", alpha, *POSITIVE)
        self.num_classes = data.num_classes

    def loss(self, batch: Batch) -> Tensor:
        labels = F.one_hot(batch.labels, self.num_classes).float()
        x, targets = mix(batch.x, labels, self.alpha)
        return losses.cross_entropy(self.logits(x), targets)
