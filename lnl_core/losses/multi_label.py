"""Losses of label vectors y ∈ {0, 1}^K, each label there or not: the multi-label forms of methods
that were written for one label a sample, as the comparisons of Yao et al. 2018 need them.

Their text does not say how it made LearnQ, ICNM and bootstrapping multi-label. Conventions of
`per_sample.py`; `target` is float [..., K] in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(labels="int * | * L", num_classes="whole")
def label_vectors(labels: Tensor, num_classes: int) -> Tensor:
    """Label vectors [..., K] as they are; class indices int64 [...] as one-hot vectors, float."""
    return labels if labels.is_floating_point() else F.one_hot(labels, num_classes).float()


@takes(logits="... L", target="... L", beta="fraction")
def bootstrap_soft(logits: Tensor, target: Tensor, beta: float = 0.95) -> Tensor:
    """Soft bootstrapping (Reed et al. 2014, eq. 6) of each label as a class of its own: the target
    is β t_k + (1-β) p_k and the loss its logistic one, summed over k.

    β in [0, 1] weights the *label*; the prediction in the target is part of the graph.
    """
    mixed = beta * target + (1 - beta) * logits.sigmoid()
    return -(mixed * F.logsigmoid(logits) + (1 - mixed) * F.logsigmoid(-logits)).sum(-1)


@takes(logits="... K", target="... K", transition_matrix="K K")
def noisy_or(logits: Tensor, target: Tensor, transition_matrix: Tensor) -> Tensor:
    """Forward correction of label vectors: a label j is written down unless every true label i is
    written as something else, P(ỹ_j = 1|x) = 1 - Π_i (1 - p_i T_ij). [..., K] → [...].

    `transition_matrix` [K, K], T[clean, noisy]. Of a vector that surely has one label alone this is
    that label's row of T, as with one label a sample; a sum Σ_i p_i T_ij would exceed 1 where there
    are several.
    """
    largest = 1 - torch.finfo(logits.dtype).eps  # whose complement still has a logarithm
    written = (logits.sigmoid().unsqueeze(-1) * transition_matrix).clamp_max(largest)
    log_absent = torch.log1p(-written).sum(-2).clamp_max(-torch.finfo(logits.dtype).tiny)
    log_present = (-torch.expm1(log_absent)).log()
    return -(target * log_present + (1 - target) * log_absent).sum(-1)


@takes(logits="... L", target="... L", when_there="... L", when_absent="... L")
def reported(logits: Tensor, target: Tensor, when_there: Tensor, when_absent: Tensor) -> Tensor:
    """-ln P(y|x) with P(y_k = 1|x) = Σ_z q(y_k = 1|z, x) v(z|x), a 2x2 matrix a label and sample:
    Misra et al. 2016, their h = q v. [..., K] → [...].

    `logits` are those of v(z_k = 1|x), `when_there` and `when_absent` those of q(y_k = 1|z_k, x)
    for z_k = 1 and z_k = 0, all [..., K].
    """
    there, absent = F.logsigmoid(logits), F.logsigmoid(-logits)
    log_one, log_zero = (
        torch.logaddexp(
            there + F.logsigmoid(sign * when_there), absent + F.logsigmoid(sign * when_absent)
        )
        for sign in (1, -1)
    )
    return -(target * log_one + (1 - target) * log_zero).sum(-1)
