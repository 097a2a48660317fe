"""Penalties on confident predictions: Wei et al., *Self-Filtering: A Noise-Aware Sample Selection
for Label Noise with Confidence Penalization*, ECCV 2022.

Gradients pass through the brackets too, as in the authors' code: the bracket itself says that what
is too sure be less so.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import takes


@takes(logits="... K", labels="int ...", threshold="fraction")
def lifting(logits: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Σ_k [T - p_k/p_ỹ]₊ (-log p_k) / (K - 1), T = `threshold` in [0, 1]: [..., K], int64 [...] →
    [...].

    It lifts the classes that the network gives less than the share T of what it gives the label.
    """
    log_p = F.log_softmax(logits, -1)
    own = log_p.gather(-1, labels.unsqueeze(-1))
    # From a ratio of 1 up the bracket is 0 anyway, and 0 times an infinite ratio's slope is NaN.
    ratio = (log_p - own).clamp_max(0).exp()
    weights = (threshold - ratio).clamp_min(0)
    return losses.negative_log_likelihood(log_p, weights) / (logits.shape[-1] - 1)


@takes(logits="... K", threshold="fraction")
def runner_up(logits: Tensor, threshold: float) -> Tensor:
    """[T - p₍₂₎/p₍₁₎]₊ (-log p₍₂₎): the same of the second likeliest class against the likeliest,
    without a label → [...].

    The authors' code multiplies every sample's bracket by every sample's logarithm, so that its
    mean over a batch is the product of both means, by broadcasting; here each has its own.
    """
    first, second = F.log_softmax(logits, -1).topk(2, -1).values.unbind(-1)
    return -(threshold - (second - first).exp()).clamp_min(0) * second
