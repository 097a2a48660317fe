"""Per-sample losses, as pure functions of logits and labels.

Conventions of every function here:

* `logits` has shape [..., K]; the leading dimensions are a batch [B] or a stack of models and
  a batch [M, B]. Only the last dimension is ever reduced, so one code serves both.
* `target` is a class index (int64, shape [...]) or a distribution over classes (float,
  shape [..., K]: soft labels, pseudo-labels).
* The value has shape [...]: one number a sample, nothing averaged.
* Everything is computed in log space, so that a confident network yields a large loss and not
  an infinite one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import TARGET, takes


@takes(log_probabilities="... K", target=TARGET)
def negative_log_likelihood(log_probabilities: Tensor, target: Tensor) -> Tensor:
    """-log p(target), or -Σ_k target_k log p_k for soft targets.

    `log_probabilities` [..., K], `target` [...] int64 or [..., K] float → [...].
    """
    if target.is_floating_point():
        return -(target * log_probabilities).sum(-1)
    return -log_probabilities.gather(-1, target.unsqueeze(-1)).squeeze(-1)


@takes(logits="... K", target=TARGET)
def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of softmax(logits) against hard or soft labels (Patrini et al., eq. 1)."""
    return negative_log_likelihood(F.log_softmax(logits, -1), target)


@takes(logits="... L", target="... L")
def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Multi-label cross-entropy: the sum over the K labels of K independent logistic losses.

    `target` [..., K] float in [0, 1] (multi-hot, or a probability a label) → [...].
    """
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)


@takes(logits="* K", transition_matrix="* K K")
def noisy_log_posterior(logits: Tensor, transition_matrix: Tensor) -> Tensor:
    """log p̂(ỹ|x) = log Tᵀ p̂(y|x): what the network predicts of the *noisy* label.

    Patrini et al. 2017, eq. 3-5. `transition_matrix` [K, K] (or [M, K, K] for a stack) with
    T[clean, noisy], rows summing to 1 → [..., K].

    log Σ_j p_j T_jk is a logsumexp of log p_j + log T_jk: no probability is ever formed, so
    none underflows. A noisy label that T declares impossible (a column of zeros) gets a very
    small probability instead of 0, so that its loss is large and not infinite.
    """
    log_p = F.log_softmax(logits, -1)
    impossible = (transition_matrix == 0).all(-2, keepdim=True)
    smallest = torch.finfo(transition_matrix.dtype).tiny
    log_t = torch.where(impossible, smallest, transition_matrix).log()
    if log_t.dim() == 3:  # one matrix a model: [M, K, K] against logits [M, B, K]
        log_t = log_t.unsqueeze(-3)
    return torch.logsumexp(log_p.unsqueeze(-1) + log_t, dim=-2)


# A *base loss* as a vector: log-probabilities log p [..., K] → the loss at every possible label
# [..., K], the ℓ(p̂) of Patrini et al. that the corrections act on. Both below are proper: their
# expectation is least at the true distribution, which is what Theorem 2 asks for.


@takes(log_probabilities="* K")
def log_loss(log_probabilities: Tensor) -> Tensor:
    """ℓ_k = -log p_k: cross-entropy (Patrini et al., eq. 1)."""
    return -log_probabilities


@takes(log_probabilities="* K")
def square_loss(log_probabilities: Tensor) -> Tensor:
    """ℓ_k = ‖e^k - p‖² = 1 - 2 p_k + Σ_j p_j²: the square loss, bounded by 2 (Brier 1950)."""
    p = log_probabilities.exp()
    return 1 - 2 * p + p.square().sum(-1, keepdim=True)


BaseLoss = Callable[[Tensor], Tensor]
BASE_LOSSES: dict[str, BaseLoss] = {"cross-entropy": log_loss, "square": square_loss}


@takes(logits="... K", target=TARGET, transition_matrix="* K K")
def forward_corrected(
    logits: Tensor, target: Tensor, transition_matrix: Tensor, base: BaseLoss = log_loss
) -> Tensor:
    """Forward correction, ℓ(Tᵀ p̂(y|x))_ỹ (Patrini et al., Theorem 2).

    The prediction is pushed through the noise, and the base loss compares it with the noisy
    label; with cross-entropy that is -log (Tᵀ p̂)_ỹ.
    """
    return _at_label(base(noisy_log_posterior(logits, transition_matrix)), target)


@takes(logits="... K", target=TARGET, inverse_matrix="* K K", clip="fraction")
def backward_corrected(
    logits: Tensor,
    target: Tensor,
    inverse_matrix: Tensor,
    clip: float = 0.0,
    base: BaseLoss = log_loss,
) -> Tensor:
    """Backward correction, (T⁻¹ ℓ(p̂))_ỹ (Patrini et al., Theorem 1).

    `inverse_matrix` is T⁻¹ [K, K] or [M, K, K] (see `transition.inverse`). Unbiased for the
    clean loss, and therefore, unlike it, sometimes negative; without bound, if ℓ has none. `clip`
    = ε > 0 bounds cross-entropy: predictions are held in [ε, 1-ε] before the loss, and pass no
    gradient outside.
    """
    log_p = F.log_softmax(logits, -1)
    if clip:
        log_p = log_p.clamp(math.log(clip), math.log1p(-clip))
    # (T⁻¹ ℓ) for every sample: ℓ as a row vector times the transpose of T⁻¹.
    return _at_label(base(log_p) @ inverse_matrix.mT, target)


def _at_label(values: Tensor, target: Tensor) -> Tensor:
    """The entry of a loss vector [..., K] at the label, or its mean under a soft one."""
    return -negative_log_likelihood(values, target)


@takes(logits="... K", target=TARGET, beta="fraction")
def bootstrap_soft(logits: Tensor, target: Tensor, beta: float = 0.95) -> Tensor:
    """Soft bootstrapping, -Σ_k [β t_k + (1-β) p_k] log p_k (Reed et al. 2014, eq. 6).

    β in [0, 1] weights the *label*; 1 is cross-entropy. The prediction in the target is part
    of the graph, which makes the second term an entropy penalty: the network is rewarded for
    being sure of what it already believes.
    """
    log_p = F.log_softmax(logits, -1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    return beta * negative_log_likelihood(log_p, target) + (1 - beta) * entropy


@takes(logits="... K", target=TARGET, beta="fraction")
def bootstrap_hard(logits: Tensor, target: Tensor, beta: float = 0.8) -> Tensor:
    """Hard bootstrapping, -Σ_k [β t_k + (1-β) z_k] log p_k, z = one-hot(argmax p) (Reed et al.,
    eq. 7). β in [0, 1] weights the *label*. The argmax passes no gradient."""
    log_p = F.log_softmax(logits, -1)
    own = negative_log_likelihood(log_p, log_p.detach().argmax(-1))
    return beta * negative_log_likelihood(log_p, target) + (1 - beta) * own


# The next three act on scores against one-hot targets t in {0, 1}^K and are averaged over the
# classes, as in Patrini et al.'s code. The original papers have targets of -1 and 1; with 0 and 1
# only the labelled class has a gradient.


@takes(scores="... K", target=TARGET)
def unhinged(scores: Tensor, target: Tensor) -> Tensor:
    """Mean over k of 1 - t_k v_k (van Rooyen et al. 2015): linear, so unbounded."""
    return (1 - _one_hot(scores, target) * scores).mean(-1)


@takes(scores="... K", target=TARGET)
def sigmoid(scores: Tensor, target: Tensor) -> Tensor:
    """Mean over k of σ(-t_k v_k) (Ghosh et al. 2015, β = 1): bounded, and flat far out."""
    return torch.sigmoid(-_one_hot(scores, target) * scores).mean(-1)


@takes(logits="... K", target=TARGET)
def savage(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over k of (1 + exp(2 t_k p_k))⁻² (Masnadi-Shirazi and Vasconcelos 2009), of softmax
    probabilities p."""
    return (1 + (2 * _one_hot(logits, target) * logits.softmax(-1)).exp()).pow(-2).mean(-1)


def _one_hot(scores: Tensor, target: Tensor) -> Tensor:
    if target.is_floating_point():
        return target
    return F.one_hot(target, scores.shape[-1]).to(scores.dtype)
