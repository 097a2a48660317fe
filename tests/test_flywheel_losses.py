"""The flywheel's equations against float64 formulas written independently, and what EM promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from lnl_core.losses import flywheel as fw

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**31)
inside = st.floats(0.01, 0.99)


def problem(seed: int, count: int = 30, classes: int = 4):
    """Logits of g, noisy labels, f's predictions and q(s = 1), float64."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes)) * rng.uniform(0.1, 6)
    labels = rng.integers(0, classes, count)
    prediction = rng.dirichlet(np.ones(classes), count)
    trust = rng.uniform(size=count)
    return (torch.tensor(value) for value in (logits, labels, prediction, trust))


# --- eq. 1-9: the main EM -----------------------------------------------------------------------


@few
@given(seeds, inside, st.booleans())
def test_the_mixture_and_its_e_step_are_as_printed(seed, gamma, each):
    logits, labels, prediction, _ = problem(seed)
    epsilon = prediction[:, 0].numpy() if each else 0.25
    g = softmax(logits.numpy(), -1)[np.arange(30), labels]
    clean, corrupted = gamma * g, (1 - gamma) * epsilon
    log_g = fw.log_at(logits, labels)
    given_epsilon = torch.as_tensor(epsilon)
    np.testing.assert_allclose(
        fw.log_mixture(log_g, gamma, given_epsilon), np.log(clean + corrupted), rtol=1e-9
    )
    np.testing.assert_allclose(
        fw.cleanness(log_g, gamma, given_epsilon), clean / (clean + corrupted), rtol=1e-9
    )


@few
@given(seeds, inside, inside, inside, inside)
def test_a_label_is_cleaner_the_likelier_and_the_rarer_corruption_is(seed, gamma, a, b, epsilon):
    log_g = torch.tensor(sorted([a, b]), dtype=torch.float64).log()
    q = fw.cleanness(log_g, gamma, epsilon)
    assert 0 <= q[0] <= q[1] <= 1
    less, more = sorted([a, b])
    assert fw.cleanness(log_g[:1], more, epsilon) >= fw.cleanness(log_g[:1], less, epsilon)
    assert fw.cleanness(log_g[:1], gamma, more) <= fw.cleanness(log_g[:1], gamma, less)


def test_where_label_and_corruption_are_as_likely_only_gamma_counts():
    log_g = torch.tensor([0.25]).log()
    assert fw.cleanness(log_g, 0.7, 0.25).item() == pytest.approx(0.7)


@few
@given(seeds)
def test_gamma_is_the_mean_of_the_cleanness_and_is_never_0_or_1(seed):
    *_, trust = problem(seed)
    assert fw.clean_share(trust).item() == pytest.approx(trust.numpy().mean())
    assert fw.clean_share(torch.zeros(10)).item() == pytest.approx(0.05)
    assert fw.clean_share(torch.ones(10)).item() == pytest.approx(0.95)


@few
@given(seeds, st.floats(0, 5))
def test_the_main_losses_are_as_printed(seed, weight):
    logits, labels, prediction, trust = problem(seed)
    prior = prediction[0]
    log_g = np.log(softmax(logits.numpy(), -1))
    at_label = log_g[np.arange(30), labels]
    regulariser = (prior.numpy() * log_g).sum(-1)  # E_{ŷ ~ prior} log g[ŷ]
    with_floor = (prior.numpy() * np.log(np.exp(log_g) + 1e-8)).sum(-1)
    for found, expected in (
        (fw.reweighted(logits, labels, trust), -trust.numpy() * at_label),
        (fw.confidence(logits, prior, 0.0), regulariser),
        (fw.confidence(logits, prior), with_floor),
        (fw.main_loss(logits, labels, prior, weight, 0.0), -at_label + weight * regulariser),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_the_regulariser_has_a_floor_only_where_it_is_given_one():
    sure = torch.tensor([[3000.0, 0.0, 0.0, 0.0]], requires_grad=True)
    even = torch.full((4,), 0.25)
    assert fw.confidence(sure, even, 0.0).item() == pytest.approx(-0.75 * 3000)
    found = fw.confidence(sure, even)
    assert found.item() == pytest.approx(0.75 * np.log(1e-8), rel=1e-4)
    found.sum().backward()
    assert sure.grad.abs().max() < 1e-6  # what is at the floor pulls no further
    plain = torch.tensor([[30.0, 0.0, 0.0, 0.0]], requires_grad=True)
    fw.confidence(plain, even, 0.0).sum().backward()
    assert plain.grad.abs().max() > 0.7


# --- eq. 10-14: the auxiliary EM ----------------------------------------------------------------


@few
@given(seeds)
def test_the_auxiliary_e_step_and_the_closed_forms_are_as_printed(seed):
    _, labels, prediction, trust = problem(seed)
    y, f, q = labels.numpy(), prediction.numpy(), trust.numpy()
    posterior = np.array([q[i] * np.eye(4)[y[i]] + (1 - q[i]) * f[i] for i in range(30)])
    corrupted = np.array([(1 - q[i]) * f[i] for i in range(30)])

    def shares(mass, otherwise):
        out = np.empty((4, 4))
        for a in range(4):
            total = mass[:, a].sum()
            for b in range(4):
                out[a, b] = mass[y == b, a].sum() / total if total else otherwise[a, b]
        return out

    found = fw.refurbished(trust, labels, prediction)
    np.testing.assert_allclose(found, posterior, rtol=1e-12)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(
        fw.transition_matrix(found, labels), shares(posterior, np.eye(4)), rtol=1e-9
    )
    matrix = fw.corruption_matrix(trust, labels, prediction)
    np.testing.assert_allclose(matrix, shares(corrupted, np.full((4, 4), 0.25)), rtol=1e-9)
    epsilon = [sum(f[i, k] * matrix[k, y[i]].item() for k in range(4)) for i in range(30)]
    np.testing.assert_allclose(
        fw.corruption_probability(prediction, matrix, labels), epsilon, rtol=1e-9
    )


@few
@given(seeds)
def test_epsilon_is_a_distribution_over_the_labels(seed):
    _, labels, prediction, trust = problem(seed)
    matrix = fw.corruption_matrix(trust, labels, prediction)
    every = [
        fw.corruption_probability(prediction, matrix, torch.full_like(labels, k)) for k in range(4)
    ]
    torch.testing.assert_close(torch.stack(every).sum(0), torch.ones(30, dtype=torch.float64))


@few
@given(seeds)
def test_both_matrices_are_what_maximises_their_part_of_the_likelihood(seed):
    """Against random stochastic matrices: none gives Σ q_i(y) log T[y, ỹ_i] more."""
    _, labels, prediction, trust = problem(seed)
    rng = np.random.default_rng(seed)
    posterior = fw.refurbished(trust, labels, prediction)
    corrupted = (1 - trust)[:, None] * prediction
    for mass, best in (
        (posterior, fw.transition_matrix(posterior, labels)),
        (corrupted, fw.corruption_matrix(trust, labels, prediction)),
    ):

        def value(matrix, mass=mass):
            return torch.special.xlogy(mass, matrix.T[labels]).sum().item()

        for step in (1e-3, 0.1, 1.0):
            other = torch.tensor(rng.dirichlet(np.ones(4), 4))
            assert value(best) >= value((1 - step) * best + step * other) - 1e-9


@few
@given(seeds, st.floats(0.3, 0.9), st.floats(0.01, 0.3))
def test_gamma_is_known_only_up_to_the_diagonal_of_t_c(seed, gamma, part):
    """Where f and g agree, labels that the manifold explains may as well be corrupted into
    themselves: with T_c' = a I + (1-a) T_c and 1-γ' = (1-γ)/(1-a) every p(ỹ|x) is the same."""
    _, labels, prediction, _ = problem(seed)
    matrix = torch.tensor(np.random.default_rng(seed).dirichlet(np.ones(4), 4))
    at_label = prediction.gather(-1, labels[:, None]).squeeze(-1).log()
    values = []
    for a in (0.0, part):
        corrupted = a * torch.eye(4, dtype=torch.float64) + (1 - a) * matrix
        epsilon = fw.corruption_probability(prediction, corrupted, labels)
        values.append(fw.log_mixture(at_label, 1 - (1 - gamma) / (1 - a), epsilon))
    torch.testing.assert_close(*values)


# --- degenerate input, float32 ------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [0.0, 1.0])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("gamma", [0.0, 1.0])
@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_everything_is_a_number_for_degenerate_input(trusted, scale, gamma, epsilon):
    """Labels and predictions of class 2 alone; the last class of neither."""
    logits = scale * torch.eye(4)[[2, 2, 0]]
    labels, prediction = torch.tensor([2, 2, 2]), torch.eye(4)[[2, 2, 0]]
    trust = torch.full((3,), trusted)
    log_g = fw.log_at(logits, labels)
    posterior = fw.refurbished(trust, labels, prediction)
    matrices = [
        fw.transition_matrix(posterior, labels), fw.corruption_matrix(trust, labels, prediction)
    ]  # fmt: skip
    q = fw.cleanness(log_g, gamma, epsilon)
    assert ((q >= 0) & (q <= 1)).all()
    for matrix in matrices:
        assert matrix.dtype == torch.float32 and (matrix >= 0).all()
        torch.testing.assert_close(matrix.sum(-1), torch.ones(4))
        found = fw.corruption_probability(prediction, matrix, labels)
        assert ((found >= 0) & (found <= 1)).all()
    for value in (
        fw.log_mixture(log_g, gamma, epsilon), fw.clean_share(q),
        fw.main_loss(logits, labels, prediction[0]), fw.reweighted(logits, labels, trust),
    ):  # fmt: skip
        assert value.isfinite().all()


def test_a_class_without_mass_has_the_identitys_row_in_t_and_an_even_one_in_t_c():
    labels, prediction = torch.tensor([1, 1]), torch.eye(3)[[1, 1]]
    posterior = fw.refurbished(torch.zeros(2), labels, prediction)
    assert fw.transition_matrix(posterior, labels).tolist() == torch.eye(3).tolist()
    found = fw.corruption_matrix(torch.zeros(2), labels, prediction)
    third = [pytest.approx(1 / 3)] * 3
    assert found.tolist() == [third, [0, 1, 0], third]
    nothing_corrupted = fw.corruption_matrix(torch.ones(2), labels, prediction)
    epsilon = fw.corruption_probability(prediction, nothing_corrupted, labels)
    assert epsilon.tolist() == pytest.approx([1 / 3] * 2)  # what ε began with


# --- what EM promises ---------------------------------------------------------------------------


@few
@given(seeds, inside, st.booleans())
@example(626842879, 1 / 64, False)
def test_a_cycle_of_the_main_em_never_loses_likelihood(seed, gamma, with_theta):
    """γ in closed form (eq. 4 and 6); and θ too, where g is a table [cells, K] that the reweighted
    loss (eq. 7) is least at in closed form: the shares of q among a cell's labels."""
    # γ is held half a sample from 0 and 1: from outside, the first step is not the likelihood's.
    gamma = min(max(gamma, 0.5 / 30), 1 - 0.5 / 30)
    rng = np.random.default_rng(seed)
    _, labels, *_ = problem(seed)
    cells = torch.tensor(rng.integers(0, 3, 30))
    table = torch.tensor(rng.dirichlet(np.ones(4), 3)).log()
    epsilon = torch.tensor(rng.uniform(0.01, 0.5, 30))

    def likelihood():
        return fw.log_mixture(fw.log_at(table[cells], labels), gamma, epsilon).sum().item()

    values = [likelihood()]
    for _ in range(5):
        q = fw.cleanness(fw.log_at(table[cells], labels), gamma, epsilon)
        gamma = fw.clean_share(q).item()
        if with_theta:
            mass = torch.full((3, 4), 1e-12, dtype=torch.float64)
            mass.index_put_((cells, labels), q, accumulate=True)
            table = (mass / mass.sum(-1, keepdim=True)).log()
        values.append(likelihood())
    assert (np.diff(values) > -1e-7).all()


def noisy_likelihood(prediction, matrix, labels) -> float:
    """Σ_i log Σ_y f(x_i)[y] T[y, ỹ_i]: what the auxiliary EM's bound (eq. 12) is a bound of."""
    return fw.corruption_probability(prediction, matrix, labels).log().sum().item()


@few
@given(seeds)
def test_t_is_ems_if_the_posterior_is_bayes(seed):
    """With q_i(y) ∝ f(x_i)[y] T[y, ỹ_i] the closed form of T never loses likelihood."""
    _, labels, prediction, _ = problem(seed)
    matrix = torch.tensor(np.random.default_rng(seed).dirichlet(np.ones(4), 4))
    values = [noisy_likelihood(prediction, matrix, labels)]
    for _ in range(5):
        posterior = prediction * matrix.T[labels]
        posterior = posterior / posterior.sum(-1, keepdim=True)
        matrix = fw.transition_matrix(posterior, labels)
        values.append(noisy_likelihood(prediction, matrix, labels))
    assert (np.diff(values) > -1e-9).all()


def test_with_equation_11_in_bayes_place_a_step_may_lose_likelihood():
    """Eq. 11 takes q(s) from the *main* network and f alone for the rest, so that it is not the
    posterior of p(y, ỹ|x) = f T, and EM's promise is not the auxiliary cycle's."""
    labels = torch.tensor([0, 1])
    prediction = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float64)
    best = torch.eye(2, dtype=torch.float64)
    posterior = fw.refurbished(torch.zeros(2), labels, prediction)  # g trusts no label
    after = fw.transition_matrix(posterior, labels)
    assert noisy_likelihood(prediction, after, labels) < noisy_likelihood(prediction, best, labels)
