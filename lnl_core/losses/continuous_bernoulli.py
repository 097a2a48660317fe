"""The continuous Bernoulli distribution: Loaiza-Ganem and Cunningham, *The continuous Bernoulli:
fixing a pervasive error in variational autoencoders*, NeurIPS 2019. Of a value in [0, 1], where the
Bernoulli likelihood of a value that is neither 0 nor 1 is no density.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes

#: Nearer 0 than this, ln C is its series: the quotient has no digits left.
NEAR = 0.05


@takes(logits="...")
def log_normaliser(logits: Tensor) -> Tensor:
    """ln C(λ), λ = σ(logits): with the logit l, C = l / tanh(l/2), 2 at l = 0 → [...]."""
    small = logits.abs() < NEAR
    safe = torch.where(small, 1.0, logits)
    series = math.log(2) + logits**2 / 12 - 7 * logits**4 / 1440
    return torch.where(small, series, (safe / torch.tanh(safe / 2)).log())


@takes(logits="...", x="...")
def log_density(logits: Tensor, x: Tensor) -> Tensor:
    """ln p(x|λ) = x ln λ + (1 - x) ln(1 - λ) + ln C(λ), λ = σ(logits), x in [0, 1] → [...]."""
    bernoulli = -F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return bernoulli + log_normaliser(logits)
