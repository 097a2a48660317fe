"""MOIT: Ortego et al., *Multi-objective interpolation training for robustness to label noise*,
CVPR 2021. A classifier and a contrastive embedding learn from the same mixed samples, and the
embedding's neighbours say which labels the classifier may keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.supervised_contrastive import interpolated_contrastive
from lnl_core.methods.neighbours.embedded import (
    MIXUP,
    TEMPERATURE,
    Embedded,
    Memory,
    MixedViews,
    checked_view,
    mixed_views,
)
from lnl_core.methods.neighbours.fine_tune import fine_tune
from lnl_core.methods.neighbours.knn import (
    balanced_selection,
    corrected_vote,
    nearest,
    neighbour_count,
)
from lnl_core.methods.options import (
    BOUNDED_WEIGHT,
    SHARE,
    flag,
    number,
    takes_options_of,
    warm_up_epochs,
    whole,
)

if TYPE_CHECKING:
    from lnl_core.run import Run

#: Epochs on CIFAR, those before the classifier parts with labels, and before the memory is used.
EPOCHS, START, MEMORY_FROM = 250, 130, 3
#: How many neighbours vote.
NEIGHBOURS = 250


class MOIT(Embedded):
    """L^ICL + L^SSL (eq. 12) on two views of each batch, both mixed (eq. 3) with λ ~ Beta(α, α),
    α = `alpha`, the larger one to the sample itself.

    L^ICL = L^MIX + L^MEM (eq. 5): each mixed view is to be like the views whose main sample has the
    label of its own main sample, by λ, and of its minor one, by 1 - λ (`interpolated_contrastive`,
    eq. 1-4, at the `temperature` τ); in the batch, and in a memory of `memory` views a class and
    view (0: none; never more than an epoch makes), which joins after 3 epochs, at most a quarter of
    all. Both take the labels as they are. `weight` is L^ICL's, 1 in print.

    Detection, as each epoch begins: the labels of the `k` nearest samples (None: 250, but at most
    half of a class's mean size, as on CIFAR-100) vote on a sample's label (eq. 6), the labels so
    corrected vote again (eq. 7), and of each class those are kept whose labels this second vote
    supports best (eq. 8 and 9): as many of each class, the `quantile` over the classes of how many
    of a class the vote agrees with; 0.5, the median.

    L^SSL (eq. 10): cross-entropy with mixed targets, which are labels for the first `start` epochs
    (None: 130 of 250, and as large a part of a run of other length), then the label of a sample
    that is kept, and of any other the network's prediction of it unaugmented (eq. 11).

    What the authors' code does otherwise, and is not followed:

    * what a label weighs in a mixed sample goes by whether its *main* sample is kept, what a
      prediction weighs by each sample's own: the label of a minor one that is not kept counts
      beside its prediction;
    * in both votes all but the first 100 samples are neighbours of themselves;
    * a minor sample's own views count twice among its likes;
    * the memory already holds the batch that is compared with it. Here it holds earlier ones.

    Predictions are made in training mode, as there. Its views are SimCLR's crops, colours and
    greys, where here `view` is "strong", or "weak". Where no sample is kept, all labels count: the
    text does not say. The equations' numbers are from a summary of the paper, which we do not have.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        k: int | None = None,
        quantile: float = 0.5,
        start: int | None = None,
        temperature: float = 0.1,
        alpha: float = 1.0,
        memory: int = 100,
        weight: float = 1.0,
        view: str = "strong",
        projection: int = 128,
    ) -> None:
        super().__init__(net, data, projection)
        self.k = neighbour_count(k, NEIGHBOURS, data)
        self.quantile = number("quantile", quantile, *SHARE)
        usual = max(1, data.epochs * START // EPOCHS)
        self.start = usual if start is None else whole("start", start, 0)
        self.temperature = number("temperature", temperature, *TEMPERATURE)
        self.alpha = number("alpha", alpha, *MIXUP)
        self.weight = number("weight", weight, *BOUNDED_WEIGHT)
        self.views = (checked_view(view), view, "plain")
        size = min(2 * whole("memory", memory, 0) * data.num_classes, 2 * len(data))
        self.memory = Memory(size, projection) if memory else None
        self.memory_from = warm_up_epochs("memory_from", None, MEMORY_FROM, data.epochs)
        self.register_buffer("labels", data.labels.clone())
        #: Which labels are kept, how far the neighbours support each, and whether they were asked.
        self.register_buffer("kept", torch.ones(len(data), dtype=torch.bool))
        self.register_buffer("support", torch.zeros(len(data)))
        self.register_buffer("judged", torch.zeros((), dtype=torch.bool))
        #: Each sample's target when it was last trained on, [N, K]; before that its label.
        self.register_buffer("targets", F.one_hot(data.labels, data.num_classes).float())

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.remembering = self.memory is not None and epoch > self.memory_from
        self.correcting = epoch > self.start
        if epoch > 1:
            self.detect(data)

    def detect(self, data: TrainingSet) -> None:
        """Which labels the neighbours support (eq. 6-9), by the network as it is."""
        neighbours = nearest(self.survey(data)[1], self.k)[1]
        shares = corrected_vote(neighbours, data.labels, self.num_classes)
        self.support.copy_(shares.gather(1, data.labels[:, None]).squeeze(1))
        kept = balanced_selection(shares, data.labels, self.quantile)
        self.kept.copy_(kept | ~kept.any())
        self.judged.fill_(True)

    def loss(self, batch: Batch) -> Tensor:
        target = self._targets(batch)
        mixed = mixed_views(batch, self.alpha)
        logits, embedding = self.both(mixed.x)
        loss = losses.cross_entropy(logits, mixed.blend(target))
        loss = loss + self.weight * self.contrast(embedding, mixed, batch)
        if self.memory is not None:
            self.memory.store(embedding, batch.index.repeat(2))
        return loss.view(2, -1).mean(0)

    def contrast(self, embedding: Tensor, mixed: MixedViews, batch: Batch) -> Tensor:
        """L^ICL of each mixed view, [2B] (eq. 5)."""
        main, minor = batch.labels[mixed.main], batch.labels[mixed.minor]
        others = ~torch.eye(len(main), dtype=torch.bool, device=main.device)
        loss = self._alike(embedding, embedding, main, (main, minor), others, mixed.share)
        if self.remembering:
            known = self.memory.known.expand(len(main), -1)
            seen, labels = self.memory.recall(), self.labels[self.memory.index]
            loss = loss + self._alike(embedding, seen, labels, (main, minor), known, mixed.share)
        return loss

    def _alike(
        self,
        embedding: Tensor,
        others: Tensor,
        labels: Tensor,
        own: tuple[Tensor, Tensor],
        candidates: Tensor,
        share: Tensor,
    ) -> Tensor:
        """`interpolated_contrastive` with the others [M, D] of these labels [M] → [2B]."""
        positives = tuple((each[:, None] == labels) & candidates for each in own)
        similarity = embedding @ others.T
        return interpolated_contrastive(similarity, positives, candidates, self.temperature, share)

    @torch.no_grad()
    def _targets(self, batch: Batch) -> Tensor:
        """ỹ of the batch, [B, K] (eq. 11)."""
        target = F.one_hot(batch.labels, self.num_classes).float()
        if self.correcting:
            predicted = self.net(batch.views[2]).softmax(-1)
            target = torch.where(self.kept[batch.index, None], target, predicted)
            self.targets.index_copy_(0, batch.index, target)
        return target

    def clean_probability(self) -> Tensor | None:
        """p̂(ỹ | x), the share of the neighbours that support each label, [N]; None at first."""
        return self.support if self.judged else None

    def corrected_labels(self) -> Tensor:
        """The targets that the samples were last trained on, [N, K]."""
        return self.targets

    def diagnostics(self) -> dict[str, float]:
        """`kept`: the share of the labels that the neighbours let stand."""
        return {"kept": self.kept.double().mean().item()} if self.judged else {}


@takes_options_of(MOIT)
def moit(run: Run, plus: bool = False, **options: Any) -> Iterator[Any]:
    """`MOIT`, whose options these are, and with `plus` MOIT+, which goes on with the stage
    `fine-tune` on the labels that are kept in the end."""
    flag("plus", plus)
    method = run.build(MOIT, **options)
    yield from run.fit(method)
    if plus:
        method.eval()
        with torch.no_grad():
            method.detect(TrainingSet(run.data, run.config.train))
        yield from fine_tune(run, method, method.kept, method.support)


moit.nets = "1; stages with `plus`"
