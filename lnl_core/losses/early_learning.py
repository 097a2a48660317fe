"""The regulariser of ELR: Liu et al., *Early-learning regularization prevents memorization of noisy
labels*, NeurIPS 2020."""

from __future__ import annotations

import torch
from torch import Tensor

from lnl_core.contract import takes


@takes(logits="* K", clip="fraction")
def clipped_probabilities(logits: Tensor, clip: float) -> Tensor:
    """softmax(logits), each entry held in [clip, 1 - clip] → [..., K]; no gradient outside."""
    return logits.softmax(-1).clamp(clip, 1 - clip)


@takes(probabilities="... K", target="... K")
def early_learning(probabilities: Tensor, target: Tensor) -> Tensor:
    """log(1 - ⟨p, t⟩), a sample's term (eq. 6): negative, and falling as p comes to t → [...].

    `probabilities` [..., K] below 1, `target` [..., K], not negative, of a sum of at most 1.
    """
    return torch.log1p(-(probabilities * target).sum(-1))
