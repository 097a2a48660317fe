"""Losses of label distributions, and of a whole batch's predictions: Tanaka et al. 2018.

As in `per_sample.py`: pure functions of logits [..., K] (or [..., B, K] where a batch is
averaged), in log space, nothing averaged but what the docstring says.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(logits="... K", target="... K")
def kl_divergence(logits: Tensor, target: Tensor) -> Tensor:
    """KL(target ‖ softmax(logits)), target a distribution [..., K] (eq. 6 and 7) → [...].

    Cross-entropy less the target's own entropy: the same gradient, and 0 where both agree. A
    class that the target gives nothing adds nothing (0 log 0 = 0).
    """
    log_p = F.log_softmax(logits, -1)
    return (torch.special.xlogy(target, target) - target * log_p).sum(-1)


@takes(logits="* K")
def entropy(logits: Tensor) -> Tensor:
    """-Σ_k p_k log p_k of softmax(logits), in [0, log K]: L_e a sample (eq. 12) → [...]."""
    log_p = F.log_softmax(logits, -1)
    return -(log_p.exp() * log_p).sum(-1)


@takes(logits="* B K", prior="* K")
def prior_divergence(logits: Tensor, prior: Tensor) -> Tensor:
    """KL(prior ‖ mean prediction of the batch): L_p (eq. 10), its mean as in eq. 11.

    `logits` [..., B, K], `prior` [K] → [...]: one number a batch, 0 where the batch's mean
    prediction is the prior. A class that the prior gives nothing adds nothing.
    """
    mean = torch.logsumexp(F.log_softmax(logits, -1), -2) - math.log(logits.shape[-2])
    return (torch.special.xlogy(prior, prior) - prior * mean).sum(-1)
