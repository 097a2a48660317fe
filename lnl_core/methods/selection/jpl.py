"""JNPL: Kim et al., *Joint Negative and Positive Learning for Noisy Labels*, CVPR 2021. A network
learns of each sample what it is not, and what it is once that is clear.

No code of the authors is public and their text was not at hand: the equations' numbers are from a
summary of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError
from lnl_core.losses.negative import negative, negative_plus, positive_plus
from lnl_core.methods.base import Method
from lnl_core.methods.options import (
    BOUNDED_WEIGHT,
    SHARE,
    flag,
    number,
    takes_options_of,
    warm_up_epochs,
    whole,
)
from lnl_core.methods.relabelling.relabel import Retrain

if TYPE_CHECKING:
    from lnl_core.run import Run


class JNPL(Method):
    """NL+ on all samples and λ PL+ on those that the network is sure of (eq. 4), λ = `weight`.

    NL+ is of complementary labels, any classes but the noisy label, drawn anew each time that a
    sample is seen: the sum over `complementary` different ones (None: all of them). PL+ is of the
    noisy label, with N = `terms` in eq. 7, where it is the likeliest class and every other one is
    below 1/K, and then with its probability (Algorithm 1).

    What is ours:

    * The summary has one complementary label a sample. In expectation over them that is 1/(K - 1)
      of the sum over all, which therefore learns the same K - 1 times as fast and without chance.
    * That sum has the gradient of mean absolute error (see `negative_plus`), all of it next to 0
      for a class that the network has stopped to predict: on digits with half of the labels
      replaced two of ten classes are lost for good. Negative learning as it was before, eq. 2,
      brings them back. So it is what the first `warm_up` epochs have for NL+ (None: a quarter of
      the stage's; 0: none, as in print).
    * The summary has PL+ of the likeliest class. The abstract speaks of data that are expected to
      be clean: here the likeliest class must be the label.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        weight: float = 0.01,
        terms: int = 3,
        complementary: int | None = None,
        warm_up: int | None = None,
    ) -> None:
        super().__init__(net, data)
        self.weight = number("weight", weight, *BOUNDED_WEIGHT)
        self.terms = whole("terms", terms, 0)
        most = data.num_classes - 1
        self.complementary = most if complementary is None else complementary
        if whole("complementary", self.complementary, 1) > most:
            raise InputError(
                f"complementary is {complementary}, but a sample has {most} classes that are not "
                f"its label: use at most {most}, or None for all."
            )
        self.warm_up = None if warm_up is None else whole("warm_up", warm_up, 0)
        #: p_ỹ of each sample when it was last seen, [N]; before that what chance gives.
        chance = torch.full((len(data),), 1 / data.num_classes, device=data.device)
        self.register_buffer("own", chance)

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        # By these data's epochs: a stage may have others than the run that the method was made for.
        self.warming = epoch <= warm_up_epochs("warm_up", self.warm_up, data.epochs, data.epochs)

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        p = logits.detach().float().softmax(-1)
        self.own.index_copy_(0, batch.index, p.gather(-1, batch.labels[:, None]).squeeze(-1))
        # How many classes further on, for each complementary label.
        steps = torch.rand(len(p), p.shape[-1] - 1, device=p.device).argsort(-1) + 1
        others = (batch.labels[:, None] + steps[:, : self.complementary]) % p.shape[-1]
        repeated = logits.unsqueeze(1).expand(-1, others.shape[1], -1)
        told = (negative if self.warming else negative_plus)(repeated, others).sum(-1)
        positive = positive_plus(logits, batch.labels, self.terms)
        return told + self.weight * torch.bernoulli(sureness(p, batch.labels)) * positive

    def clean_probability(self) -> Tensor:
        """p_ỹ when last seen, [N]."""
        return self.own


def sureness(p: Tensor, labels: Tensor) -> Tensor:
    """How likely each sample has PL+ (Algorithm 1), of predictions [B, K] and labels int64 [B]: the
    label's probability if it is the largest and no other one is 1/K or more, else 0 → [B]."""
    (largest, second), likeliest = p.topk(2, -1).values.unbind(-1), p.argmax(-1)
    return largest * ((second < 1 / p.shape[-1]) & (likeliest == labels))


@takes_options_of(JNPL)
def jpl(run: Run, cut: float = 0.5, pseudo_labels: bool = True, **options: Any) -> Iterator[Any]:
    """`JNPL`, whose options these are, the stage `filter`; and with `pseudo_labels` two networks
    more: one from the samples whose noisy label has a p of at least `cut` (`clean`), or from all if
    none has, and one from all samples with what that one says of them, distributions, for labels
    (`pseudo-label`).

    By the summary, λ = 0.01 and N = 3 throughout, and ResNet-34 trains on CIFAR by SGD at 0.01 with
    decay 1e-4, 1000 epochs, divided by 10 after 800. How samples are filtered and labelled anew is
    taken from NLNL (Kim et al. 2019, by the same authors, and its code: 480 epochs at 0.1, divided
    by 10 after 192 and 288, for either network). There p is the mean of a sample's last 10
    predictions in training, here the last network's of the plain sample.
    """
    number("cut", cut, *SHARE)
    flag("pseudo_labels", pseudo_labels)
    first = run.build(JNPL, **options)
    yield from run.fit(first, stage="filter")
    if not pseudo_labels:
        return
    labels = run.data.train.labels
    own = _predicted(run, first).gather(-1, labels[:, None]).squeeze(-1)
    second = run.build(Kept, kept=own >= cut, support=own)
    yield from run.fit(second, stage="clean")
    yield from run.fit(run.build(Retrain, labels=_predicted(run, second)), stage="pseudo-label")


class Kept(Method):
    """Cross-entropy on the `kept` samples, bool [N]; on all where none is kept. `support` [N]: how
    likely each label was right when they were chosen."""

    def __init__(self, net: nn.Module, data: TrainingSet, kept: Tensor, support: Tensor) -> None:
        super().__init__(net, data)
        self.register_buffer("kept", kept | ~kept.any())
        self.register_buffer("support", support)

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        return data.batches(self.views, self.kept.nonzero().squeeze(-1))

    def clean_probability(self) -> Tensor:
        return self.support


def _predicted(run: Run, method: Method) -> Tensor:
    """What the method says of the training samples, [N, K]."""
    rows = run.posteriors(method)[: len(run.data.train)]
    return torch.from_numpy(rows).to(run.data.device)
