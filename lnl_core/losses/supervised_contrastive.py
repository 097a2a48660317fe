"""Contrastive losses in which more than one sample may be a sample's like, and mixed ones.

Khosla et al., *Supervised contrastive learning*, NeurIPS 2020, interpolated as in Ortego et al.,
*Multi-objective interpolation training for robustness to label noise* (MOIT), CVPR 2021, whose
equation numbers stand here. `contrastive.nt_xent` is the case of one like sample each.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(similarity="B M", positives="bool B M", candidates="bool B M", temperature="positive")
def supervised_contrastive(
    similarity: Tensor, positives: Tensor, candidates: Tensor, temperature: float
) -> Tensor:
    """-1/|P_i| Σ_{j in P_i} log P_ij with P_ij = exp(s_ij/τ) / Σ_r exp(s_ir/τ) (eq. 1 and 2).

    `similarity` s [B, M] of unit vectors; `positives`, bool [B, M], P_i, all of them among the
    `candidates`, bool [B, M], which r runs over; `temperature` τ > 0. → [B], float32 (float64 of
    float64). A sample without a positive costs 0.
    """
    scaled = (similarity if similarity.dtype == torch.float64 else similarity.float()) / temperature
    # Finite, so that a sample without any candidate has no NaN in its gradient.
    log_share = F.log_softmax(scaled.masked_fill(~candidates, torch.finfo(scaled.dtype).min), -1)
    total = log_share.masked_fill(~positives, 0).sum(-1)
    return -total / positives.sum(-1).clamp_min(1)


@takes(similarity="B M", candidates="bool B M", temperature="positive", share="B")
def interpolated_contrastive(
    similarity: Tensor,
    positives: tuple[Tensor, Tensor],
    candidates: Tensor,
    temperature: float,
    share: Tensor,
) -> Tensor:
    """λ L(z, y_a) + (1 - λ) L(z, y_b) (eq. 4) of samples x = λ x_a + (1 - λ) x_b.

    `positives`: whom the first and the second part of each mixed sample are like, bool [B, M]
    each; `share` λ [B] in [0, 1]. The rest and the result as in `supervised_contrastive`.
    """
    first, second = (
        supervised_contrastive(similarity, each, candidates, temperature) for each in positives
    )
    return share * first + (1 - share) * second


@takes(agreement="...", alike="bool ...", floor="number")
def pair_cross_entropy(agreement: Tensor, alike: Tensor, floor: float = 1e-7) -> Tensor:
    """-1[i ~ j] log a_ij - 1[i ≁ j] log(1 - a_ij): Sel-CL's loss of pairs (its eq. 9) → as
    `agreement`.

    `agreement` a = ⟨p_i, p_j⟩ in [0, 1], how likely two independent draws from two predictions
    are the same class, and `alike` of the same shape, bool. `floor` is added to either probability.
    """
    return -torch.where(alike, agreement + floor, 1 - agreement + floor).log()
