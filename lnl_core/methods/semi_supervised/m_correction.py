"""M-correction: Arazo et al., *Unsupervised label noise modeling and loss correction*, ICML 2019.
A mixture of two beta distributions says of each sample how likely its label is wrong, and by so
much the label gives way to the network's own prediction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses import soft
from lnl_core.methods.base import Method
from lnl_core.methods.options import POSITIVE, WEIGHT, number, warm_up_epochs
from lnl_core.methods.semi_supervised.mixing import mix
from lnl_core.methods.semi_supervised.two_betas import upper_component

#: Epochs of MixUp alone, of how many on CIFAR.
WARM_UP, EPOCHS = 105, 300


class MCorrection(Method):
    """The paper's M-DYR-H: MixUp with dynamic, hard bootstrapping. After a warm-up each epoch
    begins with the losses of all samples, to which `two_betas` fits the mixture; w_i is the
    probability that sample i's is of the component with the higher mean. A sample's target is

        (1 - w_i) y_i + w_i z_i,  z_i the class that the network predicts of it now

    and samples are mixed together with their targets, λ ~ Beta(α, α) with α = `alpha`. The loss is
    the mixed batch's cross-entropy and, times `weight`, KL(uniform ‖ the batch's mean prediction),
    without which all could be predicted to be one class.

    For the first `warm_up` epochs (None: 105 of 300, and as large a part of a shorter run, one at
    least) it is MixUp alone, without that term, as in the authors' code. That code's learning rate
    falls after epoch 100 and once more after 250. z is predicted in training mode, as there.

    The text leaves w's moment open. Here it is fixed for an epoch, from unaugmented samples in
    evaluation mode. The authors' code fits the mixture to augmented samples' losses after each
    epoch, and judges each batch's losses by it anew.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        alpha: float = 32.0,
        weight: float = 1.0,
        warm_up: int | None = None,
    ) -> None:
        super().__init__(net, data)
        self.alpha = number("alpha", alpha, *POSITIVE)
        self.weight = number("weight", weight, *WEIGHT)
        usual = min(WARM_UP, data.epochs * WARM_UP // EPOCHS)
        self.warm_up = warm_up_epochs("warm_up", warm_up, usual, data.epochs, part=1)
        self.num_classes = data.num_classes
        classes = torch.full((data.num_classes,), 1 / data.num_classes, device=data.device)
        self.register_buffer("prior", classes)
        #: w [N], and whether the samples have been judged.
        self.register_buffer("wrong", torch.zeros(len(data)))
        self.register_buffer("judged", torch.zeros((), dtype=torch.bool))
        #: Each sample's target when it was last trained on, [N, K]; before that its label.
        self.register_buffer("targets", F.one_hot(data.labels, data.num_classes).float())

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.correcting = epoch > self.warm_up
        if self.correcting:
            logits = torch.cat([self.net(batch.x).float() for batch in data.scan()])
            self.wrong.copy_(upper_component(losses.cross_entropy(logits, data.labels)))
            self.judged.fill_(True)

    def loss(self, batch: Batch) -> Tensor:
        target = F.one_hot(batch.labels, self.num_classes).float()
        if self.correcting:
            target = self._bootstrap(batch, target)
        x, target = mix(batch.x, target, self.alpha)
        logits = self.net(x)
        loss = losses.cross_entropy(logits, target)
        if self.correcting:
            loss = loss + self.weight * soft.prior_divergence(logits, self.prior)
        return loss

    @torch.no_grad()
    def _bootstrap(self, batch: Batch, labels: Tensor) -> Tensor:
        predicted = F.one_hot(self.net(batch.x).argmax(-1), self.num_classes).float()
        target = labels.lerp(predicted, self.wrong[batch.index].unsqueeze(-1))
        self.targets.index_copy_(0, batch.index, target)
        return target

    def clean_probability(self) -> Tensor | None:
        """1 - w, [N]; None in the warm-up."""
        return 1 - self.wrong if self.judged else None

    def corrected_labels(self) -> Tensor:
        """The targets that the samples were last trained on, [N, K]."""
        return self.targets

    def diagnostics(self) -> dict[str, float]:
        """`corrected`: the mean w, the share of the labels that gives way."""
        return {"corrected": self.wrong.double().mean().item()} if self.judged else {}
