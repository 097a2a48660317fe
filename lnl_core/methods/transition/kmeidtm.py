"""kMEIDTM: Cheng et al., *Instance-Dependent Label-Noise Learning with Manifold-Regularized
Transition Matrix Estimation*, CVPR 2022. Every sample has its own transition matrix; the closer two
samples are, the more alike their matrices should be.

Written from the paper's abstract, its first figure and facts on the authors' code; the full text
was not at hand, so no equation is numbered here. The figure finds the affinities among the k
nearest neighbours in feature space; the code has all pairs of a batch, and predictions for
features. Here, as in the code, with k as an option. A note on the paper has + and - by the noisy
labels, not by predictions, and σ² where the code has 2σ².
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses import soft
from lnl_core.losses.manifold import (
    affinity,
    manifold,
    noisy_log_likelihood,
    transition_matrices,
)
from lnl_core.methods.base import Method
from lnl_core.methods.options import POSITIVE, WEIGHT, number, warm_up_epochs, whole

#: Epochs of warm-up on CIFAR-10, of 60.
WARM_UP = 10
#: How much of the identity T(x) has at the start; the rest is spread evenly.
IDENTITY = 0.9
KEPT = ("sure", "unsure")


class KMEIDTM(Method):
    """-log (p(x)ᵀ T(x))_ỹ + λ · mean_ij s_ij ‖T(x_i) - T(x_j)‖², λ = `weight`.

    T(x) is linear in the prediction p(x), clamped and normalised by rows, and begins at 0.9 I plus
    an even tenth for every sample; its weights learn at `rate`, by plain gradient descent without
    decay (half the network's rate in the authors' code). s_ij = ± exp(-‖p_i - p_j‖² / 2σ²), + where
    both are predicted to be of one class, σ = `sigma`: a constant to the gradient. `neighbours` k:
    pairs among the k nearest alone; None: all pairs of the batch.

    The first `warm_up` epochs (None: 10, but at most a quarter of the epochs, one at least) are
    cross-entropy less the prediction's entropy. After them, and `every` so many epochs, the samples
    to train on are chosen: the `share` of them on which the network is `sure` (the largest p), with
    their noisy labels. The authors' code sorts the other way round and keeps the least sure,
    `kept="unsure"`; it also chooses within each batch, here it is among all samples.

    A validation split is judged by -log (p(x)ᵀ T(x))_ỹ, as it has noisy labels.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        weight: float = 0.3,
        sigma: float = 1.1,
        share: float = 0.8,
        every: int = 10,
        kept: str = "sure",
        neighbours: int | None = None,
        rate: float = 5e-3,
        warm_up: int | None = None,
    ) -> None:
        super().__init__(net, data)
        self.weight = number("weight", weight, *WEIGHT)
        self.sigma = number("sigma", sigma, *POSITIVE)
        self.share = number("share", share, "in (0, 1]", lambda v: 0 < v <= 1)
        self.every = whole("every", every, 1)
        if kept not in KEPT:
            raise unknown_name("kept", kept, KEPT)
        self.kept = kept
        self.neighbours = None if neighbours is None else whole("neighbours", neighbours, 1)
        self.rate = number("rate", rate, *POSITIVE)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        k, device = data.num_classes, data.device
        start = IDENTITY * torch.eye(k, device=device) + (1 - IDENTITY) / k
        self.matrix_weight = nn.Parameter(start.unsqueeze(-1).repeat(1, 1, k))
        self.register_buffer("warming", torch.ones((), dtype=torch.bool, device=device))
        #: The samples that are trained on, bool [N].
        self.register_buffer("chosen", torch.ones(len(data), dtype=torch.bool, device=device))
        #: What the network last said of each sample, [N, K].
        self.register_buffer("posterior", torch.full((len(data), k), 1 / k, device=device))

    def parameter_groups(self) -> list[dict]:
        own = {"lr": self.rate, "momentum": 0.0, "weight_decay": 0.0}
        return [
            {"params": [p for p in self.net.parameters() if p.requires_grad]},
            {"params": [self.matrix_weight], **own},
        ]

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.warming.fill_(epoch <= self.warm_up)
        if epoch > self.warm_up and (epoch - 1 - self.warm_up) % self.every == 0:
            parts = [self.logits(batch.x).float() for batch in data.scan()]
            self.posterior.copy_(torch.cat(parts).softmax(-1))
            self.chosen.copy_(distil(self.posterior, self.share, self.kept))

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        return data.batches(self.views, self.chosen.nonzero().squeeze(-1))

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.warming:
            return losses.cross_entropy(logits, labels)
        posterior = logits.softmax(-1)
        matrices = transition_matrices(posterior, self.matrix_weight)
        noisy = noisy_log_likelihood(posterior, matrices)
        return losses.negative_log_likelihood(noisy, labels)

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        values = self.criterion(logits, batch.labels)
        if self.warming:
            return values - soft.entropy(logits)
        posterior = logits.softmax(-1)
        self.posterior.index_copy_(0, batch.index, posterior.detach().float())
        matrices = transition_matrices(posterior, self.matrix_weight)
        strength = affinity(posterior.detach(), self.sigma, self.neighbours)
        return values + self.weight * manifold(matrices, strength)

    @torch.no_grad()
    def estimates(self) -> dict[str, Tensor]:
        """`transition_matrix`: the mean of T(x) over the training samples, by class: row i weighs
        each sample by how far it was last taken for class i."""
        matrices = transition_matrices(self.posterior, self.matrix_weight)
        rows = torch.einsum("bi,bij->ij", self.posterior, matrices)
        return {"transition_matrix": rows / rows.sum(-1, keepdim=True)}

    def corrected_labels(self) -> Tensor | None:
        """What the network last said of each sample, [N, K]; None in the warm-up."""
        return None if self.warming else self.posterior


def distil(posterior: Tensor, share: float, kept: str) -> Tensor:
    """Which samples are kept: bool [N], ⌊share N⌋ of them and one at least, by max_k p of
    posteriors [N, K]: the largest where `kept` is "sure", the least where it is "unsure"."""
    confidence = posterior.amax(-1)
    order = confidence.argsort(descending=kept == "sure", stable=True)
    chosen = torch.zeros(len(posterior), dtype=torch.bool, device=posterior.device)
    # The little more keeps 0.7 · 10 from being 6.
    chosen[order[: max(1, int(share * len(posterior) + 1e-6))]] = True
    return chosen
