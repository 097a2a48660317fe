"""Two normal distributions behind numbers on a line: how losses tell clean from noisy labels.

Our own expectation-maximisation instead of scikit-learn's: one dimension needs twenty lines, the
numbers stay on the device, and nothing is random, so that a resumed run divides as the whole one.
(scikit-learn begins with k-means from random centres, whose sums over threads come in any order.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def lower_component(
    values: Tensor, iterations: int = 10, tolerance: float = 1e-2, floor: float = 5e-4
) -> Tensor:
    """P(the component with the lower mean | value), a value: [N] → [N], float32 in [0, 1].

    A mixture of two normal distributions, fitted by at most so many iterations, until the mean log
    likelihood changes by less than `tolerance`; `floor` is added to the variances. The defaults
    are those of DivideMix's code. Where all values are alike there are no two components, and
    every value is of the lower one: 1.

    It begins with the best division into two groups by squared distance (2-means), which on a line
    is a cut. Not a decreasing function of the value: very far below, too, the wider component is
    the likelier one.
    """
    x = values.double()
    if len(x) < 2 or bool(x.min() == x.max()):
        return torch.ones(len(x), device=x.device)
    of_lower = (x <= _best_cut(x)).double()
    share = torch.stack([of_lower, 1 - of_lower])  # [2, N]
    likelihood = -math.inf
    for _ in range(iterations):
        joint = _log_joint(x, share, floor)
        share, before = joint.softmax(0), likelihood
        likelihood = joint.logsumexp(0).mean().item()
        if abs(likelihood - before) < tolerance:
            break
    mean = (share * x).sum(1) / share.sum(1)
    return _log_joint(x, share, floor).softmax(0)[mean.argmin()].float()


def _log_joint(x: Tensor, share: Tensor, floor: float) -> Tensor:
    """log P(component, value) [2, N], the components fitted to shares [2, N] of the values [N]."""
    weight = share.sum(1, keepdim=True) + 10 * torch.finfo(x.dtype).eps
    mean = (share * x).sum(1, keepdim=True) / weight
    variance = (share * (x - mean).square()).sum(1, keepdim=True) / weight + floor
    density = -0.5 * ((x - mean).square() / variance + (2 * math.pi * variance).log())
    return density + (weight / len(x)).log()


def _best_cut(x: Tensor) -> Tensor:
    """The largest value of the lower group, in the division of least squared distances."""
    ordered = x.sort().values
    below = ordered.cumsum(0)[:-1]
    count = torch.arange(1, len(x), device=x.device)
    # Least Σ(x - mean)² within the groups is most Σ count mean² of them.
    between = below.square() / count + (x.sum() - below).square() / (len(x) - count)
    return ordered[between.argmax()]
