"""CAL: Zhu et al., *A second-order approach to learning with instance-dependent label noise*, CVPR
2021. Where noise depends on the sample, peer loss errs by covariances of noise and loss; these are
estimated and taken off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.flywheel import confidence
from lnl_core.losses.peer import floored_cross_entropy, floored_log
from lnl_core.methods.base import Method
from lnl_core.methods.options import WEIGHT, number
from lnl_core.methods.robust.cores2 import CORES2, FLOORS, SCHEDULE
from lnl_core.methods.schedules import at_epoch

if TYPE_CHECKING:
    from lnl_core.run import Run


class CovarianceAdjusted(Method):
    """Peer loss in expectation, less its covariance with the noise. With ℓ_j the loss of label j,
    π the labels' frequencies and ŷ the `distilled` labels (int64 [N]), of each sample

        ℓ_ỹ - α Σ_k π_k ℓ_k - Σ_j (1[ỹ = j] - T̂_ŷj) ℓ_j,   T̂_ij = P(ỹ = j | ŷ = i) as counted.

    The last term's mean over the samples is Σ_i P(ŷ = i) Σ_j Cov(1[ỹ = j], ℓ_j | ŷ = i) (eq. 3): a
    covariance needs only one of its factors centred, and centring ℓ_j by a mean of past epochs, as
    the authors' code does, has no gradient. First and last term make Σ_j T̂_ŷj ℓ_j: what is left
    of the noise is what depends on the class alone, and that peer loss can bear.

    `margin` [N] is how sure the sieve was of each label, for the record. α is 0 for 10 of 100
    epochs, rises to `alpha` within the next 30 and stays, at the same shares of a run of other
    length. `floor` is added to probabilities before their logarithm.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        distilled: Tensor,
        margin: Tensor,
        alpha: float = 1.0,
        floor: float = 1e-5,
    ) -> None:
        super().__init__(net, data)
        self.alpha, self.floor = alpha, floor
        labels = F.one_hot(data.labels, data.num_classes).float()
        self.register_buffer("prior", labels.mean(0))
        self.register_buffer("distilled", distilled)
        self.register_buffer("margin", margin)
        self.register_buffer("transition_matrix", counted(distilled, labels))
        #: α of the epoch under way.
        self.register_buffer("weight", torch.zeros((), device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.weight.fill_(self.alpha * at_epoch(epoch, data.epochs, SCHEDULE))

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        values = floored_cross_entropy(logits, batch.labels, self.floor)
        values = values + self.weight * confidence(logits, self.prior, self.floor)
        return values - self.covariance(logits, batch)

    def covariance(self, logits: Tensor, batch: Batch) -> Tensor:
        """Each sample's part [B] of the covariance of noise and loss."""
        each = -floored_log(logits, self.floor)
        expected = self.transition_matrix[self.distilled[batch.index]]
        given = F.one_hot(batch.labels, expected.shape[-1])
        return ((given - expected) * each).sum(-1)

    def clean_probability(self) -> Tensor:
        """The sieve's margin, [N]: a score, and no probability."""
        return self.margin

    def corrected_labels(self) -> Tensor:
        """ŷ, [N]."""
        return self.distilled


def counted(distilled: Tensor, labels: Tensor) -> Tensor:
    """T̂ [K, K]: the frequencies of the labels (one-hot [N, K]) of each distilled class (int64
    [N]); of a class that occurs nowhere, itself."""
    classes = F.one_hot(distilled, labels.shape[-1]).to(labels.dtype)
    counts = classes.mT @ labels
    total = counts.sum(1, keepdim=True)
    itself = torch.eye(len(counts), dtype=counts.dtype, device=counts.device)
    return torch.where(total > 0, counts / total.clamp_min(1), itself)


def distil(logits: Tensor, labels: Tensor, sure: float, floor: float) -> tuple[Tensor, Tensor]:
    """ŷ int64 [N] and the margin [N], of logits [N, K] and labels int64 [N].

    The margin is the mean loss of all labels less the label's own. Where it is above `sure` the
    label is kept, elsewhere the predicted class stands.
    """
    values = -floored_log(logits, floor)
    margin = values.mean(-1) - floored_cross_entropy(logits, labels, floor)
    return torch.where(margin > sure, labels, logits.argmax(-1)), margin


def cal(
    run: Run,
    alpha: float = 1.0,
    beta: float = 2.0,
    sure: float = 8.0,
    floor: float = 1e-5,
    sieve_floor: float = 1e-8,
) -> Iterator[Any]:
    """Train with CORES²'s first loss, without its sieve and with its weight `beta`; distil labels
    ŷ; train anew with `CovarianceAdjusted`.

    A label is kept where the mean loss of all labels exceeds its own by more than `sure`, at least
    0, with `sieve_floor` added to probabilities; elsewhere ŷ is the predicted class. The paper's
    algorithm has a second threshold and drops the samples in between; in its experiments, as in the
    authors' code, both are 8 and none is dropped (this, and eq. 3's number, by summaries of it). It
    takes a network sure of itself to keep a label: in a short run ŷ is mostly the prediction.

    That code distils within epoch 65 of 100, in training mode; here it is after the last epoch of
    the stage `sieve` and in evaluation mode (`stages` can make it shorter). In that stage it has
    for π the roots of the labels' frequencies, scaled to sum to 1; here they are the frequencies.
    Its ResNet-34 learns at the rate 0.1, divided by 10 after epoch 60, in either stage.
    """
    weights = {"alpha": number("alpha", alpha, *WEIGHT), "floor": number("floor", floor, *FLOORS)}
    number("beta", beta, *WEIGHT)
    number("sure", sure, *WEIGHT)
    number("sieve_floor", sieve_floor, *FLOORS)
    never = run.stage_config("sieve").epochs
    first = run.build(CORES2, beta=beta, sieve_from=never, prior="all", floor=floor, rescale=False)
    yield from run.fit(first, stage="sieve")
    data = TrainingSet(run.data, run.stage_config("sieve"))
    first.eval()
    with torch.no_grad():
        logits = torch.cat([first.logits(batch.x).float() for batch in data.scan()])
    distilled, margin = distil(logits, data.labels, sure, sieve_floor)
    second = run.build(CovarianceAdjusted, distilled=distilled, margin=margin, **weights)
    run.estimates["transition_matrix"] = second.transition_matrix.double().cpu().numpy()
    yield from run.fit(second, stage="correct")
