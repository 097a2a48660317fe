"""What INCV is made of: Chen et al., *Understanding and Utilizing Deep Neural Networks Trained with
Noisy Labels*, ICML 2019. `iterative_cv.py` has the algorithm.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.data.batches import EVALUATION_BATCH
from lnl_core.methods.base import Method
from lnl_core.methods.options import flag, warm_up_epochs
from lnl_core.methods.selection.co_teaching import SmallLoss

#: Epochs, of the authors' 200, on the selected samples alone: few wrong labels, and many.
WARM_UP, LONG_WARM_UP = 40, 80
MUCH = 0.6


class Fold(Method):
    """Cross-entropy on the samples `inside` (int64 [n]), which judges those `outside` (int64 [m]).

    What it says of them is kept from the epoch in which it predicts the label of most.
    """

    def __init__(self, net: nn.Module, data: TrainingSet, inside: Tensor, outside: Tensor) -> None:
        super().__init__(net, data)
        self.register_buffer("inside", inside)
        self.register_buffer("outside", outside)
        #: Logits [m, K], and the share of labels that they predict; -1 before anything is judged.
        self.register_buffer("judged", torch.zeros(len(outside), data.num_classes))
        self.register_buffer("agreement", torch.tensor(-1.0, dtype=torch.float64))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        if epoch > 1:
            self.judge(data)

    def judge(self, data: TrainingSet) -> None:
        """Judge the samples outside, to be called without gradients; after the last epoch too."""
        was_training = self.training
        self.eval()
        parts = self.outside.split(EVALUATION_BATCH)
        found = torch.cat([self.logits(data.take(part, ("plain",)).x).float() for part in parts])
        self.train(was_training)
        agreement = (found.argmax(-1) == data.labels[self.outside]).double().mean()
        better = agreement > self.agreement
        self.judged.copy_(torch.where(better, found, self.judged))
        self.agreement.copy_(torch.where(better, agreement, self.agreement))

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        return data.batches(self.views, self.inside)


class CandidateCoTeaching(SmallLoss):
    """Co-teaching on the `selected` samples, and later also on the `candidates`, bool [N] both
    (Algorithm 3). Where fewer than two are selected (the text does not say) all samples are.

    Of a batch that has B of the selected the round(R B) of smallest loss are kept, at least one,
    R = 1 - ε_S min(e / T_k, 1) with e epochs done and T_k = `ramp`. ε_S is what share of the
    selected is wrong by theory: `selected_noise_rate` of ε = `rate`, with K = 2 if `asymmetric`.
    After `warm_up` epochs a batch also brings candidates, B |C| / |S| but at most B / 2 of them,
    and as many are kept as before.

    `warm_up` None: 40 epochs, but at most a fifth of all; if `asymmetric` or ε is above 0.6, 80,
    but at most half. `evaluated` as in `SmallLoss`.
    """

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        selected: Tensor,
        candidates: Tensor,
        rate: float,
        warm_up: int | None = None,
        ramp: int = 10,
        evaluated: str = "first",
        asymmetric: bool = False,
    ) -> None:
        wrong = selected_noise_rate(rate, 2 if asymmetric else data.num_classes)
        super().__init__(net, peer, data, wrong, ramp, evaluated)
        flag("asymmetric", asymmetric)
        long = asymmetric or rate > MUCH
        usual, part = (LONG_WARM_UP, 2) if long else (WARM_UP, 5)
        self.warm_up = warm_up_epochs("warm_up", warm_up, usual, data.epochs, part)
        # Batch normalisation has no variance to divide by in a batch of one.
        enough = selected.sum() > 1
        self.register_buffer("selected", selected if enough else torch.ones_like(selected))
        self.register_buffer("candidates", candidates & ~self.selected)

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.keep.fill_(1 - self.forget_rate * min((epoch - 1) / self.ramp, 1))
        self.widened = epoch > self.warm_up

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        chosen, others = (mask.nonzero().squeeze(-1) for mask in (self.selected, self.candidates))
        # Drawn on the CPU, as the order of batches is.
        others = others[torch.randperm(len(others)).to(others.device)]
        share = min(len(others) / len(chosen), 0.5) if self.widened else 0.0
        for part in data.order(chosen):
            count = int(share * len(part))
            more, others = others[:count], others[count:]
            yield data.take(torch.cat([part, more]), self.views)

    def loss(self, batch: Batch) -> Tensor:
        values, peers = (
            losses.cross_entropy(net(batch.x), batch.labels) for net in (self.net, self.peer)
        )
        self.remember(batch, (values + peers) / 2)
        count = (self.keep * self.selected[batch.index].sum()).round().clamp_min(1)
        own, others = (
            self.weights((each.detach().argsort().argsort() < count).to(each.dtype))
            for each in (peers, values)
        )
        return values * own + peers * others

    def clean_probability(self) -> Tensor:
        """1 for what is selected, ½ for candidates, 0 for what is removed, [N]: a score."""
        return self.selected + 0.5 * self.candidates


def selected_noise_rate(rate: float, num_classes: int) -> float:
    """Which share of selected labels is wrong: ε² / (ε² + (K - 1)(1 - ε)²).

    A wrong label is selected if the prediction is wrong in the same way, ε² / (K - 1) of all
    samples; a right one if the prediction is right, (1 - ε)² of them.
    """
    return rate**2 / (rate**2 + (num_classes - 1) * (1 - rate) ** 2)
