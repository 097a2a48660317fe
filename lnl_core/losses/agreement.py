"""What two networks' predictions have in common: Wei et al. 2020 (JoCoR)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(logits="... K", others="... K")
def symmetric_kl(logits: Tensor, others: Tensor) -> Tensor:
    """KL(p ‖ q) + KL(q ‖ p) of the softmaxes of two logits [..., K] (eq. 3) → [...].

    That is Σ (p - q)(log p - log q): never negative, 0 where they agree.
    """
    log_p, log_q = F.log_softmax(logits, -1), F.log_softmax(others, -1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1)
