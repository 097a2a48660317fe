"""JNPL: Kim et al., *Joint Negative and Positive Learning for Noisy Labels*, CVPR 2021. A network
learns of each sample what it is not, and what it is once that is clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.negative import negative_plus, positive_plus
from lnl_core.methods.base import Method
from lnl_core.methods.options import flag, number, whole
from lnl_core.methods.relabelling.relabel import Retrain
from lnl_core.methods.selection.kept import Kept

if TYPE_CHECKING:
    from lnl_core.run import Run

WEIGHT = "a finite number, at least 0", lambda weight: 0 <= weight < float("inf")
CUT = "in [0, 1]", lambda cut: 0 <= cut <= 1


class JNPL(Method):
    """NL+ on all samples and λ PL+ on those that the network is sure of (eq. 4), λ = `weight`.

    NL+ is of a complementary label ȳ, any class but the noisy label, drawn anew each time that a
    sample is seen: of `complementary` of them, and the sum of their losses. PL+ is of the likeliest
    class, where every other one is below 1/K, and then with that class's probability (Algorithm 1).
    N of eq. 7 is `terms`.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        weight: float = 0.01,
        terms: int = 3,
        complementary: int = 1,
    ) -> None:
        super().__init__(net, data)
        self.weight = number("weight", weight, *WEIGHT)
        self.terms = whole("terms", terms, 0)
        self.complementary = whole("complementary", complementary, 1)
        #: p_ỹ of each sample when it was last seen, [N]; before that what chance gives.
        chance = torch.full((len(data),), 1 / data.num_classes, device=data.device)
        self.register_buffer("own", chance)

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        p = logits.detach().float().softmax(-1)
        self.own.index_copy_(0, batch.index, p.gather(-1, batch.labels[:, None]).squeeze(-1))
        steps = torch.randint(
            1, p.shape[-1], (self.complementary, len(p)), device=p.device
        )  # from the noisy label to another
        others = (batch.labels + steps) % p.shape[-1]
        negative = negative_plus(logits.expand(len(steps), -1, -1), others).sum(0)
        positive = positive_plus(logits, p.argmax(-1), self.terms)
        return negative + self.weight * torch.bernoulli(chance_of_positive(p)) * positive

    def clean_probability(self) -> Tensor:
        """p_ỹ when last seen, [N]."""
        return self.own


def chance_of_positive(p: Tensor) -> Tensor:
    """How likely each sample has PL+, of predictions [B, K]: the largest probability, or 0 where
    another one is 1/K or more → [B]."""
    largest, second = p.topk(2, -1).values.unbind(-1)
    return largest * (second < 1 / p.shape[-1])


def jpl(
    run: Run,
    weight: float = 0.01,
    terms: int = 3,
    complementary: int = 1,
    cut: float = 0.5,
    pseudo_labels: bool = True,
) -> Iterator[Any]:
    """`JNPL`, the stage `filter`, and with `pseudo_labels` two networks more: one from the samples
    whose noisy label has a p of at least `cut` (`clean`), or from all if none has, and one from all
    samples with what that one says of them for labels, distributions (`pseudo-label`).

    No code of the authors is public, and we have not seen their text: the equations are from a
    summary of it, where λ = 0.01 and N = 3 throughout, and ResNet-34 trains on CIFAR by SGD at 0.01
    with decay 1e-4, 1000 epochs, divided by 10 after 800. Our reading: the brackets of NL+ and PL+
    are held constant, as eq. 6 and 8 need; PL+ is of the predicted class, not the label.

    How they filter and pseudo-label is taken from NLNL (Kim et al. 2019, by the same authors, and
    its code: 480 epochs at 0.1, divided by 10 after 192 and 288, for either network), which has the
    means of a sample's last 10 predictions in training for p; here p is of the last network on
    plain samples. It also weighs all classes alike, on CIFAR-10 even ones. It has one complementary
    label on CIFAR-10 and, as far as we remember, 110 on CIFAR-100.
    """
    number("cut", cut, *CUT)
    flag("pseudo_labels", pseudo_labels)
    first = run.build(JNPL, weight=weight, terms=terms, complementary=complementary)
    yield from run.fit(first, stage="filter")
    if not pseudo_labels:
        return
    labels = run.data.train.labels
    own = _predicted(run, first).gather(-1, labels[:, None]).squeeze(-1)
    kept = (own >= cut).nonzero().squeeze(-1)
    index = kept if len(kept) else torch.arange(len(labels), device=labels.device)
    second = run.build(Kept, index=index)
    yield from run.fit(second, stage="clean")
    third = run.build(Retrain, labels=_predicted(run, second))
    yield from run.fit(third, stage="pseudo-label")


def _predicted(run: Run, method: Method) -> Tensor:
    """What the method says of the training samples, [N, K]."""
    rows = run.posteriors(method)[: len(run.data.train)]
    return torch.from_numpy(rows).to(run.data.device)
