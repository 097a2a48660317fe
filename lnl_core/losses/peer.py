"""Peer loss: Liu and Guo, *Peer loss functions: Learning from noisy labels without knowing noise
rates*, ICML 2020. `flywheel.confidence` is the expectation of its second term."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import TARGET, takes


@takes(logits="* K", floor="number")
def floored_log(logits: Tensor, floor: float) -> Tensor:
    """log(p + `floor`) of softmaxes p, [..., K] → [..., K]; what is at the floor has no gradient.
    With a floor of 0 log p."""
    log_p = F.log_softmax(logits, -1)
    return torch.logaddexp(log_p, torch.full_like(log_p, floor).log()) if floor else log_p


@takes(logits="... K", labels=TARGET, floor="number")
def floored_cross_entropy(logits: Tensor, labels: Tensor, floor: float) -> Tensor:
    """-log(p[ỹ] + `floor`), at most -log `floor`: [..., K], int64 [...] → [...]."""
    return losses.negative_log_likelihood(floored_log(logits, floor), labels)


@takes(
    logits="... K",
    labels=TARGET,
    peer_logits="... K",
    peer_labels=TARGET,
    weight="number",
    floor="number",
)
def peer(
    logits: Tensor,
    labels: Tensor,
    peer_logits: Tensor,
    peer_labels: Tensor,
    weight: float | Tensor,
    floor: float,
) -> Tensor:
    """ℓ(f(x), ỹ) - α ℓ(f(x₁), ỹ₂), x₁ and ỹ₂ of two other samples drawn on their own, ℓ the
    floored cross-entropy and α = `weight` (eq. 5, there with α = 1) → [...]."""
    own = floored_cross_entropy(logits, labels, floor)
    return own - weight * floored_cross_entropy(peer_logits, peer_labels, floor)
