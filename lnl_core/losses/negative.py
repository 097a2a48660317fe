"""Negative learning, of what a sample is not, and its positive counterpart: Kim et al., *Joint
Negative and Positive Learning for Noisy Labels*, CVPR 2021.

As in `per_sample.py`: only the last dimension of `logits` [..., K] is reduced.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def negative_plus(logits: Tensor, complementary: Tensor) -> Tensor:
    """NL+ = -(1 - p_ȳ) log(1 - p_ȳ), the bracket held (eq. 5): [..., K], int64 [...] → [...].

    Without the bracket it is negative learning (eq. 2), whose gradient at the other classes,
    -p_ȳ p_i / (1 - p_ȳ), is largest where ȳ is what the network rightly believes. Here it is
    -p_ȳ p_i (eq. 6).
    """
    log_p = F.log_softmax(logits, -1)
    own = F.one_hot(complementary, logits.shape[-1]).bool()
    # log(1 - p_ȳ) as a sum over the other classes: 1 - p_ȳ itself would be rounded to 0.
    rest = log_p.masked_fill(own, -torch.inf).logsumexp(-1)
    return -rest.detach().exp() * rest


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
