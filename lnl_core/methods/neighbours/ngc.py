"""NGC: Wu et al., *NGC: A Unified Framework for Learning with Open-World Noisy Data*, ICCV 2021. A
graph of the nearest neighbours corrects the labels, and then says which of them to learn from.

Written from the authors' code; the paper's text was not at hand, so no equation is numbered here.
What it does against samples of unknown classes, at training and at test time, is not here but for
the two choices of samples: the tasks of this project have none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.supervised_contrastive import supervised_contrastive
from lnl_core.methods.neighbours.embedded import (
    MIXUP,
    TEMPERATURE,
    Embedded,
    checked_view,
)
from lnl_core.methods.neighbours.graph import affinity, largest_components, propagate
from lnl_core.methods.neighbours.knn import nearest, neighbour_count
from lnl_core.methods.options import BOUNDED_WEIGHT, SHARE, flag, number, warm_up_epochs
from lnl_core.methods.semi_supervised.mixing import mix

#: How many neighbours a sample has in the graph, and epochs of warm-up, on CIFAR-10.
NEIGHBOURS, WARM_UP = 30, 5
#: The part of what was said before in the average of logits.
ENSEMBLE = 0.6
SPREAD = "in [0, 0.99]", lambda spread: 0 <= spread <= 0.99


class NGC(Embedded):
    """As each epoch begins, the samples' embeddings make a graph and their labels are corrected:

    * Y: the predictions, softmax of an average of logits over the epochs (0.6 of what it was, its
      beginning at 0 corrected for), but the corrected label where a sample was selected before; at
      first the noisy labels. Its columns are scaled to sum to 1, so that classes count alike.
    * Z spreads Y along the edges, (I - `spread` W) Z = Y, W the normalised weights cos³ of the `k`
      nearest neighbours (None: 30, but at most half of a class's mean size). Its rows are scaled
      to sum to 1.
    * A sample's noisy label is kept if Z has more than `low` of it (None: 1/K); otherwise its
      corrected label is the largest of Z.
    * Selected are the samples whose label is kept or whose largest Z is above `high`, and of these
      in each class the largest piece of the graph: see `largest_components`.

    An update, after the `warm_up` (None: 5 epochs), takes a batch in two views and adds up

    * cross-entropy with the corrected labels, of the selected samples in both views, mixed with
      λ ~ Beta(`alpha`, `alpha`);
    * `weight` times a contrastive loss of instances: a sample's first view is like its second and
      unlike all other views in the batch;
    * `weight` times the same of the graph: two samples are alike as well that are both selected and
      of the same corrected label.

    Both at `temperature` τ, which the authors' code leaves out of the second, `unscaled=True`. In
    the warm-up there is the mixed cross-entropy alone, on all samples and with the noisy labels.

    On a hundred classes that code has k = 200, `high` 0.6 and 30 epochs of warm-up; for asymmetric
    noise on ten k = 10 and 30 epochs; on WebVision k = 100, `high` 0.8, α = 0.5, 15 epochs, and the
    classifier sees the first view alone. Its second view is AugMix, where here `view` is "strong",
    or "weak". Where a class has no sample to select, it selects the first of all samples. Here none
    is, and where no class has one, all samples are selected.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        k: int | None = None,
        spread: float = 0.5,
        low: float | None = None,
        high: float = 0.7,
        temperature: float = 0.3,
        alpha: float = 8.0,
        weight: float = 1.0,
        unscaled: bool = False,
        warm_up: int | None = None,
        view: str = "strong",
        projection: int = 64,
    ) -> None:
        super().__init__(net, data, projection)
        self.k = neighbour_count(k, NEIGHBOURS, data)
        self.spread = number("spread", spread, *SPREAD)
        self.low = number("low", 1 / data.num_classes if low is None else low, *SHARE)
        self.high = number("high", high, *SHARE)
        self.temperature = number("temperature", temperature, *TEMPERATURE)
        self.alpha = number("alpha", alpha, *MIXUP)
        self.weight = number("weight", weight, *BOUNDED_WEIGHT)
        self.unscaled = flag("unscaled", unscaled)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        self.views = ("weak", checked_view(view))
        one_hot = F.one_hot(data.labels, data.num_classes).float()
        #: The average of logits, and the corrected labels, [N, K] both.
        self.register_buffer("average", torch.zeros_like(one_hot))
        self.register_buffer("targets", one_hot)
        self.register_buffer("selected", torch.ones(len(data), dtype=torch.bool))
        #: What the graph says of each noisy label, [N].
        self.register_buffer("support", torch.zeros(len(data)))

    # The graph ----------------------------------------------------------------------------------

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.warming = epoch <= self.warm_up
        logits, embedding = self.survey(data)
        self.average.mul_(ENSEMBLE).add_(logits, alpha=1 - ENSEMBLE)
        if epoch == 1:
            said = self.targets
        else:
            predicted = (self.average / (1 - ENSEMBLE**epoch)).softmax(-1)
            corrected = F.one_hot(self.targets.argmax(-1), self.num_classes).float()
            said = torch.where(self.selected[:, None], corrected, predicted)
        self.clean(embedding, data.labels, said)

    def clean(self, embedding: Tensor, labels: Tensor, said: Tensor) -> None:
        """Correct the labels int64 [N] and select samples, by embeddings [N, D] and Y [N, K]."""
        similarity, neighbours = nearest(embedding, self.k)
        said = said / said.sum(0).clamp_min(torch.finfo(said.dtype).tiny)
        found = propagate(affinity(similarity, neighbours), said, self.spread)
        found = found / found.sum(-1, keepdim=True)
        self.support.copy_(found.gather(1, labels[:, None]).squeeze(1))
        kept = self.support > self.low
        noisy = F.one_hot(labels, self.num_classes).to(found.dtype)
        self.targets.copy_(torch.where(kept[:, None], noisy, found))
        largest, corrected = self.targets.max(-1)
        chosen = largest_components(neighbours, corrected, kept | (largest > self.high))
        self.selected.copy_(chosen | ~chosen.any())

    # Training -----------------------------------------------------------------------------------

    def loss(self, batch: Batch) -> Tensor:
        if self.warming:
            return self._classify(batch.views, batch.labels)
        selected = self.selected[batch.index]
        labels = self.targets[batch.index].argmax(-1)
        # Of a batch without a selected sample there is nothing to classify.
        told = torch.zeros((), device=selected.device)
        if selected.any():
            chosen = tuple(view[selected] for view in batch.views)
            told = self._classify(chosen, labels[selected]).mean()
        first, second = (self.both(view)[1] for view in batch.views)
        return told + self.weight * self.contrast(first, second, labels, selected)

    def _classify(self, views: tuple[Tensor, ...], labels: Tensor) -> Tensor:
        """Cross-entropy of two views of b samples, mixed: [b]."""
        target = F.one_hot(labels, self.num_classes).float().repeat(2, 1)
        x, target = mix(torch.cat(views), target, self.alpha)
        return losses.cross_entropy(self.net(x), target).view(2, -1).mean(0)

    def contrast(self, first: Tensor, second: Tensor, labels: Tensor, selected: Tensor) -> Tensor:
        """Both contrastive losses [B] of two views' embeddings [B, D]; the samples' corrected
        labels and which are selected, int64 and bool [B]."""
        similarity = first @ torch.cat([first, second]).T
        itself = torch.eye(len(first), dtype=torch.bool, device=first.device)
        nobody = torch.zeros_like(itself)
        candidates = ~torch.cat([itself, nobody], 1)
        own = torch.cat([nobody, itself], 1)
        alike = selected[:, None] & selected & (labels[:, None] == labels)
        likes = (alike.repeat(1, 2) | own) & candidates
        scale = 1.0 if self.unscaled else self.temperature
        instance = supervised_contrastive(similarity, own, candidates, self.temperature)
        return instance + supervised_contrastive(similarity, likes, candidates, scale)

    # What it has found --------------------------------------------------------------------------

    def clean_probability(self) -> Tensor:
        """What the graph says of each noisy label, [N]."""
        return self.support

    def corrected_labels(self) -> Tensor:
        """The corrected labels: the noisy one where it is kept, else the graph's [N, K]."""
        return self.targets

    def diagnostics(self) -> dict[str, float]:
        """`selected`: the share of the samples; `kept`: of the noisy labels."""
        kept = (self.support > self.low).double().mean().item()
        return {"selected": self.selected.double().mean().item(), "kept": kept}
