"""Quality embedding as pure functions: Yao et al. 2018 (CAN), eq. 2-5, 7 and 8.

A latent label z ∈ {0, 1}^K and a quality variable s ∈ R^D stand behind the noisy label vector y:
P(y|x) = Σ_z ∫ P(y|z,s) P(z|x) P(s) ds. A label is a Bernoulli variable given by its logit:

* `prior` [..., K], the classifier's logits: P(z_k = 1|x) = σ(prior_k);
* `posterior` [..., K], the additive layer's: q(z_k = 1|x,y) = σ(posterior_k);
* `mean`, `log_variance` [..., D], the contrastive layer's: q(s|x,y) = N(mean, diag σ²), and
  P(s) = N(0, I);
* `decoded` [..., K], the decoder's: P(y_k = 1|z,s) = σ(decoded_k).

Conventions of `per_sample.py`: only the last dimension is reduced, one number a sample, log space.
(The appendix calls q(z) and P(z) multinomial, Section III-C has K Bernoulli variables; eq. 8's sum
over z_mk is the latter's.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import takes

#: What is left of ρ where it counts as annealed, in `vanishing_schedule`.
REST = 0.01


# Sampling ---------------------------------------------------------------------------------------


@takes(posterior="* L", gumbel="* L 2", temperature="positive")
def relaxed_labels(posterior: Tensor, gumbel: Tensor, temperature: Tensor | float) -> Tensor:
    """z = g(γ), a differentiable draw of the latent labels (before eq. 5): [..., K] in [0, 1].

    `gumbel` [..., K, 2] are Gumbel(0, 1) draws γ_k0, γ_k1. Gumbel-softmax over two values is the
    sigmoid of their difference; as `temperature` τ → 0 it is a draw from q.
    """
    difference = gumbel[..., 1] - gumbel[..., 0]
    return ((posterior + difference) / temperature).sigmoid()


@takes(like="*")
def gumbel_noise(like: Tensor) -> Tensor:
    """γ of the shape [*like.shape, 2]: -ln E with E exponential."""
    exponential = torch.empty(*like.shape, 2, dtype=like.dtype, device=like.device).exponential_()
    return -exponential.clamp_min(torch.finfo(like.dtype).tiny).log()


@takes(mean="* D", log_variance="* D", noise="* D", printed="flag")
def quality_sample(
    mean: Tensor, log_variance: Tensor, noise: Tensor, printed: bool = False
) -> Tensor:
    """s = f(ζ) = μ + σ ⊙ ζ, ζ ~ N(0, I) the `noise`: [..., D].

    The text prints σ² ⊙ ζ before eq. 5 (`printed`). Such an s has variance σ⁴, so that it is no
    draw from the q(s) whose divergence is in eq. 8.
    """
    return mean + (log_variance if printed else log_variance / 2).exp() * noise


# The objective ----------------------------------------------------------------------------------


@takes(decoded="* L", labels="* L")
def log_likelihood(decoded: Tensor, labels: Tensor) -> Tensor:
    """ln P(y|z,s) of float label vectors [..., K] → [...], at most 0."""
    return -losses.binary_cross_entropy(decoded, labels)


@takes(posterior="* L", prior="* L", weight="number")
def label_divergence(posterior: Tensor, prior: Tensor, weight: float = 0.0) -> Tensor:
    """KL[q(z|x,y) ‖ P(z|x)] - λ E_q[ln q(z|x,y)], λ the `weight`: eq. 8, first line.

    [..., K] → [...]: Σ_k Σ_z q ln(q^(1-λ) / P) over z_k = 0 and 1.
    """
    q = posterior.sigmoid()
    own = q * F.logsigmoid(posterior) + (1 - q) * F.logsigmoid(-posterior)
    cross = q * F.logsigmoid(prior) + (1 - q) * F.logsigmoid(-prior)
    return ((1 - weight) * own - cross).sum(-1)


@takes(mean="* D", log_variance="* D", weight="number")
def quality_divergence(mean: Tensor, log_variance: Tensor, weight: float = 0.0) -> Tensor:
    """KL[q(s|x,y) ‖ N(0, I)] - λ E_q[ln q(s|x,y)]: eq. 8, second line. [..., D] → [...].

    ½ Σ_d (σ² + μ² - (1-λ) ln σ²), and the constant that the paper leaves out, so that λ = 0 is the
    divergence itself. For λ > 1 it has no lower bound: the variance is paid to vanish.
    """
    constant = weight * (1 + math.log(2 * math.pi)) - 1
    parts = log_variance.exp() + mean.square() - (1 - weight) * log_variance + constant
    return parts.sum(-1) / 2


@takes(posterior="* L", log_variance="* D")
def regulariser(posterior: Tensor, log_variance: Tensor) -> Tensor:
    """E_q[ln q(z|x,y)] + E_q[ln q(s|x,y)], minus the two entropies: eq. 3.

    [..., K] and [..., D] → [...].
    """
    # The divergence from P = 1/2 is minus the entropy, and ln 2 a label.
    even = torch.zeros_like(posterior)
    labels = label_divergence(posterior, even) - math.log(2) * posterior.shape[-1]
    quality = -(log_variance + 1 + math.log(2 * math.pi)).sum(-1) / 2
    return labels + quality


@takes(
    decoded="* L",
    labels="* L",
    posterior="* L",
    prior="* L",
    mean="* D",
    log_variance="* D",
)
def evidence_bound(
    decoded: Tensor,
    labels: Tensor,
    posterior: Tensor,
    prior: Tensor,
    mean: Tensor,
    log_variance: Tensor,
) -> Tensor:
    """The lower bound of ln P(y|x), eq. 2, with one draw in the expectation (eq. 5, N = 1)."""
    return (
        log_likelihood(decoded, labels)
        - label_divergence(posterior, prior)
        - quality_divergence(mean, log_variance)
    )


@takes(
    decoded="* L",
    labels="* L",
    posterior="* L",
    prior="* L",
    mean="* D",
    log_variance="* D",
    weight="number",
)
def objective(
    decoded: Tensor,
    labels: Tensor,
    posterior: Tensor,
    prior: Tensor,
    mean: Tensor,
    log_variance: Tensor,
    weight: float,
) -> Tensor:
    """What is minimised, L̂ of eq. 4: minus the bound, minus λ (`weight`) times the regulariser."""
    return (
        label_divergence(posterior, prior, weight)
        + quality_divergence(mean, log_variance, weight)
        - log_likelihood(decoded, labels)
    )


# Annealing --------------------------------------------------------------------------------------


@takes(step="*")
def printed_schedule(step: Tensor) -> Tensor:
    """max(0.5, exp(-3·10⁻⁵ · step)), step counted in updates from 0: Section IV-B, for τ and ρ.

    It reaches its floor after 23,105 updates: an eighth of the way on WEB (176,000 updates), never
    on AMT (13,200).
    """
    return (-3e-5 * step).exp().clamp_min(0.5)


@takes(progress="*", share="positive")
def vanishing_schedule(progress: Tensor, share: float) -> Tensor:
    """exp(-α t), eq. 7's ρ, from 1 to `REST` when that share of training is over, and on towards 0.

    `progress` in [0, 1] is the part of training that is over.
    """
    return (math.log(REST) / share * progress).exp()


@takes(values="*", factor="number")
def scale_gradient(values: Tensor, factor: Tensor | float) -> Tensor:
    """The same values; what flows back through them is multiplied by `factor`."""
    return values.detach() + factor * (values - values.detach())
