"""NCT: Sarfraz et al., *Noisy concurrent training for efficient learning under label noise*, WACV
2021. Two networks learn from each other ever more than from the labels, of which ever more are
made random on purpose.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError
from lnl_core.losses import soft
from lnl_core.methods.base import Method
from lnl_core.methods.options import POSITIVE, SHARE, number, warm_up_epochs, whole
from lnl_core.methods.ramps import log_ramp, sigmoid_ramp

#: Epochs within which the networks come to rely on each other, of 200 on CIFAR-10.
RAMP = 20


class NCT(Method):
    """For the first network, and for the second alike,

        (1 - α) CE(p₁, y₁) + α τ² KL(p₂ ‖ p₁),  p of logits divided by τ = `temperature`

    where p₂ is held. *Dynamic balancing*: α rises by the sigmoid ramp to `agreement` within `ramp`
    epochs (None: 20, but at most a tenth of the epochs, one at least). *Target variability*: y₁ and
    y₂ are the labels, but for a share r of the samples, drawn for each network and each batch on
    its own, a class at random, of all K (the label itself may come out). r is `least_random` up to
    and in epoch `settled` + 2, and from there on rises with the logarithm of the epoch towards
    `most_random`, which it would reach one epoch after the last.

    Values, the ramps' forms and the inclusive draw are the authors' code's for CIFAR-10, which
    also says the learning rate: 0.1, divided by 5 after epochs 60, 120 and 160 of 200. We have not
    seen the text. Evaluated is the mean of both networks' logits, as there.
    """

    nets = 2

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        agreement: float = 0.9,
        temperature: float = 4.0,
        ramp: int | None = None,
        least_random: float = 0.2,
        most_random: float = 0.7,
        settled: int = 3,
    ) -> None:
        super().__init__(net, data)
        self.peer = peer
        self.agreement = number("agreement", agreement, *SHARE)
        self.temperature = number("temperature", temperature, *POSITIVE)
        self.ramp = warm_up_epochs("ramp", ramp, RAMP, data.epochs, part=10)
        self.least_random = number("least_random", least_random, *SHARE)
        self.most_random = number("most_random", most_random, *SHARE)
        if self.most_random < self.least_random:
            raise InputError(
                f"most_random is {most_random} and least_random {least_random}, but the share of "
                "random labels may not fall: give a most_random of at least least_random."
            )
        self.settled = whole("settled", settled, 0)
        self.num_classes = data.num_classes

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        # The authors' code counts epochs from 0.
        passed = epoch - 1
        self.balance = self.agreement * sigmoid_ramp(passed, self.ramp)
        self.random = log_ramp(
            passed, self.settled, data.epochs, self.least_random, self.most_random
        )

    def loss(self, batch: Batch) -> Tensor:
        """The sum of both networks' losses, a sample."""
        logits, others = self.net(batch.x), self.peer(batch.x)
        return self._loss(logits, others, batch.labels) + self._loss(others, logits, batch.labels)

    def _loss(self, logits: Tensor, others: Tensor, labels: Tensor) -> Tensor:
        told = losses.cross_entropy(logits, self.vary(labels))
        softer = (others.detach() / self.temperature).softmax(-1)
        agree = self.temperature**2 * soft.kl_divergence(logits / self.temperature, softer)
        return (1 - self.balance) * told + self.balance * agree

    def vary(self, labels: Tensor) -> Tensor:
        """The labels [B], a share of them made random."""
        chosen = torch.rand(labels.shape, device=labels.device) < self.random
        return torch.where(chosen, torch.randint_like(labels, self.num_classes), labels)

    def logits(self, x: Tensor) -> Tensor:
        """The mean of both networks' logits."""
        return (self.net(x) + self.peer(x)) / 2

    def diagnostics(self) -> dict[str, float]:
        """`agreement`: α of the epoch; `random`: its share r of labels that were made random."""
        return {"agreement": self.balance, "random": self.random}
