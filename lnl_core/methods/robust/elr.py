"""ELR: Liu et al., *Early-learning regularization prevents memorization of noisy labels*, NeurIPS
2020. A network fits the right labels first; what it said then is held against what it is told now.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.early_learning import clipped_probabilities, early_learning
from lnl_core.methods.base import Method
from lnl_core.methods.options import WEIGHT, number


class ELR(Method):
    """Cross-entropy and a regulariser, with targets that follow the network's own predictions:

        L = CE + λ mean_i log(1 - ⟨p_i, t_i⟩)                                          (eq. 6)
        t_i ← β t_i + (1 - β) p_i                                                      (eq. 9)

    with λ = `weight` and β = `beta`. The second term's gradient grows with ⟨p, t⟩: it keeps up
    samples whose early prediction the label contradicts, and those that are right when their own
    gradient is gone.

    The authors' settings: β = 0.7 and λ = 3 for symmetric noise on CIFAR-10, the default; 0.9 and 1
    for asymmetric; 0.9 and 7 on CIFAR-100. t starts at zero and is brought up to date by a batch's
    predictions before its loss (Algorithm 1), in training mode and on augmented samples. p is held
    in [`clip`, 1 - `clip`] in the second term, and for t also divided by its sum: so the code, with
    1e-4; the text has neither, and its logarithm no bound. The equations' numbers are the PDF's; an
    HTML version counts one more.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        beta: float = 0.7,
        weight: float = 3.0,
        clip: float = 1e-4,
    ) -> None:
        super().__init__(net, data)
        self.beta = number("beta", beta, "in [0, 1)", lambda value: 0 <= value < 1)
        self.weight = number("weight", weight, *WEIGHT)
        self.clip = number("clip", clip, "in (0, 0.5), such as 1e-4", lambda value: 0 < value < 0.5)
        #: t [N, K]; of a sample that was never seen, zeros.
        self.register_buffer(
            "targets", torch.zeros(len(data), data.num_classes, device=data.device)
        )

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        p = clipped_probabilities(logits, self.clip)
        with torch.no_grad():
            now = p / p.sum(-1, keepdim=True)
            target = self.targets[batch.index].lerp(now, 1 - self.beta)
            self.targets.index_copy_(0, batch.index, target)
        return losses.cross_entropy(logits, batch.labels) + self.weight * early_learning(p, target)

    def corrected_labels(self) -> Tensor:
        """t as distributions, [N, K]; uniform for a sample that was never seen."""
        sums = self.targets.sum(-1, keepdim=True)
        uniform = 1 / self.targets.shape[-1]
        return torch.where(sums > 0, self.targets / sums.clamp_min(1e-12), uniform)
