"""DivideMix: Li et al., *DivideMix: Learning with noisy labels as semi-supervised learning*, ICLR
2020. Small losses mark clean labels; where they are not small, the label is thrown away and the
sample kept.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import TrainingSet
from lnl_core.losses.divide import min_max
from lnl_core.methods.options import LONGEST, SHARE, number, whole
from lnl_core.methods.semi_supervised.divided import Divided
from lnl_core.methods.semi_supervised.two_gaussians import lower_component


class DivideMix(Divided):
    """Co-divide: each epoch, each network's losses of all samples (eq. 1), scaled to [0, 1], are
    taken for a mixture of two normal distributions; w_i is the probability that sample i is of the
    one with the lower mean. A network is trained on the *other's* division, labelled where
    w_i > `threshold`, and trusts labels by the other's w_i.

    The papers' settings differ by noise. `weight_u`: 25 at 50% and 80% symmetric noise, 0 at 20%
    and for asymmetric noise, 50 at 90%; on CIFAR-100 25 at 20%, then 150. `threshold`: 0.5, and
    0.6 at 90%; there the losses, too, are the mean of the last `average_losses` = 5 epochs' (of as
    many as there are since the warm-up). The other options are described in `Divided`.
    """

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        weight_u: float = 25.0,
        threshold: float = 0.5,
        temperature: float = 0.5,
        alpha: float = 4.0,
        warm_up: int | None = None,
        ramp: int = 16,
        average_losses: int = 1,
        confidence_penalty: bool = False,
    ) -> None:
        super().__init__(
            net, peer, data, weight_u, temperature, alpha, warm_up, ramp, confidence_penalty
        )
        self.threshold = number("threshold", threshold, *SHARE)
        whole("average_losses", average_losses, 1, LONGEST)
        #: The scaled losses of the last epochs, the oldest overwritten first; w of each network.
        self.register_buffer("losses", torch.zeros(average_losses, 2, len(data)))
        self.register_buffer("clean", torch.zeros(2, len(data)))

    def divide(self, data: TrainingSet) -> None:
        current = min_max(losses.cross_entropy(self.survey(data), data.labels.expand(2, -1)))
        epochs = int(self.divisions)
        self.losses[(epochs - 1) % len(self.losses)] = current
        average = self.losses[:epochs].mean(0)
        self.clean.copy_(torch.stack([lower_component(values) for values in average]))

    def split(self, active: int, data: TrainingSet) -> Tensor:
        return self.trust(active) > self.threshold

    def trust(self, active: int) -> Tensor:
        return self.clean[1 - active]

    def clean_probability(self) -> Tensor | None:
        """w, the mean of both networks', [N]; None in the warm-up."""
        return self.clean.mean(0) if self.divisions else None

    def diagnostics(self) -> dict[str, float]:
        """`labelled`: the share of the samples whose labels were kept, of both divisions."""
        if not self.divisions:
            return {}
        return {"labelled": (self.clean > self.threshold).double().mean().item()}
