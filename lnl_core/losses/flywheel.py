"""LNL-flywheel as pure functions: Kim et al. 2024, *Learning with Noisy Labels: Interconnection of
Two Expectation-Maximizations*, eq. 1-14. `flywheel_lemma.py` has Lemma 1.

A noisy label ỹ comes from the manifold of clean data (s = 1) or from an outlier distribution:

    p(ỹ|x) = γ g(x)[ỹ] + (1-γ) ε(ỹ|x),                                                (eq. 1-2)

g the main network. The auxiliary network f and the matrix T_c say what ε is. Throughout:

* `log_probability` [...]: log g(x_i)[ỹ_i], of each sample at its noisy label (`log_at`);
* `gamma` γ in (0, 1) and `epsilon` ε in [0, 1]: numbers, or tensors that broadcast against it;
* `cleanness` [...] in [0, 1]: q(s_i = 1); `labels` int64 [...]: ỹ_i;
* `prediction` [..., K]: f(x_i), a distribution.

Only the last dimension is reduced; the closed forms of T and T_c also sum over the samples.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import TARGET, takes

#: What is added to a probability before its logarithm in the confidence regulariser: that of the
#: authors of the regulariser (Cheng et al. 2021, CORES², their code).
FLOOR = 1e-8


# Main EM ----------------------------------------------------------------------------------------


@takes(logits="... K", labels=TARGET)
def log_at(logits: Tensor, labels: Tensor) -> Tensor:
    """log g(x)[ỹ] of logits [..., K] and labels [...] → [...], at most 0."""
    return -losses.cross_entropy(logits, labels)


@takes(log_probability="*", gamma="number", epsilon="number")
def log_mixture(log_probability: Tensor, gamma: Tensor | float, epsilon: Tensor | float) -> Tensor:
    """log p(ỹ|x), eq. 1 and 2 (without p(x), which no parameter changes) → [...]."""
    clean, corrupted = _joint(log_probability, gamma, epsilon)
    return torch.logaddexp(clean, corrupted)


@takes(log_probability="*", gamma="number", epsilon="number")
def cleanness(log_probability: Tensor, gamma: Tensor | float, epsilon: Tensor | float) -> Tensor:
    """E-step, q(s = 1) = p(s = 1|x, ỹ) by Bayes' rule (eq. 4) → [...] in [0, 1].

    An ε of 0 says that no corruption makes this label: it is then clean.
    """
    clean, corrupted = _joint(log_probability, gamma, epsilon)
    return (clean - corrupted).sigmoid()


@takes(cleanness="* N")
def clean_share(cleanness: Tensor) -> Tensor:
    """M-step, γ = the mean of q(s = 1) (eq. 6), over the last dimension.

    It is held half a sample away from 0 and 1: at either end eq. 4 has only one answer left, and
    γ could never change again.
    """
    least = 0.5 / cleanness.shape[-1]
    return cleanness.mean(-1).clamp(least, 1 - least)


@takes(logits="... K", labels=TARGET, cleanness="...")
def reweighted(logits: Tensor, labels: Tensor, cleanness: Tensor) -> Tensor:
    """M-step for θ, -q(s = 1) log g(x)[ỹ]: eq. 7 a sample → [...]."""
    return cleanness * losses.cross_entropy(logits, labels)


@takes(logits="* K", prior="* K", floor="number")
def confidence(logits: Tensor, prior: Tensor, floor: float = FLOOR) -> Tensor:
    """The confidence regulariser η = E_{ŷ ~ prior} log g(x)[ŷ], eq. 9 a sample → [...].

    `prior` [K] is p_data(ŷ). It is minimised, and as printed (`floor` 0) it has no minimum: it goes
    to -∞ as g(x) grows sure. log(g + `floor`) in place of log g is never below log `floor`, and
    what is at the floor has no gradient.
    """
    log_p = F.log_softmax(logits, -1)
    if floor:
        # log(g + floor), in log space.
        log_p = torch.logaddexp(log_p, torch.full_like(log_p, floor).log())
    return (prior * log_p).sum(-1)


@takes(logits="... K", target=TARGET, prior="* K", weight="number", floor="number")
def main_loss(
    logits: Tensor, target: Tensor, prior: Tensor, weight: float = 3.0, floor: float = FLOOR
) -> Tensor:
    """-log g(x)[ŷ] + λ η, eq. 8 a sample: `target` the resampled label ŷ, `weight` λ → [...]."""
    return losses.cross_entropy(logits, target) + weight * confidence(logits, prior, floor)


def _joint(
    log_probability: Tensor, gamma: Tensor | float, epsilon: Tensor | float
) -> tuple[Tensor, Tensor]:
    """log γ g(x)[ỹ] and log (1-γ) ε, both finite."""
    gamma, epsilon = (
        torch.as_tensor(value, dtype=log_probability.dtype, device=log_probability.device)
        for value in (gamma, epsilon)
    )
    tiny = torch.finfo(log_probability.dtype).tiny

    def log(value: Tensor) -> Tensor:
        return value.clamp_min(tiny).log()

    return log(gamma) + log_probability, log(1 - gamma) + log(epsilon)


# Auxiliary EM -----------------------------------------------------------------------------------


@takes(cleanness="...", labels="int ...", prediction="... K")
def refurbished(cleanness: Tensor, labels: Tensor, prediction: Tensor) -> Tensor:
    """E-step, q_i(y) = q(s = 1) e_ỹ + q(s = 0) f(x): eq. 10 and 11 → [..., K], a distribution.

    The M-step's loss for f is cross-entropy with it (eq. 13): `losses.cross_entropy`.
    """
    q = cleanness.unsqueeze(-1)
    given = F.one_hot(labels, prediction.shape[-1]).to(prediction.dtype)
    return q * given + (1 - q) * prediction


@takes(posterior="N K", labels="int N")
def transition_matrix(posterior: Tensor, labels: Tensor) -> Tensor:
    """M-step for T, T[y, y'] = Σ_{i: ỹ_i = y'} q_i(y) / Σ_i q_i(y): [N, K], [N] → [K, K].

    Rows sum to 1. A class that no q_i gives anything has no row: it gets the identity's.
    """
    eye = torch.eye(posterior.shape[-1], dtype=torch.float64, device=posterior.device)
    return _rows(posterior, labels, eye).to(posterior.dtype)


@takes(cleanness="N", labels="int N", prediction="N K")
def corruption_matrix(cleanness: Tensor, labels: Tensor, prediction: Tensor) -> Tensor:
    """T_c, the same of the corrupted part of q_i alone, q(s_i = 0) f(x_i)[y] → [K, K].

    Rows sum to 1. A class of which nothing is judged corrupted has no row (the text is silent): it
    gets 1/K everywhere, which is what ε was before anything was known.
    """
    classes = prediction.shape[-1]
    even = prediction.new_full((classes, classes), 1 / classes, dtype=torch.float64)
    corrupted = (1 - cleanness).unsqueeze(-1) * prediction
    return _rows(corrupted, labels, even).to(prediction.dtype)


@takes(prediction="N K", matrix="K K", labels="int N")
def corruption_probability(prediction: Tensor, matrix: Tensor, labels: Tensor) -> Tensor:
    """ε_i = Σ_y f(x_i)[y] T_c[y, ỹ_i], eq. 14: [N, K], [K, K], [N] → [N] in [0, 1]."""
    return (prediction * matrix.T[labels]).sum(-1)


def _rows(mass: Tensor, labels: Tensor, otherwise: Tensor) -> Tensor:
    """What each class's mass [N, K] lies on, by label; a class without mass gets `otherwise`.

    In float64: a sum over a million samples.
    """
    sums = torch.zeros_like(otherwise).index_add_(0, labels, mass.double()).T
    total = sums.sum(-1, keepdim=True)
    none = total <= torch.finfo(torch.float32).tiny
    return torch.where(none, otherwise, sums / torch.where(none, 1.0, total))
