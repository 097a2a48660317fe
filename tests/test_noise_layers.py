"""Eq. 2-10 of Jindal et al. 2019 in plain probabilities and float64, and against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lnl_core import losses
from lnl_core.losses import noise_layers

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 10**6)
sizes = st.integers(2, 9)
shares = st.floats(0, 1)


def numbers(seed: int, k: int, n: int = 5):
    """Logits [n, k], labels [n], W [noisy, clean] as the paper has it."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (n, k)), rng.integers(k, size=n), rng.normal(0, 2, (k, k))


def sigma(z: np.ndarray) -> np.ndarray:
    """The paper's softmax of one vector."""
    return np.exp(z) / np.exp(z).sum()


def tensor(array) -> torch.Tensor:
    return torch.as_tensor(array)


# --- the losses, sample by sample ---------------------------------------------------------------


@few
@given(seed=seeds, k=sizes)
def test_the_nonlinear_layer_is_equation_3(seed, k):
    logits, labels, w = numbers(seed, k)
    found = noise_layers.nonlinear_log_posterior(tensor(logits), tensor(w.T))
    expected = np.array([sigma(w @ sigma(t)) for t in logits])
    np.testing.assert_allclose(found.exp(), expected, rtol=1e-9)
    loss = noise_layers.nonlinear_noise_aware(tensor(logits), tensor(labels), tensor(w.T))
    np.testing.assert_allclose(loss, -np.log(expected[np.arange(5), labels]), rtol=1e-9)


@few
@given(seed=seeds, k=sizes)
def test_the_linear_layer_is_equation_5_with_equation_4s_matrix(seed, k):
    logits, labels, w = numbers(seed, k)
    columns = np.stack([sigma(w @ e) for e in np.eye(k)], axis=1)  # σ(W), a softmax a column
    matrix = noise_layers.layer_matrix(tensor(w.T))
    np.testing.assert_allclose(matrix, columns.T, rtol=1e-9)  # ours is [clean, noisy]
    np.testing.assert_allclose(matrix.sum(-1), np.ones(k), rtol=1e-9)
    loss = noise_layers.linear_noise_aware(tensor(logits), tensor(labels), tensor(w.T))
    expected = [-np.log((columns @ sigma(t))[y]) for t, y in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(loss, expected, rtol=1e-9)


@few
@given(seed=seeds, k=sizes, beta=shares, through=st.booleans())
def test_quasi_clustering_weights_the_prediction_by_beta(seed, k, beta, through):
    logits, labels, _ = numbers(seed, k)
    found = noise_layers.quasi_clustering(tensor(logits), tensor(labels), beta, through)
    expected = [
        -((beta * sigma(t) + (1 - beta) * np.eye(k)[y]) @ np.log(sigma(t)))
        for t, y in zip(logits, labels, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    soft = torch.nn.functional.one_hot(tensor(labels), k).double()
    again = noise_layers.quasi_clustering(tensor(logits), soft, beta, through)
    np.testing.assert_allclose(again, expected, rtol=1e-9)


@few
@given(seed=seeds, k=sizes, beta=shares)
def test_quasi_clustering_is_soft_bootstrapping_with_the_weights_exchanged(seed, k, beta):
    logits, labels, _ = (tensor(array) for array in numbers(seed, k))
    ours = noise_layers.quasi_clustering(logits, labels, beta)
    torch.testing.assert_close(ours, losses.bootstrap_soft(logits, labels, 1 - beta))
    if abs(beta - 0.5) > 0.01:  # and not the same β
        assert not torch.allclose(ours, losses.bootstrap_soft(logits, labels, beta))


def gradient(function, logits: np.ndarray) -> torch.Tensor:
    t = tensor(logits).requires_grad_()
    (found,) = torch.autograd.grad(function(t).sum(), t)
    return found


@few
@given(seed=seeds, k=sizes, beta=shares)
def test_with_a_constant_target_quasi_clustering_is_scaled_down_cross_entropy(seed, k, beta):
    logits, labels, _ = numbers(seed, k)
    y = tensor(labels)
    clustering = gradient(lambda t: noise_layers.quasi_clustering(t, y, beta, False), logits)
    plain = gradient(lambda t: losses.cross_entropy(t, y), logits)
    torch.testing.assert_close(clustering, (1 - beta) * plain)


def test_through_the_target_a_large_beta_rewards_a_sure_mistake():
    """β ŷ in the target outweighs the label: at ŷ = (0.9, 0.1), label 1, the gradient of the
    printed loss moves further from the label; with a constant target it moves towards it."""
    logits, y = np.log([[0.9, 0.1]]), torch.tensor([1])
    printed, constant = (
        gradient(
            lambda t, through=through: noise_layers.quasi_clustering(t, y, 0.9, through), logits
        )
        for through in (True, False)
    )
    assert printed[0, 1] > 0 > constant[0, 1]  # descent goes against the gradient


def test_eq_6_is_a_convex_combination():
    aware, clustering = torch.tensor([1.0, 2.0]), torch.tensor([5.0, 3.0])
    found = noise_layers.combined(aware, clustering, 0.75)
    torch.testing.assert_close(found, torch.tensor([2.0, 2.25]))


# --- why the nonlinear layer is no transition matrix ----------------------------------------------


def test_eq_3_is_not_what_any_matrix_makes_of_the_prediction():
    """The law of total probability is linear in ŷ; eq. 3 agrees with eq. 4 at the corners alone."""
    weight = noise_layers.start_weight(3, 0.8).double()
    corners = 60 * torch.eye(3, dtype=torch.float64)  # softmax: one-hot to the last digit
    torch.testing.assert_close(
        noise_layers.nonlinear_log_posterior(corners, weight).exp(),
        noise_layers.layer_matrix(weight),
    )
    between = torch.tensor([0.0, 0.0, -60.0], dtype=torch.float64)  # ŷ = (½, ½, 0)
    found = noise_layers.nonlinear_log_posterior(between, weight).exp()
    linear = noise_layers.layer_matrix(weight)[:2].mean(0)
    assert (found - linear).abs().max() > 0.02


@few
@given(seed=seeds, k=sizes)
def test_eq_3_is_never_surer_than_its_weights_allow(seed, k):
    logits, _, w = numbers(seed, k)
    found = noise_layers.nonlinear_log_posterior(tensor(logits), tensor(w.T)).exp()
    # Wŷ lies between the least and the greatest entry of each of W's rows.
    most = np.exp(w.max(1)) / (np.exp(w.max(1)) + np.exp(w.min(1)).sum() - np.exp(w.min(1)))
    assert (found.numpy() <= most + 1e-12).all()


# --- the denoising operators ----------------------------------------------------------------------


def by_autograd(function, logits: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.autograd.functional.jacobian(function, t) for t in logits])


@few
@given(seed=seeds, k=sizes)
def test_the_operators_of_eq_8_and_eq_10_are_the_jacobians(seed, k):
    logits, _, w = numbers(seed, k)
    t, weight = tensor(logits), tensor(w.T)
    nonlinear = by_autograd(lambda one: noise_layers.nonlinear_log_posterior(one, weight).exp(), t)
    torch.testing.assert_close(noise_layers.nonlinear_operator(t, weight), nonlinear)
    matrix = noise_layers.layer_matrix(weight)
    linear = by_autograd(lambda one: losses.noisy_log_posterior(one, matrix).exp(), t)
    torch.testing.assert_close(noise_layers.linear_operator(t, matrix), linear)


@few
@given(seed=seeds, k=sizes, alpha=shares, beta=shares)
def test_the_gradient_is_the_operator_applied_to_that_of_the_noisy_prediction(seed, k, alpha, beta):
    """Eq. 8 and the γ of Section 3.2: ∂L/∂t = α (operator)ᵀ ∂L/∂ŷ' + (1-α) ∂σ/∂t ∂L_QC/∂ŷ."""
    logits, labels, w = numbers(seed, k)
    t, y, weight = tensor(logits), tensor(labels), tensor(w.T)

    def loss(t):
        aware = noise_layers.nonlinear_noise_aware(t, y, weight)
        return noise_layers.combined(aware, noise_layers.quasi_clustering(t, y, beta), alpha)

    for i in range(len(logits)):
        p = sigma(logits[i])
        noisy = sigma(w @ p)
        at_noisy = -np.eye(k)[labels[i]] / noisy
        operator = noise_layers.nonlinear_operator(t, weight)[i].numpy()
        target = beta * p + (1 - beta) * np.eye(k)[labels[i]]
        at_clean = -beta * np.log(p) - target / p
        jacobian = np.diag(p) - np.outer(p, p)
        expected = alpha * operator.T @ at_noisy + (1 - alpha) * jacobian @ at_clean
        np.testing.assert_allclose(gradient(loss, logits)[i], expected, rtol=1e-6, atol=1e-9)


def test_an_operator_adds_no_probability():
    """ŷ' sums to 1 whatever the logits, and a constant added to the logits changes nothing."""
    logits, _, w = numbers(3, 6)
    for operator in (
        noise_layers.nonlinear_operator(tensor(logits), tensor(w.T)),
        noise_layers.linear_operator(tensor(logits), noise_layers.layer_matrix(tensor(w.T))),
    ):
        torch.testing.assert_close(operator.sum(-2), torch.zeros(5, 6, dtype=torch.float64))
        torch.testing.assert_close(operator.sum(-1), torch.zeros(5, 6, dtype=torch.float64))


# --- stacks, and the start ------------------------------------------------------------------------


def test_one_layer_a_model_in_a_stack():
    rng = np.random.default_rng(0)
    logits, weights = tensor(rng.normal(size=(3, 7, 4))), tensor(rng.normal(size=(3, 4, 4)))
    labels = tensor(rng.integers(4, size=(3, 7)))
    for function in (noise_layers.nonlinear_noise_aware, noise_layers.linear_noise_aware):
        stacked = function(logits, labels, weights)
        for m in range(3):
            torch.testing.assert_close(stacked[m], function(logits[m], labels[m], weights[m]))


@pytest.mark.parametrize("start", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("k", [2, 10, 100])
def test_the_start_mixes_the_identity_with_the_uniform_matrix(k, start):
    weight = noise_layers.start_weight(k, start)
    assert torch.equal(weight, weight[0, 0] * torch.eye(k))
    expected = start * np.eye(k) + (1 - start) / k
    np.testing.assert_allclose(noise_layers.layer_matrix(weight), expected, rtol=1e-4)


def test_the_identity_itself_is_a_start():
    share = (np.e - 1) / (np.e - 1 + 10)
    np.testing.assert_allclose(noise_layers.start_weight(10, share), np.eye(10), atol=1e-6)


def test_losses_of_a_very_sure_network_are_finite():
    logits = torch.tensor([[1e4, 0.0, -1e4]], requires_grad=True)
    for through in (True, False):
        weight = noise_layers.start_weight(3, 0.999)
        loss = noise_layers.combined(
            noise_layers.nonlinear_noise_aware(logits, torch.tensor([2]), weight),
            noise_layers.quasi_clustering(logits, torch.tensor([2]), 0.9, through),
            0.9,
        )
        loss.sum().backward()
        assert torch.isfinite(loss).all() and torch.isfinite(logits.grad).all()
