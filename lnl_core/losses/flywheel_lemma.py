"""Lemma 1 of Kim et al. 2024, executable: what the confidence regulariser does to a network that
can be any function, and from which λ on the loss has no minimum.

Of one sample x, with c_k = p(ŷ = k|x) - λ p(ŷ = k), the lemma's loss is

    L(g) = -Σ_k c_k log g_k,        g on the simplex.

Where no c_k is negative, its minimiser is c/Σc. If p(·|x) = γ' p_π(·|x) + (1-γ')/K and p(ŷ) = 1/K,
then λ = 1-γ' leaves c = γ' p_π(·|x), so the minimiser is p_π(·|x): this is the lemma.

Where some c_k is negative, L falls without end as g_k → 0 (`runaway`), whatever the others do; the
proof's (·)₊ is then no minimiser, L being -∞ there. It is what the minimisers on {g: g_k ≥ δ} tend
to as δ → 0 (`minimiser`). The largest λ that is bounded (`largest_weight`) is min_k p(ŷ = k|x) /
p(ŷ = k): 1-γ' where p_π(·|x) rules a class out, so the lemma's λ is the last one that is bounded,
and the experiments' λ = 3 is unbounded whatever p is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lnl_core import losses
from lnl_core.contract import takes


@takes(logits="* K", p="* K", prior="K", weight="number")
def loss(logits: Tensor, p: Tensor, prior: Tensor, weight: float) -> Tensor:
    """L(g) with g = softmax(logits) [..., K], `p` = p(ŷ|x) [..., K], `prior` = p(ŷ) [K] → [...]."""
    return losses.cross_entropy(logits, (p - weight * prior).expand_as(logits))


@takes(p="* K", prior="K", weight="number")
def minimiser(p: Tensor, prior: Tensor, weight: float) -> Tensor:
    """g* = (p - λ p(ŷ))₊ / Z: [..., K], [K] → [..., K], a distribution.

    Where that is 0 for every class (λ so large that no c_k is positive), the minimisers with a
    floor tend to the class of the largest c_k, which is what is returned.
    """
    margin = p - weight * prior
    positive = margin.clamp_min(0)
    total = positive.sum(-1, keepdim=True)
    largest = torch.zeros_like(p).scatter(-1, margin.argmax(-1, keepdim=True), 1.0)
    return torch.where(total > 0, positive / torch.where(total > 0, total, 1.0), largest)


@takes(p="* K", prior="K")
def largest_weight(p: Tensor, prior: Tensor) -> Tensor:
    """The largest λ for which L has a lower bound, min_k p_k / p(ŷ = k): [..., K], [K] → [...].

    Never above 1, since both sum to 1. A class with p(ŷ = k) = 0 bounds nothing.
    """
    return torch.where(prior > 0, p / torch.where(prior > 0, prior, 1.0), torch.inf).amin(-1)


@takes(p="* K", prior="K", weight="number", depth="D")
def runaway(p: Tensor, prior: Tensor, weight: float, depth: Tensor) -> Tensor:
    """Logits [..., D, K] of a family along which L has no bound: `depth` t [D] → class k* = argmin
    c_k has the logit -t, the others 0.

    dL/dt → c_k* as t grows: a straight way down where λ is above `largest_weight`.
    """
    least = (p - weight * prior).argmin(-1, keepdim=True)
    direction = torch.zeros_like(p).scatter(-1, least, -1.0)
    return direction.unsqueeze(-2) * depth.unsqueeze(-1)
