"""Co-teaching: Han et al., *Co-teaching: Robust training of deep neural networks with extremely
noisy labels*, NeurIPS 2018; and Co-teaching+: Yu et al., *How does disagreement help generalization
against label corruption?*, ICML 2019. Small losses mark clean labels, and two networks choose them
for each other. `SmallLoss` is what these and JoCoR share.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError, unknown_name
from lnl_core.methods.base import Method
from lnl_core.methods.options import flag, number, warm_up_epochs, whole

EVALUATED = ("first", "mean")
AVERAGES = ("batch", "kept")
#: Epochs of Co-teaching before only disagreement counts: 20 of 200.
WARM_UP = 20


class SmallLoss(Method):
    """Two networks that learn from the samples of small loss in each batch.

    In epoch T the share R(T) = 1 - τ min(T / T_k, 1) of a batch is kept (Algorithm 1 of Han et
    al.), rounded down but never to none, with τ = `forget_rate` in [0, 1) and T_k = `ramp`. τ None:
    the share of wrong labels, 1 - mean_k T_kk, which the papers take for known (and at half the
    rate for asymmetric noise of half the classes, as in JoCoR's code).

    The gradient of a network's loss does not touch the other network, so that the one optimiser
    over both is as good as two. Evaluated is the `first` network, or the `mean` of both
    predictions; the papers' code prints either network's accuracy, and the text does not say which
    is in the tables.
    """

    nets = 2

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        forget_rate: float | None = None,
        ramp: int = 10,
        evaluated: str = "first",
    ) -> None:
        super().__init__(net, data)
        self.peer = peer
        if forget_rate is None:
            forget_rate = _noise_rate(data)
        self.forget_rate = number("forget_rate", forget_rate, "in [0, 1)", lambda v: 0 <= v < 1)
        self.ramp = whole("ramp", ramp, 1)
        if evaluated not in EVALUATED:
            raise unknown_name("evaluated", evaluated, EVALUATED)
        self.evaluated = evaluated
        #: R of the epoch under way.
        self.register_buffer("keep", torch.ones((), dtype=torch.float64, device=data.device))
        #: Each sample's loss when it was last seen, [N], the mean of both networks.
        self.register_buffer("last_losses", torch.zeros(len(data), device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.keep.fill_(1 - self.forget_rate * min(epoch / self.ramp, 1))

    def smallest(self, values: Tensor, among: Tensor | None = None) -> Tensor:
        """Which of a batch's losses [B] are kept, 1 or 0. `among`: which may be, bool [B]; where
        none may, none is."""
        among = torch.ones_like(values, dtype=torch.bool) if among is None else among
        rank = values.detach().masked_fill(~among, float("inf")).argsort().argsort()
        # The little more keeps 0.7 · 10 from being 6.
        count = (self.keep * among.sum() + 1e-6).floor().clamp_min(1)
        return ((rank < count) & among).to(values.dtype)

    def weights(self, kept: Tensor) -> Tensor:
        """Of `kept` [B], what makes the batch's mean the mean of the kept samples."""
        return kept * (len(kept) / kept.sum().clamp_min(1))

    def exchange(self, values: Tensor, peers: Tensor, among: Tensor | None = None) -> Tensor:
        """Both networks' losses [B], each of the samples that are small to the other."""
        own, others = (self.weights(self.smallest(each, among)) for each in (peers, values))
        return values * own + peers * others

    def remember(self, batch: Batch, values: Tensor) -> None:
        self.last_losses.index_copy_(0, batch.index, values.detach().float())

    def logits(self, x: Tensor) -> Tensor:
        if self.evaluated == "first":
            return self.net(x)
        both = torch.stack([self.net(x), self.peer(x)])
        return F.log_softmax(both, -1).logsumexp(0)

    def clean_probability(self) -> Tensor:
        """The negative loss when last seen, [N]: a score, and no probability."""
        return -self.last_losses


class CoTeaching(SmallLoss):
    """Each network is trained on the samples whose loss is small to its peer (Algorithm 1).

    The authors' code divides the mean over the kept samples by their number once more; Adam, which
    it uses, does not notice, SGD would. Here it is the mean.
    """

    def loss(self, batch: Batch) -> Tensor:
        values, peers = (
            losses.cross_entropy(net(batch.x), batch.labels) for net in (self.net, self.peer)
        )
        self.remember(batch, (values + peers) / 2)
        return self.exchange(values, peers)


class CoTeachingPlus(SmallLoss):
    """After `warm_up` epochs of Co-teaching (None: 20, but at most a quarter of the epochs, one at
    least) only samples on which the networks predict different classes count (eq. 1), and of those
    the ones of small loss (Algorithm 1 of Yu et al.).

    Where they agree on a whole batch there is no loss. The text does not say; the authors' code
    trains on all of the batch then, in its first 5,000 steps. Nor does it say what the kept losses
    are divided by. `average`: by the `batch`'s size, so that a sample weighs what it does in any
    other method; or by how many are `kept`, as in that code, and then the only two samples of a
    batch weigh as much as a whole one. Adam, its optimiser, evens that out; SGD goes astray by it.

    With `double_softmax` the losses after the warm-up are cross-entropies of softmaxes of
    softmaxes, as in that code, which bounds them and makes their gradients small. (It also never
    trains on the first sample; ours does.)
    """

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        forget_rate: float | None = None,
        ramp: int = 10,
        warm_up: int | None = None,
        average: str = "batch",
        double_softmax: bool = False,
        evaluated: str = "first",
    ) -> None:
        super().__init__(net, peer, data, forget_rate, ramp, evaluated)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        if average not in AVERAGES:
            raise unknown_name("average", average, AVERAGES)
        self.average = average
        self.double_softmax = flag("double_softmax", double_softmax)
        #: Whether the epoch under way is one of the warm-up.
        self.register_buffer("warming", torch.ones((), dtype=torch.bool, device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        super().begin_epoch(epoch, data)
        self.warming.fill_(epoch <= self.warm_up)

    def loss(self, batch: Batch) -> Tensor:
        logits, others = self.net(batch.x), self.peer(batch.x)
        among = (logits.argmax(-1) != others.argmax(-1)) | self.warming
        values, peers = (self._losses(each, batch.labels) for each in (logits, others))
        self.remember(batch, (values + peers) / 2)
        return self.exchange(values, peers, among)

    def weights(self, kept: Tensor) -> Tensor:
        of_the_kept = super().weights(kept)
        if self.average == "kept":
            return of_the_kept
        return torch.where(self.warming, of_the_kept, kept)

    def _losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.double_softmax:
            logits = torch.where(self.warming, logits, logits.softmax(-1))
        return losses.cross_entropy(logits, labels)


def _noise_rate(data: TrainingSet) -> float:
    if data.transition_matrix is None:
        raise InputError(
            "the share of wrong labels is not known of these data: give forget_rate, in [0, 1)."
        )
    return 1 - data.transition_matrix.diagonal().mean().item()
