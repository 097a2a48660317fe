"""UNICON: Karim et al., *UNICON: Combating label noise through uniform selection and contrastive
learning*, CVPR 2022. DivideMix's loop, but of each class as many samples are labelled, and the
unlabelled ones are also learned from without any label.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.data import TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses import divide
from lnl_core.losses.contrastive import nt_xent, unit
from lnl_core.methods.options import POSITIVE, SHARE, WEIGHT, WIDEST, flag, number, whole
from lnl_core.methods.semi_supervised.divided import Divided, Part

SIZES = ("scaled", "equal")


class UNICON(Divided):
    """Uniform selection: d_i is the Jensen-Shannon divergence between the label and the mean
    prediction of both networks (eq. 2), R the share of samples with d_i below a cutoff (eq. 3), and
    labelled are of each class the ⌊R N / K⌋ samples of least d. The second network's division is
    made anew after the first one's pass, as in the authors' code. Weak views are guessed from,
    strong ones trained on; of the unlabelled samples' two strong views NT-Xent (eq. 4 and 5) at
    `contrast_temperature` is added with `weight_c` (eq. 6), on a linear projection to `projection`
    dimensions with batch normalisation (the authors' code; both views in one pass, here). The
    equations' numbers are from a summary of the paper.

    The cutoff is the mean d̄, and where d̄ > `adjustment` stricter, d̄ - (d̄ - min d)/`filtering`.
    The text's d lies in [0, 1]; the code's, on which its numbers rest, is in nats and so at most
    log 2 = 0.693: its adjustment threshold of 0.7 is never reached. With `bits` d is in bits and
    the rule can act. A label is trusted by 1 - d, and fully where d < `trusted` (the code; 0 turns
    it off). `unlabelled`: batches `scaled` to B/2R samples for labelled batches of B, as in the
    code, so that N/2 unlabelled samples are seen an epoch whatever R is, or `equal` to them.

    Not followed: the code fills up a class that is too small with sample 0, and drops the last
    batch. A vector's weak view is the vector itself. The other options are described in `Divided`.
    """

    views = ("weak", "weak", "strong", "strong")

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        weight_u: float = 30.0,
        weight_c: float = 0.025,
        contrast_temperature: float = 0.05,
        projection: int = 128,
        adjustment: float = 0.7,
        filtering: float = 5.0,
        bits: bool = False,
        trusted: float = 0.5,
        unlabelled: str = "scaled",
        temperature: float = 0.5,
        alpha: float = 4.0,
        warm_up: int | None = None,
        ramp: int = 16,
        confidence_penalty: bool = False,
    ) -> None:
        super().__init__(
            net, peer, data, weight_u, temperature, alpha, warm_up, ramp, confidence_penalty
        )
        self.weight_c = number("weight_c", weight_c, *WEIGHT)
        self.contrast_temperature = number("contrast_temperature", contrast_temperature, *POSITIVE)
        self.adjustment = number("adjustment", adjustment, *SHARE)
        self.filtering = number(
            "filtering", filtering, "a finite number, at least 1", lambda v: 1 <= v < math.inf
        )
        self.bits = flag("bits", bits)
        self.trusted = number("trusted", trusted, *SHARE)
        if unlabelled not in SIZES:
            raise unknown_name("unlabelled", unlabelled, SIZES)
        self.unlabelled = unlabelled
        width = whole("projection", projection, 1, WIDEST)
        # No bias: batch normalisation would take it away again.
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(one.feature_dim, width, bias=False), nn.BatchNorm1d(width))
            for one in (net, peer)
        )
        #: d of each sample, and whether it is labelled.
        self.register_buffer("divergence", torch.zeros(len(data)))
        self.register_buffer("selected", torch.zeros(len(data), dtype=torch.bool))

    @torch.no_grad()
    def divide(self, data: TrainingSet) -> None:
        predicted = self.survey(data).softmax(-1).mean(0)
        labels = F.one_hot(data.labels, self.num_classes).float()
        d = divide.jensen_shannon(predicted, labels) / (math.log(2) if self.bits else 1)
        self.divergence.copy_(d)
        count = (d < divide.cutoff(d, self.adjustment, self.filtering)).sum()
        chosen = divide.uniform_selection(d, data.labels, count, self.num_classes)
        self.selected.copy_(chosen)

    def split(self, active: int, data: TrainingSet) -> Tensor:
        if active == 1:  # the first network is no longer what the samples were divided by
            self.divide(data)
        return self.selected

    def trust(self, active: int) -> Tensor:
        return torch.where(self.divergence < self.trusted, 1, 1 - self.divergence)

    def unlabelled_batch_size(self, size: int, labelled: int, unlabelled: int) -> int:
        if self.unlabelled == "equal":
            return size
        return max(1, size * (labelled + unlabelled) // (2 * labelled))

    def loss(self, part: Part) -> Tensor:
        loss = super().loss(part)
        if part.unlabelled is None:
            return loss
        net = (self.net, self.peer)[part.active]
        views = torch.cat(part.unlabelled.views[-2:])
        embedded = unit(self.heads[part.active](net.features(views)))
        contrast = nt_xent(*embedded.chunk(2), self.contrast_temperature)
        return loss + self.weight_c * contrast.mean()

    def clean_probability(self) -> Tensor | None:
        """1 - d, [N]; None in the warm-up."""
        return 1 - self.divergence if self.divisions else None

    def diagnostics(self) -> dict[str, float]:
        """`labelled`: the share of the samples whose labels the second network kept."""
        return {"labelled": self.selected.double().mean().item()} if self.divisions else {}
