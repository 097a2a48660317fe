"""A transition matrix for each sample, and a cost on matrices that differ between like samples:
Cheng et al., *Instance-Dependent Label-Noise Learning with Manifold-Regularized Transition Matrix
Estimation*, CVPR 2022. Pure functions of a batch; `methods/transition/kmeidtm.py` trains with them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes

#: No entry is smaller than this, or larger than 1 less this, before the rows are normalised.
EDGE = 1e-5


@takes(posterior="B K", weight="K K K")
def transition_matrices(posterior: Tensor, weight: Tensor) -> Tensor:
    """T(x) [B, K, K], rows summing to 1: linear in the posterior p(x) [B, K], with `weight`
    [K, K, K], then clamped and normalised. T_ij(x) ∝ Σ_k weight_ijk p_k(x)."""
    entries = torch.einsum("ijk,bk->bij", weight, posterior).clamp(EDGE, 1 - EDGE)
    return entries / entries.sum(-1, keepdim=True)


@takes(posterior="B K", matrices="B K K")
def noisy_log_likelihood(posterior: Tensor, matrices: Tensor) -> Tensor:
    """log p(ỹ|x) [B, K]: p(x)ᵀ T(x), of p [B, K] and T [B, K, K]."""
    return torch.einsum("bi,bij->bj", posterior, matrices).log()


@takes(posterior="B K", sigma="positive")
def affinity(posterior: Tensor, sigma: float, neighbours: int | None = None) -> Tensor:
    """s [B, B]: exp(-‖p_i - p_j‖² / 2σ²) where both samples are predicted to be of one class, and
    minus that where they are not.

    With `neighbours` k only pairs of which one is among the k nearest of the other count, itself
    aside; the rest is 0. Of samples that are equally near those that come first are taken.
    """
    distance = (posterior.unsqueeze(0) - posterior.unsqueeze(1)).square().sum(-1)
    predicted = posterior.argmax(-1)
    alike = predicted.unsqueeze(0) == predicted.unsqueeze(1)
    strength = torch.where(alike, 1.0, -1.0) * torch.exp(-distance / (2 * sigma**2))
    if neighbours is None:
        return strength
    itself = torch.eye(len(posterior), dtype=torch.bool, device=posterior.device)
    others = distance.masked_fill(itself, float("inf")).argsort(dim=-1, stable=True)
    nearest = F.one_hot(others[:, :neighbours], len(posterior)).sum(1).bool() & ~itself
    return torch.where(nearest | nearest.T, strength, 0)


@takes(matrices="B K K", strength="B B")
def manifold(matrices: Tensor, strength: Tensor) -> Tensor:
    """Mean of s_ij ‖T(x_i) - T(x_j)‖² over all pairs of a batch: scalar, of T [B, K, K] and s
    [B, B]. Negative where unlike samples have unlike matrices, and bounded, as matrices are."""
    flat = matrices.flatten(1)
    return (strength * (flat.unsqueeze(0) - flat.unsqueeze(1)).square().sum(-1)).mean()
