"""Dividing samples into labelled and unlabelled ones, and training on both, as pure functions.

DivideMix is Li et al., ICLR 2020, *DivideMix: Learning with noisy labels as semi-supervised
learning*, whose equation numbers stand here; UNICON is Karim et al., CVPR 2022, *UNICON: Combating
label noise through uniform selection and contrastive learning*. The numbers are from public
texts on both papers, which themselves were not at hand.

Distributions are [..., K] and only the last dimension is reduced, unless a docstring says
otherwise. The labelled part's loss (eq. 9) is `losses.cross_entropy`, the regulariser (eq. 11)
`soft.prior_divergence` and the confidence penalty of the warm-up (eq. 2) minus `soft.entropy`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lnl_core.contract import takes

# What a sample is taught -------------------------------------------------------------------------


@takes(probabilities="* K", temperature="positive")
def sharpen(probabilities: Tensor, temperature: float) -> Tensor:
    """p_k^(1/T) / Σ_j p_j^(1/T) (eq. 4): T in (0, 1), the surer the smaller; 1 changes nothing.

    In log space, so that no power underflows; a probability of 0 stays 0.
    """
    return (probabilities.log() / temperature).softmax(-1)


@takes(labels="... K", prediction="... K", trust="...", temperature="positive")
def co_refine(labels: Tensor, prediction: Tensor, trust: Tensor, temperature: float) -> Tensor:
    """A labelled sample's target: w y + (1 - w) p, sharpened (eq. 3 and 4).

    `labels` y and `prediction` p [..., K] distributions, `trust` w [...] in [0, 1].
    """
    weight = trust.unsqueeze(-1)
    return sharpen(weight * labels + (1 - weight) * prediction, temperature)


@takes(predictions="* V K", temperature="positive")
def co_guess(predictions: Tensor, temperature: float) -> Tensor:
    """An unlabelled sample's target: the mean of predictions [V, ..., K], of all views and both
    networks, sharpened (Algorithm 1) → [..., K]."""
    return sharpen(predictions.mean(0), temperature)


@takes(logits="... K", target="... K")
def squared_error(logits: Tensor, target: Tensor) -> Tensor:
    """The unlabelled part's loss, (1/K) ‖target - softmax(logits)‖² (eq. 10) → [...].

    Bounded, so that a wrong guess costs little. The text prints no 1/K, the authors' code has it,
    and their weights λ_u are for it: the printed loss is this one with λ_u K.
    """
    return (logits.softmax(-1) - target).square().mean(-1)


@takes(epochs="number", length="number")
def ramp_up(epochs: float, length: float) -> float:
    """What λ_u is multiplied by so many epochs after the warm-up: from 0 to 1, linearly, over
    `length` epochs; with a length of 0 always 1."""
    return min(1.0, max(0.0, epochs / length)) if length else 1.0


# Which samples are labelled ----------------------------------------------------------------------


@takes(values="* N")
def min_max(values: Tensor) -> Tensor:
    """Values [..., N] scaled so that the least is 0 and the largest 1; 0 where all are alike."""
    least, largest = values.amin(-1, keepdim=True), values.amax(-1, keepdim=True)
    spread = largest - least
    return (values - least) / torch.where(spread == 0, 1, spread)


@takes(p="... K", q="... K")
def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q)/2, in nats: from 0 to log 2 → [...].

    UNICON's disagreement d of a prediction p and a one-hot label (its eq. 2). There it is
    log 2 + ½ [p_y log p_y - (1 + p_y) log(1 + p_y)], which falls as p_y grows: it ranks samples as
    the prediction's cross-entropy does, and differs in that it is bounded.
    """
    m = (p + q) / 2
    xlogx = [torch.special.xlogy(v, v).sum(-1) for v in (p, q, m)]
    return ((xlogx[0] + xlogx[1]) / 2 - xlogx[2]).clamp(0, math.log(2))


@takes(divergence="N", adjustment="number", filtering="positive")
def cutoff(divergence: Tensor, adjustment: float, filtering: float) -> Tensor:
    """UNICON's threshold on the divergences (its eq. 3), [N] → scalar: their mean d̄; where d̄ is
    above d_μ = `adjustment`, nearer the least of them, d̄ - (d̄ - min d)/τ, τ = `filtering` ≥ 1."""
    mean = divergence.mean()
    stricter = mean - (mean - divergence.min()) / filtering
    return torch.where(mean > adjustment, stricter, mean)


@takes(divergence="N", labels="int N", num_classes="whole")
def uniform_selection(
    divergence: Tensor, labels: Tensor, count: Tensor | int, num_classes: int
) -> Tensor:
    """UNICON's choice: of each class alike ⌊count / K⌋ samples, those of least divergence.

    `divergence` [N], `labels` int64 [N], `count` in [0, N], how many samples to choose in all (the
    paper's R N) → bool [N]. A class with fewer samples gives all that it has, one with none none.
    Equal divergences are taken in their order.
    """
    order = divergence.argsort(stable=True)
    order = order[labels[order].argsort(stable=True)]  # class by class, the least first
    sizes = torch.bincount(labels, minlength=num_classes)
    begin = sizes.cumsum(0) - sizes
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return rank - begin[labels] < count // num_classes
