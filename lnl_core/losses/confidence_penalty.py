"""Penalties on confident predictions: Wei et al., *Self-Filtering: A Noise-Aware Sample Selection
for Label Noise with Confidence Penalization*, ECCV 2022."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import takes


@takes(logits="... K", labels="int ...", threshold="number")
def lifting(logits: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Σ_k [T - p_k/p_ỹ]₊ (-log p_k) / (K - 1), the brackets held: [..., K], int64 [...] → [...].

    It lifts the classes that the network gives less than the share T of what it gives the label.
    """
    log_p = F.log_softmax(logits, -1)
    own = log_p.gather(-1, labels.unsqueeze(-1))
    weights = (threshold - (log_p - own).detach().exp()).clamp_min(0)
    return losses.negative_log_likelihood(log_p, weights) / (logits.shape[-1] - 1)


@takes(logits="... K", threshold="number")
def runner_up(logits: Tensor, threshold: float) -> Tensor:
    """[T - p₍₂₎/p₍₁₎]₊ (-log p₍₂₎), the bracket held: the same of the second likeliest class
    against the likeliest, without a label → [...]."""
    first, second = F.log_softmax(logits, -1).topk(2, -1).values.unbind(-1)
    return -(threshold - (second - first).detach().exp()).clamp_min(0) * second
