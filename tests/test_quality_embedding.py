"""The formulas of CAN against float64 ones written independently, Monte Carlo, and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn import functional as F

from lnl_core.losses import quality_embedding as qe

K, D = 4, 3
WEIGHTS = [0.0, 0.3, 1.0, 5.0]
numbers = st.floats(-12, 12)


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


# --- eq. 8: closed forms ------------------------------------------------------------------------


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_divergence_of_labels_is_the_printed_sum(weight):
    posterior, prior = draw(6, K, seed=1, scale=3), draw(6, K, seed=2, scale=3)
    q, p = posterior.sigmoid().numpy(), prior.sigmoid().numpy()
    expected = sum(
        share * np.log(share ** (1 - weight) / other) for share, other in ((q, p), (1 - q, 1 - p))
    ).sum(-1)
    found = qe.label_divergence(posterior, prior, weight)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_closed_forms_are_what_monte_carlo_says(weight):
    """E_q[ln q - ln P - λ ln q], the expectation taken by draws from q."""
    torch.manual_seed(0)
    posterior, prior = draw(K, seed=1), draw(K, seed=2)
    mean, log_variance = draw(D, seed=3), draw(D, seed=4)
    z = Independent(Bernoulli(logits=posterior), 1)
    s = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    of_z, of_s = z.sample((200_000,)), s.sample((200_000,))
    p_z, p_s = Independent(Bernoulli(logits=prior), 1), Independent(Normal(0 * mean, 1.0), 1)
    for values, expected in (
        ((1 - weight) * z.log_prob(of_z) - p_z.log_prob(of_z),
         qe.label_divergence(posterior, prior, weight)),
        ((1 - weight) * s.log_prob(of_s) - p_s.log_prob(of_s),
         qe.quality_divergence(mean, log_variance, weight)),
    ):  # fmt: skip
        error = values.std() / math.sqrt(len(values))
        assert abs(values.mean() - expected) < 4 * error


def test_without_the_regulariser_they_are_divergences():
    posterior, prior = draw(5, K, seed=1), draw(5, K, seed=2)
    mean, log_variance = draw(5, D, seed=3), draw(5, D, seed=4)
    q, p = (Independent(Bernoulli(logits=logits), 1) for logits in (posterior, prior))
    torch.testing.assert_close(qe.label_divergence(posterior, prior), kl_divergence(q, p))
    s = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    unit = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(qe.quality_divergence(mean, log_variance), kl_divergence(s, unit))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5))
def test_divergences_are_never_negative_and_zero_where_both_agree(pairs):
    one, other = torch.tensor(pairs, dtype=torch.float64).T
    assert qe.label_divergence(one, other) >= -1e-12
    assert qe.label_divergence(one, one).abs() < 1e-9
    assert qe.quality_divergence(one, other) >= -1e-12
    assert qe.quality_divergence(0 * one, 0 * one) == 0


def test_the_regulariser_is_minus_two_entropies():
    posterior, log_variance = draw(5, K, seed=1, scale=3), draw(5, D, seed=2)
    z = Independent(Bernoulli(logits=posterior), 1)
    s = Independent(Normal(torch.zeros_like(log_variance), (log_variance / 2).exp()), 1)
    torch.testing.assert_close(qe.regulariser(posterior, log_variance), -z.entropy() - s.entropy())


def test_above_1_the_weight_pays_for_a_vanishing_variance_without_end():
    mean, small = torch.zeros(1), torch.tensor([[-5.0], [-50.0], [-500.0]])
    falling = qe.quality_divergence(mean, small, 2.0)
    assert falling[0] > falling[1] > falling[2] and falling[2] < -200
    rising = qe.quality_divergence(mean, small, 0.3)
    assert rising[0] < rising[1] < rising[2]


def test_extreme_logits_give_large_numbers_and_not_infinite_ones():
    far = torch.tensor([[1e4, -1e4]])
    for weight in WEIGHTS:
        assert qe.label_divergence(far, -far, weight).isfinite().all()
    assert qe.log_likelihood(far, torch.tensor([[0.0, 1.0]])).isfinite().all()


# --- eq. 2 and 4: bound and objective -----------------------------------------------------------


def small_model(labels: torch.Tensor):
    """ln P(y|z,s) for K = 2, D = 1 as a function of z [..., 2] and s [..., 1]."""
    w, b = draw(2, 3, seed=7), draw(2, seed=8)

    def decoded(z: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return torch.cat([z, s], -1) @ w.T + b

    return lambda z, s: qe.log_likelihood(decoded(z, s), labels.expand(*z.shape))


def test_the_bound_is_below_the_likelihood():
    """Eq. 1 by enumeration of z and quadrature over s, against the expectation in eq. 2."""
    labels, prior = torch.tensor([1.0, 0.0]).double(), draw(2, seed=5)
    likelihood = small_model(labels)
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    s = torch.tensor(points)[:, None]
    weight = torch.tensor(weights / math.sqrt(2 * math.pi))
    vectors = torch.tensor(list(itertools.product([0.0, 1.0], repeat=2))).double()
    p = Independent(Bernoulli(logits=prior), 1).log_prob(vectors).exp()
    value = {tuple(z.tolist()): likelihood(z.expand(60, 2), s).exp() for z in vectors}
    evidence = sum(p[i] * (weight * value[tuple(z.tolist())]).sum() for i, z in enumerate(vectors))
    for seed in range(5):
        posterior, mean = draw(2, seed=seed), draw(1, seed=seed + 10)
        log_variance = draw(1, seed=seed + 20)
        q = Independent(Bernoulli(logits=posterior), 1).log_prob(vectors).exp()
        moved = mean + (log_variance / 2).exp() * s
        expected = sum(
            q[i] * (weight * likelihood(z.expand(60, 2), moved)).sum()
            for i, z in enumerate(vectors)
        )
        bound = (
            expected
            - qe.label_divergence(posterior, prior)
            - qe.quality_divergence(mean, log_variance)
        )
        assert bound < evidence.log()


def test_the_bound_is_the_likelihood_where_q_is_the_posterior():
    """One label, and a decoder that ignores s: q(z) ∝ P(z) P(y|z), q(s) = P(s)."""
    prior, labels = torch.tensor([0.4]).double(), torch.tensor([1.0]).double()
    decoded = torch.tensor([[2.0], [-1.0]]).double()  # where z is 1, where it is 0
    there, absent = qe.log_likelihood(decoded, labels.expand(2, 1))
    posterior = prior + there - absent
    nothing = torch.zeros(2).double()
    q = posterior.sigmoid()
    bounds = [
        qe.evidence_bound(logits, labels, posterior, prior, nothing, nothing) for logits in decoded
    ]
    evidence = (prior.sigmoid() * there.exp() + (-prior).sigmoid() * absent.exp()).log()
    torch.testing.assert_close(q * bounds[0] + (1 - q) * bounds[1], evidence)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_objective_is_minus_the_bound_minus_the_weighted_regulariser(weight):
    labels = (draw(5, K, seed=9) > 0).double()
    parts = (draw(5, K, seed=1), labels, draw(5, K, seed=2), draw(5, K, seed=3), draw(5, D, seed=4))
    log_variance = draw(5, D, seed=5)
    found = qe.objective(*parts, log_variance, weight)
    expected = -qe.evidence_bound(*parts, log_variance) - weight * qe.regulariser(
        parts[2], log_variance
    )
    torch.testing.assert_close(found, expected)
    assert found.shape == (5,)


# --- the two reparameterisations ----------------------------------------------------------------


def test_labels_are_drawn_by_gumbel_softmax_over_two_values():
    posterior, gumbel = draw(5, K, seed=1), draw(5, K, 2, seed=2)
    log_q = torch.stack([F.logsigmoid(-posterior), F.logsigmoid(posterior)], -1)
    expected = ((log_q + gumbel) / 0.7).softmax(-1)[..., 1]
    torch.testing.assert_close(qe.relaxed_labels(posterior, gumbel, 0.7), expected)


def test_as_the_temperature_falls_labels_become_draws_from_q():
    torch.manual_seed(0)
    posterior = torch.tensor([-2.0, 0.0, 1.5]).expand(100_000, 3)
    z = qe.relaxed_labels(posterior, qe.gumbel_noise(posterior), 1e-3)
    assert ((z < 0.01) | (z > 0.99)).float().mean() > 0.99
    torch.testing.assert_close(z.mean(0), posterior[0].sigmoid(), atol=0.006, rtol=0)


def test_gumbel_noise_has_gumbels_mean_and_variance():
    torch.manual_seed(0)
    noise = qe.gumbel_noise(torch.zeros(100_000, 1))
    assert noise.shape == (100_000, 1, 2)
    assert noise.mean() == pytest.approx(0.5772, abs=0.01)
    assert noise.var() == pytest.approx(math.pi**2 / 6, abs=0.03)


def test_the_printed_sample_of_quality_has_the_variance_squared():
    torch.manual_seed(0)
    mean, log_variance = torch.tensor([1.0, -2.0]), torch.tensor([2.0, 0.5]).log()
    noise = torch.randn(200_000, 2)
    right = qe.quality_sample(mean, log_variance, noise)
    printed = qe.quality_sample(mean, log_variance, noise, printed=True)
    torch.testing.assert_close(right.var(0), torch.tensor([2.0, 0.5]), rtol=0.02, atol=0)
    torch.testing.assert_close(printed.var(0), torch.tensor([4.0, 0.25]), rtol=0.02, atol=0)
    torch.testing.assert_close(printed.mean(0), mean, rtol=0.02, atol=0)


# --- Section III-D2: the gradients --------------------------------------------------------------


def one_draw(weight: float, *, likelihood):
    """The parts of L̂ at one draw, the parameters of q(z), q(s) and P(z), and the draw."""
    leaves = [draw(K, seed=1), draw(D, seed=2), draw(D, seed=3), draw(K, seed=4)]
    posterior, mean, log_variance, prior = (leaf.requires_grad_() for leaf in leaves)
    z = qe.relaxed_labels(posterior, draw(K, 2, seed=5), 0.8)
    s = qe.quality_sample(mean, log_variance, draw(D, seed=6))
    for part in (z, s):
        part.retain_grad()
    value = likelihood(z, s)
    divergences = qe.label_divergence(posterior, prior, weight)
    divergences = divergences + qe.quality_divergence(mean, log_variance, weight)
    return value, divergences, (posterior, mean, log_variance, prior), (z, s)


def decoder(z: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    labels = torch.tensor([1.0, 0.0, 0.0, 1.0]).double()
    w, b = draw(K, K + D, seed=7), draw(K, seed=8)
    return qe.log_likelihood(torch.cat([z, s]) @ w.T + b, labels)


@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_the_gradients_of_the_paper_hold_with_a_logarithm_that_it_leaves_out(weight):
    """∇W_L and ∇W_Q are printed with ∇P(y|z,s) where ∇ ln P(y|z,s) belongs."""
    value, divergences, leaves, draws = one_draw(weight, likelihood=decoder)
    posterior, mean, log_variance, prior = leaves
    found = torch.autograd.grad(divergences - value, leaves, retain_graph=True)
    of_z, of_s = torch.autograd.grad(value, draws, retain_graph=True)  # ∇ ln P

    q, p, variance = posterior.sigmoid(), prior.sigmoid(), log_variance.exp()
    z, s = draws
    slope_q = q * (1 - q)  # ∇q by q's logit, the W_L of this test
    inner = (q ** (1 - weight) * (1 - p) / ((1 - q) ** (1 - weight) * p)).log() * slope_q
    slope_z = z * (1 - z) / 0.8  # ∇g
    slope_s = (s - mean) / 2  # ∇f by log σ²: ½ σ ζ
    kl_of_variance = (variance - (1 - weight)) / 2

    def printed(probability: torch.Tensor | float) -> list[torch.Tensor]:
        """The four lines, ∇P = P · ∇ ln P with P the `probability`; 1.0 puts the logarithm back."""
        return [
            -probability * of_z * slope_z + inner,
            -probability * of_s + mean,
            -probability * of_s * slope_s + kl_of_variance,
            (p - q) / (p * (1 - p)) * (p * (1 - p)),  # ∇W_C, ∇P by P's logit
        ]

    for ours, theirs in zip(found, printed(1.0), strict=True):
        torch.testing.assert_close(ours, theirs)
    as_printed = printed(value.exp().detach())
    for ours, theirs in zip(found[:3], as_printed[:3], strict=True):
        assert not torch.allclose(ours, theirs, rtol=1e-2)
    torch.testing.assert_close(found[3], as_printed[3])


# --- annealing ----------------------------------------------------------------------------------


def test_the_printed_schedule_falls_to_a_half_after_23105_updates():
    steps = torch.tensor([0.0, 1000.0, 23_104.0, 23_106.0, 1e6]).double()
    expected = [1.0, math.exp(-0.03), math.exp(-3e-5 * 23_104), 0.5, 0.5]
    np.testing.assert_allclose(qe.printed_schedule(steps), expected)
    assert qe.printed_schedule(steps)[2] > 0.5


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_vanishing_schedule_is_exponential_and_a_hundredth_at_its_share(share):
    progress = torch.tensor([0.0, share / 2, share, 1.0]).double()
    found = qe.vanishing_schedule(progress, share)
    expected = [1.0, 0.1, 0.01, 0.01 ** (1 / share)]
    np.testing.assert_allclose(found, expected)


def test_scaling_a_gradient_leaves_the_value():
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    scaled = qe.scale_gradient(x, 0.25)
    assert torch.equal(scaled, x)
    scaled.square().sum().backward()
    torch.testing.assert_close(x.grad, 0.25 * 2 * x.detach())
