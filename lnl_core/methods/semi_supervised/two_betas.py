"""Two beta distributions behind losses: Arazo et al., *Unsupervised label noise modeling and loss
correction*, ICML 2019. A beta distribution may lean to one side, as the losses of clean samples do,
which crowd at zero; a normal one may not (see `two_gaussians.py`). The equations' numbers are from
public texts on the paper, which itself was not at hand.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Losses are held this far from 0 and 1, where a beta density may be 0 or infinite.
EDGE = 1e-4
#: Below it a component's variance is taken for this: samples that are all alike.
LEAST_VARIANCE = 1e-8
#: So much of each sample belongs to either component at least, so that none is empty.
LEAST_SHARE = 1e-12


def upper_component(losses: Tensor, iterations: int = 10, trimmed: float = 0.05) -> Tensor:
    """P(the component with the higher mean | loss), a loss: [N] → [N], float32 in [0, 1].

    The losses are scaled so that their `trimmed` and 1 - `trimmed` quantiles, `trimmed` in
    [0, 0.5), become 0 and 1. What lies between is fitted by so many `iterations` of
    expectation-maximisation; what lies beyond is judged as the quantile it exceeds. Where the two
    quantiles are the same there is nothing to tell apart, and no sample is of the upper component:
    0. Nothing is random.

    Far above the upper mean the lower component may be the likelier one again, if it is the wider.
    There a loss counts at least as the mean does. (The authors' code holds the probability from
    its highest value upwards, wherever that is; the text does not say.)
    """
    x = losses.double()
    if len(x) < 2:
        return torch.zeros(len(x), device=x.device)
    # Quantiles that are losses themselves, so that something lies between them.
    low = x.quantile(trimmed, interpolation="lower")
    high = x.quantile(1 - trimmed, interpolation="higher")
    if bool(low == high):
        return torch.zeros(len(x), device=x.device)
    scaled = ((x - low) / (high - low)).clamp(EDGE, 1 - EDGE)
    alpha, beta, weight = fit(scaled[(x >= low) & (x <= high)], iterations)
    means = alpha / (alpha + beta)
    upper = means.argmax()
    judged = torch.cat([scaled, means[upper].view(1)])
    posterior = log_joint(judged, alpha, beta, weight).softmax(0)[upper]
    at_mean = torch.where(scaled > means[upper], posterior[-1], 0.0)
    return torch.maximum(posterior[:-1], at_mean).float()


def fit(x: Tensor, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
    """α, β and weight of either component, [2] each, fitted to x [N], float64 in (0, 1), N ≥ 1.

    It begins with Beta(1, 2) and Beta(2, 1), half of the samples each. The M-step (eq. 6 and 7, and
    for the weights 8) equates moments, because the likelihood of a beta distribution has no maximum
    in closed form.
    """
    alpha, beta = x.new_tensor([1.0, 2.0]), x.new_tensor([2.0, 1.0])
    weight = x.new_tensor([0.5, 0.5])
    for _ in range(iterations):
        share = log_joint(x, alpha, beta, weight).softmax(0).clamp_min(LEAST_SHARE)
        count = share.sum(1)
        mean = share @ x / count
        variance = (share * (x - mean[:, None]).square()).sum(1) / count
        spread = mean * (1 - mean) / variance.clamp_min(LEAST_VARIANCE) - 1
        alpha, beta, weight = mean * spread, (1 - mean) * spread, count / count.sum()
    return alpha, beta, weight


def log_joint(x: Tensor, alpha: Tensor, beta: Tensor, weight: Tensor) -> Tensor:
    """log P(component, x) [2, N], of x [N] in (0, 1)."""
    alpha, beta = alpha[:, None], beta[:, None]
    log_b = alpha.lgamma() + beta.lgamma() - (alpha + beta).lgamma()
    density = (alpha - 1) * x.log() + (beta - 1) * torch.log1p(-x) - log_b
    return density + weight[:, None].log()
