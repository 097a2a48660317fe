"""Negative learning, of what a sample is not, and its positive counterpart: Kim et al., *Joint
Negative and Positive Learning for Noisy Labels*, CVPR 2021.

As in `per_sample.py`: only the last dimension of `logits` [..., K] is reduced.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(logits="... K", complementary="int ...")
def negative(logits: Tensor, complementary: Tensor) -> Tensor:
    """NL = -log(1 - p_ȳ) (eq. 2): [..., K], int64 [...] → [...].

    Its gradient is p_ȳ at ȳ and -p_ȳ p_i / (1 - p_ȳ) at the other classes i.
    """
    own = F.one_hot(complementary, logits.shape[-1]).bool()
    # log(1 - p_ȳ) as a sum over the other classes: 1 - p_ȳ itself would be rounded to 0.
    return -F.log_softmax(logits, -1).masked_fill(own, -torch.inf).logsumexp(-1)


@takes(logits="... K", complementary="int ...")
def negative_plus(logits: Tensor, complementary: Tensor) -> Tensor:
    """NL+ = -(1 - p_ȳ) log(1 - p_ȳ), the bracket held (eq. 5): shapes as in `negative`.

    Its gradient, p_ȳ (1 - p_ȳ) at ȳ and -p_ȳ p_i at the others (eq. 6), is small as well where the
    network is sure of ȳ: there negative learning undoes what it rightly believes. Summed over all
    classes but ỹ it is p_ỹ (p - e_ỹ), that of mean absolute error 1 - p_ỹ.
    """
    plain = negative(logits, complementary)
    return (-plain.detach()).exp() * plain


@takes(logits="... K", labels="int ...", terms="count")
def positive_plus(logits: Tensor, labels: Tensor, terms: int = 3) -> Tensor:
    """PL+ = -Π_{n=0}^{N} (1 + p^(2^n)) log p, p that of the label, the product held, N = `terms`
    (eq. 7): logits [..., K], int64 [...] → [...].

    The product is (1 - p^(2^(N+1))) / (1 - p), so that the gradient at the label is
    -(1 - p^(2^(N+1))) (eq. 8): next to 1 for all but the surest, where cross-entropy has 1 - p.
    """
    log_p = F.log_softmax(logits, -1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    p = log_p.detach().exp()
    weight = torch.stack([1 + p ** (2**n) for n in range(terms + 1)]).prod(0)
    return -weight * log_p
