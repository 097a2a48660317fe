"""Noise layers as pure functions: Jindal et al. 2019 (NNAQC), eq. 2-10.

A noise layer stands between the classifier's ŷ = softmax(t), t = `logits`, and the noisy label.
Its `weight` [K, K] (or [M, K, K] for a stack of models) is Wᵀ, indexed [clean, noisy] like every
matrix of this project: the paper's Wŷ is ŷ @ weight, and its σ(W e_j) row j of softmax(weight).

* linear: ŷ' = softmax(weight)ᵀ ŷ (eq. 5), the law of total probability with a learned T;
* nonlinear: ŷ' = softmax(Wŷ) (eq. 3), which is not what any T makes of ŷ, unless ŷ is one-hot.

Conventions of `per_sample.py`: only the last dimension is reduced, one number a sample.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import TARGET, takes


@takes(logits="* K", weight="* K K")
def nonlinear_log_posterior(logits: Tensor, weight: Tensor) -> Tensor:
    """log ŷ' = log softmax(W softmax(t)): eq. 3. Logits [..., K] → [..., K].

    ŷ lies on the simplex, so no entry of Wŷ leaves the range of its row of W: however sure the
    classifier is, ŷ' is at most as sure as `layer_matrix` is of that class.
    """
    return F.log_softmax(logits.softmax(-1) @ weight, -1)


@takes(weight="* K K")
def layer_matrix(weight: Tensor) -> Tensor:
    """What the layer makes of a certain ŷ, p(ỹ|y) = softmax(W e_y): eq. 4, as T[clean, noisy]."""
    return weight.softmax(-1)


@takes(logits="... K", target=TARGET, weight="* K K")
def nonlinear_noise_aware(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L_NNA, -log softmax(W softmax(t))_ỹ: the nonlinear, noise-aware part of eq. 6."""
    return losses.negative_log_likelihood(nonlinear_log_posterior(logits, weight), target)


@takes(logits="... K", target=TARGET, weight="* K K")
def linear_noise_aware(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """-log (softmax(weight)ᵀ softmax(t))_ỹ: eq. 5, forward correction by a learned matrix."""
    return losses.forward_corrected(logits, target, layer_matrix(weight))


@takes(logits="... K", target=TARGET, beta="fraction", through="flag")
def quasi_clustering(logits: Tensor, target: Tensor, beta: float, through: bool = True) -> Tensor:
    """L_QC, -Σ_k [β ŷ_k + (1-β) ỹ_k] log ŷ_k (before eq. 6).

    β in [0, 1] weights the *prediction*: Reed et al.'s β, in `losses.bootstrap_soft`, weights the
    label, and is 1-β here. The printed sum runs over samples alone; the sum over classes is what
    the words, "the cross-entropy between a linear combination […] and the predicted labels", say.

    Minimised as printed, the target is part of the graph (`through`), and its β ŷ is a reward for
    low entropy. Taken as a constant, its gradient is (1-β)(ŷ - ỹ): cross-entropy, scaled down.
    """
    log_p = F.log_softmax(logits, -1)
    p = log_p.exp() if through else log_p.detach().exp()
    own = -(p * log_p).sum(-1)
    return beta * own + (1 - beta) * losses.negative_log_likelihood(log_p, target)


@takes(noise_aware="...", clustering="...", alpha="fraction")
def combined(noise_aware: Tensor, clustering: Tensor, alpha: float) -> Tensor:
    """α L_NNA + (1-α) L_QC: eq. 6."""
    return alpha * noise_aware + (1 - alpha) * clustering


@takes(p="* K")
def softmax_jacobian(p: Tensor) -> Tensor:
    """∂σ(t)/∂t = diag(p) - p pᵀ at p = σ(t). [..., K] → [..., K, K], symmetric."""
    return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)


@takes(logits="* K", weight="* K K")
def nonlinear_operator(logits: Tensor, weight: Tensor) -> Tensor:
    """The denoising operator of eq. 8, ∂ŷ'/∂t = ∂σ(t₂)/∂t₂ · W · ∂σ(t₁)/∂t₁.

    Logits [..., K] → [..., K, K], rows noisy labels, columns logits. The gradient of a loss with
    respect to the logits is the operator's transpose times its gradient with respect to ŷ'.
    """
    p = logits.softmax(-1)
    noisy = (p @ weight).softmax(-1)
    return softmax_jacobian(noisy) @ weight.mT @ softmax_jacobian(p)


@takes(logits="* K", transition_matrix="* K K")
def linear_operator(logits: Tensor, transition_matrix: Tensor) -> Tensor:
    """The denoising operator of eq. 10, ∂ŷ'/∂t = Tᵀ ∂σ(t₁)/∂t₁ (the paper's σ(W) is Tᵀ)."""
    return transition_matrix.mT @ softmax_jacobian(logits.softmax(-1))


@takes(num_classes="whole", start="fraction")
def start_weight(num_classes: int, start: float) -> Tensor:
    """W = c I with c such that `layer_matrix` is `start` · I + (1 - `start`) · (1/K), in (0, 1).

    A multiple of the identity, and not noise: nothing else ties the classifier's class k to the
    label k, when the layer could undo any permutation of them. W = I itself is `start` =
    (e-1) / (e-1+K), 0.15 for ten classes.
    """
    return math.log1p(num_classes * start / (1 - start)) * torch.eye(num_classes)
