"""Sel-CL: Li et al., *Selective-supervised contrastive learning with noisy labels*, CVPR 2022.
Contrastive learning needs pairs of like samples rather than labels, and of pairs it can be told
which to trust.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.supervised_contrastive import (
    interpolated_contrastive,
    pair_cross_entropy,
)
from lnl_core.methods.neighbours.confident import Confident
from lnl_core.methods.neighbours.embedded import (
    MIXUP,
    TEMPERATURE,
    Embedded,
    Memory,
    MixedViews,
    checked_view,
    mixed_views,
)
from lnl_core.methods.neighbours.keys import Keys
from lnl_core.methods.neighbours.knn import neighbour_count
from lnl_core.methods.options import BOUNDED_WEIGHT, SHARE, number, warm_up_epochs, whole

#: How many neighbours vote, on CIFAR; epochs of warm-up, and before the memory is used.
NEIGHBOURS, WARM_UP, MEMORY_FROM = 250, 1, 3


@dataclass(frozen=True)
class Part:
    """What one update sees: samples for the contrastive terms, and confident ones for the labels'
    (None in the warm-up)."""

    batch: Batch
    confident: Batch | None = None


@dataclass(frozen=True)
class Views:
    """Embeddings [M, D], predictions [M, K] and the samples that they are of, int64 [M]."""

    embedding: Tensor
    predicted: Tensor
    index: Tensor


class SelCL(Embedded):
    """Sel-CL, the first stage of `sel-cl-plus`. As each epoch after the warm-up begins, `Confident`
    says which samples and pairs are to be trusted, by `k`, `quantile` and `pair_quantile`.

    An update takes two views of a batch, mixed by λ ~ Beta(`alpha`, `alpha`) with the larger part
    to the sample itself, and minimises the sum (eq. 10) of

    * MOIT's interpolated contrastive loss (eq. 6 and 7), a sample's likes being its other view and
      those that it makes a confident pair with; in the batch, and in a memory of `memory` key views
      a class and view, which joins after 3 epochs, at most a quarter of all. It counts for samples
      that have such a pair there;
    * for those that have none, MoCo's, which is not in eq. 10: the unmixed view is like the other
      view's key and unlike the last `negatives` keys, by `Keys` with `momentum`;
    * `weight_c` λ_c times the cross-entropy of a mixed batch of confident samples (eq. 8);
    * `weight_s` λ_s times `pair_cross_entropy` of the mixed views' predictions, whose likes are the
      contrastive loss's (eq. 9).

    The `warm_up` (None: 1 epoch) is MoCo's loss alone. `temperature` serves both. Neither memory
    holds more than an epoch of a small set makes.

    This follows the authors' code, as we do not have the paper; the equations' numbers are from a
    summary of it. What that code does otherwise, and is not followed:

    * all N x N similarities are held, 10 GB on CIFAR; here a batch's pairs are looked up;
    * all but the first 100 samples are neighbours of themselves, as in MOIT's;
    * a minor sample's own views count twice among its likes, also in eq. 9: as 2 in place of 1;
    * the memory holds the current batch, the last term's gradient is clipped, and the learning
      rate is low for the first 5 epochs.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        k: int | None = None,
        quantile: float = 0.5,
        pair_quantile: float = 0.25,
        temperature: float = 0.1,
        alpha: float = 1.0,
        memory: int = 1000,
        negatives: int = 10_000,
        momentum: float = 0.999,
        weight_c: float = 1.0,
        weight_s: float = 0.01,
        warm_up: int | None = None,
        view: str = "strong",
        projection: int = 128,
    ) -> None:
        super().__init__(net, data, projection)
        self.trusted = Confident(
            data.labels,
            projection,
            neighbour_count(k, NEIGHBOURS, data),
            number("quantile", quantile, *SHARE),
            number("pair_quantile", pair_quantile, *SHARE),
        )
        self.temperature = number("temperature", temperature, *TEMPERATURE)
        self.alpha = number("alpha", alpha, *MIXUP)
        number("momentum", momentum, "in [0, 1)", lambda value: 0 <= value < 1)
        self.weight_c = number("weight_c", weight_c, *BOUNDED_WEIGHT)
        self.weight_s = number("weight_s", weight_s, *BOUNDED_WEIGHT)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        self.memory_from = warm_up_epochs("memory_from", None, MEMORY_FROM, data.epochs)
        self.views = (checked_view(view), view)
        size = 2 * min(whole("memory", memory, 1) * data.num_classes, len(data))
        self.memory = Memory(size, projection, data.num_classes)
        self.keys = Keys(self, momentum, min(whole("negatives", negatives, 1), len(data)))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.warming = epoch <= self.warm_up
        self.remembering = epoch > self.memory_from
        if not self.warming:
            self.trusted.select(self.survey(data)[1], self.num_classes)

    def batches(self, data: TrainingSet) -> Iterator[Part]:
        confident = self._confident_batches(data)
        for batch in data.batches(self.views):
            yield Part(batch, None if self.warming else next(confident))

    def _confident_batches(self, data: TrainingSet) -> Iterator[Batch]:
        index = self.trusted.samples.nonzero().squeeze(-1)
        while True:
            yield from data.batches(self.views, index)

    def loss(self, part: Part) -> Tensor:
        batch = part.batch
        query = self.both(batch.views[0])[1]
        alone = self.keys.instance(query, batch.views[1], batch.index, self.temperature)
        mixed = mixed_views(batch, self.alpha)
        if self.warming:
            self._remember(mixed, batch)
            return alone
        logits, embedding = self.both(mixed.x)
        views = Views(embedding, logits.softmax(-1), batch.index[mixed.main])
        itself = torch.eye(len(embedding), dtype=torch.bool, device=embedding.device)
        minor = batch.index[mixed.minor]
        paired, alike, pairwise = self._compare(views, minor, mixed.share, views, ~itself)
        if self.remembering:
            held = Views(self.memory.recall(), self.memory.predicted.clone(), self.memory.index)
            known = self.memory.known.expand(len(embedding), -1)
            more = self._compare(views, minor, mixed.share, held, known)
            paired, alike, pairwise = paired | more[0], alike + more[1], pairwise + more[2]
        self._remember(mixed, batch)
        loss = torch.where(paired, alike, alone)
        sure = mixed_views(part.confident, self.alpha)
        target = F.one_hot(part.confident.labels, self.num_classes).float()
        told = losses.cross_entropy(self.net(sure.x), sure.blend(target)).mean()
        return loss + self.weight_c * told + self.weight_s * pairwise

    def _compare(
        self, views: Views, minor: Tensor, share: Tensor, others: Views, candidates: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Which samples make a confident pair with one of the `candidates` (bool [2B, M]) among the
        others, bool [B]; their contrastive loss [B], 0 for who makes none; and the mean cost of
        the pairs of predictions.

        `minor` int64 [2B]: the second samples in the mixed views; `share` [2B], the first's λ.
        """
        pairs = [self.trusted.pairs(each, others.index) for each in (views.index, minor)]
        paired = (pairs[0] & candidates).view(2, -1, candidates.shape[1])[0].any(1)
        positives = tuple(
            (pair | (each[:, None] == others.index)) & candidates
            for pair, each in zip(pairs, (views.index, minor), strict=True)
        )
        similarity = views.embedding @ others.embedding.T
        alike = interpolated_contrastive(similarity, positives, candidates, self.temperature, share)
        agreement = views.predicted @ others.predicted.T
        first, second = (pair_cross_entropy(agreement, each) for each in positives)
        costs = second.lerp(first, share[:, None]) * candidates
        pairwise = costs.sum() / candidates.sum().clamp_min(1)
        return paired, alike.view(2, -1).mean(0) * paired, pairwise

    def _remember(self, mixed: MixedViews, batch: Batch) -> None:
        """The mixed views' keys and predictions, into the memory."""
        logits, key = self.keys.both(mixed.x)
        self.memory.store(key, batch.index[mixed.main], logits.softmax(-1))

    def step(self, batch: Part, optimizer: torch.optim.Optimizer) -> Tensor:
        loss = super().step(batch, optimizer)
        self.keys.follow(self)
        return loss

    def clean_probability(self) -> Tensor | None:
        """The share of the neighbours that support each label, [N]; None in the warm-up."""
        return self.trusted.support if self.trusted.selections else None

    def diagnostics(self) -> dict[str, float]:
        return self.trusted.diagnostics()
