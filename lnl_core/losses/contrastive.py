"""The contrastive loss of SimCLR (Chen et al., ICML 2020): two views of a sample are alike, and
unlike every other view in the batch. UNICON and the LNL-flywheel add it to what they learn from
labels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(first="B D", second="B D", temperature="positive")
def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent, the normalised temperature-scaled cross-entropy (SimCLR, eq. 1), a sample.

    `first`, `second` [B, D]: the embeddings of two views of each sample, of unit length (see
    `unit`); `temperature` τ > 0. → [B], float32 (float64 of float64):

        ℓ(a, b) = -log ( exp(a·b/τ) / Σ_c exp(a·c/τ) ),  c over the 2B - 1 views that are not a

    and of sample i the mean of ℓ(first_i, second_i) and ℓ(second_i, first_i), so that the mean
    over the batch is the paper's L. A batch of one has no negatives: its only candidate is the
    right one, the loss exactly 0 and its gradient too.
    """
    views = torch.cat([first, second])
    views = views if views.dtype == torch.float64 else views.float()
    similarity = views @ views.T / temperature
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    similarity = similarity.masked_fill(itself, -torch.inf)
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarity, partner, reduction="none").view(2, -1).mean(0)


@takes(embedding="* D")
def unit(embedding: Tensor) -> Tensor:
    """Embeddings [..., D] scaled to length 1; one of length 0 stays 0, with finite gradients."""
    return F.normalize(embedding, dim=-1)
