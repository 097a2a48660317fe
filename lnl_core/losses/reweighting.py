"""Importance reweighting: Xia et al., *Are Anchor Points Really Indispensable in Label-Noise
Learning?*, NeurIPS 2019, after Liu and Tao 2016."""

from __future__ import annotations

from torch import Tensor

from lnl_core.contract import takes

#: What (Tᵀ p)_ỹ is held above: a T revised by gradient descent may have entries below 0.
SMALLEST = 1e-8


@takes(logits="... K", labels="int ...", transition_matrix="* K K")
def importance(logits: Tensor, labels: Tensor, transition_matrix: Tensor) -> Tensor:
    """β = p_ỹ / (Tᵀ p)_ỹ: how much likelier ỹ is as a clean label than as a noisy one.

    `logits` [..., K], `labels` int64 [...], T[clean, noisy] [K, K] or one a sample [..., K, K]
    → [...]. At least 0; with a T that is a transition matrix at most 1 / T_ỹỹ.

    With p = p(y|x), E[β ℓ(ỹ)] over noisy labels is E[ℓ(y)] over clean ones, for any loss ℓ: the
    risk of Xia et al.'s eq. 3.
    """
    p = logits.softmax(-1)
    noisy = (p.unsqueeze(-2) @ transition_matrix).squeeze(-2)
    clean_ones, noisy_ones = (each.gather(-1, labels[..., None])[..., 0] for each in (p, noisy))
    return clean_ones / noisy_ones.clamp_min(SMALLEST)
