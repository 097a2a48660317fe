"""ELR+: Liu et al., *Early-learning regularization prevents memorization of noisy labels*, NeurIPS
2020: ELR for two networks, of which each is held to what the other's average said.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.early_learning import clipped_probabilities, early_learning
from lnl_core.methods.options import POSITIVE, number, whole
from lnl_core.methods.ramps import sigmoid_ramp
from lnl_core.methods.robust.elr import ELR
from lnl_core.methods.semi_supervised.mixing import mix


class ELRPlus(ELR):
    """ELR's loss (eq. 6, see there, also for β and λ) for two networks, with three additions
    (Algorithm 2 of Appendix F):

    - t_i follows the predictions of the *other* network's weight average, of the sample as it is;
    - MixUp, λ ~ Beta(α, α) with α = `alpha` and the larger share to the sample itself: samples,
      labels and the t_i are mixed alike;
    - weight averages W ← γ W + (1 - γ) θ after each update, with γ = `decay`.

    γ rises by the sigmoid ramp during the first `ramp` epochs, of 200 on CIFAR-10 about 100 (None:
    half of the epochs). So Appendix F, there within 40,000 updates and from update to update, here
    from epoch to epoch. The averages are of the weights alone; they predict in training mode, with
    their batch's statistics, as in the authors' code.

    Each batch trains both networks, each on pairs and a λ of its own; the authors train one for an
    epoch and then the other. Evaluated is the mean of both networks' logits, as in their code. The
    learning rate is 0.02 on CIFAR-10, divided by 10 after epoch 150. On CIFAR-100 Appendix F also
    has a ramp for the second term, and multiplies the labels by t; neither is here.
    """

    nets = 2

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        beta: float = 0.7,
        weight: float = 3.0,
        alpha: float = 1.0,
        decay: float = 0.997,
        ramp: int | None = None,
        clip: float = 1e-4,
    ) -> None:
        super().__init__(net, data, beta, weight, clip)
        self.peer = peer
        self.alpha = number("alpha", alpha, *POSITIVE)
        self.decay = number("decay", decay, "in [0, 1)", lambda value: 0 <= value < 1)
        self.ramp = max(1, data.epochs // 2) if ramp is None else whole("ramp", ramp, 0)
        self.num_classes = data.num_classes
        #: The networks' weight averages.
        self.averages = nn.ModuleList(copy.deepcopy(each) for each in (net, peer))
        self.averages.requires_grad_(False)
        #: γ of the epoch under way, and t for either network [2, N, K].
        self.register_buffer("momentum", torch.zeros((), device=data.device))
        self.register_buffer(
            "targets", torch.zeros(2, len(data), data.num_classes, device=data.device)
        )

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.momentum.fill_(self.decay * sigmoid_ramp(epoch - 1, self.ramp))

    def loss(self, batch: Batch) -> Tensor:
        """The sum of both networks' losses, a sample."""
        return self._loss(0, batch) + self._loss(1, batch)

    def _loss(self, active: int, batch: Batch) -> Tensor:
        labels = F.one_hot(batch.labels, self.num_classes).float()
        both = torch.cat([labels, self._follow(active, batch)], -1)
        x, both = mix(batch.x, both, self.alpha, largest=True)
        labels, target = both.chunk(2, -1)
        logits = (self.net, self.peer)[active](x)
        p = clipped_probabilities(logits, self.clip)
        return losses.cross_entropy(logits, labels) + self.weight * early_learning(p, target)

    @torch.no_grad()
    def _follow(self, active: int, batch: Batch) -> Tensor:
        """That network's targets of the batch's samples, brought up to date: [B, K]."""
        p = clipped_probabilities(self.averages[1 - active](batch.x), self.clip)
        now = p / p.sum(-1, keepdim=True)
        target = self.targets[active, batch.index].lerp(now.float(), 1 - self.beta)
        self.targets[active].index_copy_(0, batch.index, target)
        return target

    def step(self, batch: Batch, optimizer: torch.optim.Optimizer) -> Tensor:
        loss = super().step(batch, optimizer)
        with torch.no_grad():
            for net, average in zip((self.net, self.peer), self.averages, strict=True):
                for now, mean in zip(net.parameters(), average.parameters(), strict=True):
                    mean.lerp_(now, 1 - self.momentum.to(mean.dtype))
        return loss

    def logits(self, x: Tensor) -> Tensor:
        """The mean of both networks' logits."""
        return (self.net(x) + self.peer(x)) / 2

    def corrected_labels(self) -> Tensor:
        """The mean of both networks' t as distributions, [N, K]; uniform for a sample that was
        never seen."""
        return super().corrected_labels().mean(0)
