"""The losses against the papers' formulas, written in plain probabilities and float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lnl_core import losses, transition

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 10**6)
sizes = st.integers(2, 12)
K = 5

# --- the formulas, independent of the code: no logarithm before the last moment -----------------


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def one_hot(target: np.ndarray, num_classes: int) -> np.ndarray:
    return np.eye(num_classes)[target] if target.ndim == 1 else target


def plain_cross_entropy(logits, target):
    """Patrini et al., eq. 1, with a sum over classes for soft labels."""
    p = softmax(logits)
    return np.array([-(t @ np.log(q)) for t, q in zip(one_hot(target, p.shape[1]), p, strict=True)])


def plain_forward(logits, target, t):
    """Theorem 2: the cross-entropy of Tᵀ p̂."""
    noisy = np.array([t.T @ p for p in softmax(logits)])
    return -(one_hot(target, len(t)) * np.log(noisy)).sum(1)


def plain_backward(logits, target, t):
    """Theorem 1: the component of T⁻¹ ℓ that belongs to the label."""
    corrected = np.array([np.linalg.inv(t) @ -np.log(p) for p in softmax(logits)])
    return (one_hot(target, len(t)) * corrected).sum(1)


def plain_square(p):
    """Brier 1950: the squared distance from every corner of the simplex."""
    return np.array([[np.sum((corner - q) ** 2) for corner in np.eye(len(q))] for q in p])


def plain_forward_square(logits, target, t):
    return (one_hot(target, len(t)) * plain_square(softmax(logits) @ t)).sum(1)


def plain_backward_square(logits, target, t):
    corrected = plain_square(softmax(logits)) @ np.linalg.inv(t).T
    return (one_hot(target, len(t)) * corrected).sum(1)


def plain_bootstrap(logits, target, beta):
    """Reed et al., eq. 6."""
    p = softmax(logits)
    return -((beta * one_hot(target, p.shape[1]) + (1 - beta) * p) * np.log(p)).sum(1)


def plain_bootstrap_hard(logits, target, beta):
    """Reed et al., eq. 7."""
    p = softmax(logits)
    own = one_hot(p.argmax(1), p.shape[1])
    return -((beta * one_hot(target, p.shape[1]) + (1 - beta) * own) * np.log(p)).sum(1)


def plain_backward_clipped(logits, target, t, clip):
    """Theorem 1 with predictions held in [clip, 1 - clip], as Patrini et al.'s code holds them."""
    p = np.clip(softmax(logits), clip, 1 - clip)
    return (one_hot(target, len(t)) * (-np.log(p) @ np.linalg.inv(t).T)).sum(1)


def plain_unhinged(scores, target):
    """1 - t v, averaged over the classes."""
    return np.mean(1 - one_hot(target, scores.shape[1]) * scores, axis=1)


def plain_sigmoid(scores, target):
    """1 / (1 + e^(t v)), averaged over the classes."""
    return np.mean(1 / (1 + np.exp(one_hot(target, scores.shape[1]) * scores)), axis=1)


def plain_savage(logits, target):
    """1 / (1 + e^(2 t p))², averaged over the classes."""
    p = softmax(logits)
    return np.mean(1 / (1 + np.exp(2 * one_hot(target, p.shape[1]) * p)) ** 2, axis=1)


def plain_multi_label(logits, target):
    p = 1 / (1 + np.exp(-logits))
    return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(1)


# --- the losses under one signature: logits, target, T ------------------------------------------


def backward_of_t(logits: Tensor, target: Tensor, t: Tensor) -> Tensor:
    return losses.backward_corrected(logits, target, torch.linalg.inv(t))


LOSSES = {
    "cross_entropy": (
        lambda x, y, t: losses.cross_entropy(x, y),
        lambda x, y, t: plain_cross_entropy(x, y),
    ),
    "forward": (losses.forward_corrected, plain_forward),
    "forward square": (
        lambda x, y, t: losses.forward_corrected(x, y, t, losses.square_loss),
        plain_forward_square,
    ),
    "backward square": (
        lambda x, y, t: losses.backward_corrected(
            x, y, torch.linalg.inv(t), base=losses.square_loss
        ),
        plain_backward_square,
    ),
    "backward": (backward_of_t, plain_backward),
    "bootstrap_soft": (
        lambda x, y, t: losses.bootstrap_soft(x, y, 0.7),
        lambda x, y, t: plain_bootstrap(x, y, 0.7),
    ),
    "bootstrap_hard": (
        lambda x, y, t: losses.bootstrap_hard(x, y, 0.7),
        lambda x, y, t: plain_bootstrap_hard(x, y, 0.7),
    ),
    "backward_clipped": (
        lambda x, y, t: losses.backward_corrected(x, y, torch.linalg.inv(t), clip=0.05),
        lambda x, y, t: plain_backward_clipped(x, y, t, 0.05),
    ),
    "unhinged": (lambda x, y, t: losses.unhinged(x, y), lambda x, y, t: plain_unhinged(x, y)),
    "sigmoid": (lambda x, y, t: losses.sigmoid(x, y), lambda x, y, t: plain_sigmoid(x, y)),
    "savage": (lambda x, y, t: losses.savage(x, y), lambda x, y, t: plain_savage(x, y)),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def random_matrix(rng: np.random.Generator, size: int = K) -> np.ndarray:
    """Row-stochastic, not symmetric, its diagonal heavy enough for an inverse."""
    return 0.4 * np.eye(size) + 0.6 * rng.dirichlet(np.ones(size), size)


def random_batch(seed: int, batch: int = 7, size: int = K):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (batch, size))
    hard = rng.integers(size, size=batch)
    soft = rng.dirichlet(np.ones(size), batch)
    return logits, hard, soft, random_matrix(rng, size)


@every_loss
@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_value_is_the_papers_formula(name, labels):
    ours, plain = LOSSES[name]
    logits, hard, soft, t = random_batch(0)
    target = {"hard": hard, "soft": soft}[labels]
    value = ours(*map(torch.from_numpy, (logits, target, t)))
    assert value.shape == (7,)
    np.testing.assert_allclose(value.numpy(), plain(logits, target, t), rtol=1e-10)


@every_loss
def test_float32_agrees_with_float64(name):
    logits, hard, _, t = random_batch(1, batch=64)
    ours, plain = LOSSES[name]
    value = ours(
        torch.tensor(logits, dtype=torch.float32),
        torch.from_numpy(hard),
        torch.tensor(t, dtype=torch.float32),
    )
    assert value.dtype == torch.float32
    np.testing.assert_allclose(value.numpy(), plain(logits, hard, t), rtol=2e-4, atol=2e-4)


def test_multi_label_loss_is_the_sum_of_logistic_losses():
    rng = np.random.default_rng(2)
    logits, target = rng.normal(0, 2, (6, K)), rng.random((6, K)).round(1)
    value = losses.binary_cross_entropy(torch.from_numpy(logits), torch.from_numpy(target))
    np.testing.assert_allclose(value.numpy(), plain_multi_label(logits, target), rtol=1e-10)


@every_loss
@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_stack_of_models_equals_each_alone(name, labels):
    """[M, B, K] logits with one matrix a model, [M, K, K]. M, B and K all differ, and so do the
    matrices: a wrong axis cannot hide."""
    ours, _ = LOSSES[name]
    members = [random_batch(10 + m, batch=4) for m in range(3)]
    which = {"hard": 1, "soft": 2}[labels]
    separate = [ours(*(torch.from_numpy(m[i]) for i in (0, which, 3))) for m in members]
    stacked = ours(*(torch.from_numpy(np.stack([m[i] for m in members])) for i in (0, which, 3)))
    assert stacked.shape == (3, 4)
    torch.testing.assert_close(stacked, torch.stack(separate))


@pytest.mark.parametrize("loss", [losses.forward_corrected, losses.backward_corrected])
def test_one_matrix_serves_a_whole_stack(loss):
    members = [random_batch(20 + m, batch=4) for m in range(3)]
    t = torch.from_numpy(members[0][3])
    logits, target = (torch.from_numpy(np.stack([m[i] for m in members])) for i in (0, 1))
    separate = [loss(x, y, t) for x, y in zip(logits, target, strict=True)]
    torch.testing.assert_close(loss(logits, target, t), torch.stack(separate))


def test_noisy_posterior_is_a_distribution():
    logits, _, _, t = random_batch(3)
    posterior = losses.noisy_log_posterior(torch.from_numpy(logits), torch.from_numpy(t)).exp()
    np.testing.assert_allclose(posterior.numpy(), softmax(logits) @ t, rtol=1e-10)
    torch.testing.assert_close(posterior.sum(-1), torch.ones(7, dtype=torch.float64))


# --- properties -----------------------------------------------------------------------------------


@few
@given(seeds, sizes)
def test_forward_and_backward_with_the_identity_are_cross_entropy(seed, size):
    logits, hard, _, _ = random_batch(seed, size=size)
    x, y, identity = torch.from_numpy(logits), torch.from_numpy(hard), torch.eye(size).double()
    plain = losses.cross_entropy(x, y)
    torch.testing.assert_close(losses.forward_corrected(x, y, identity), plain)
    torch.testing.assert_close(losses.backward_corrected(x, y, identity), plain)


@pytest.mark.parametrize("base", losses.BASE_LOSSES.values(), ids=losses.BASE_LOSSES)
@few
@given(seeds, sizes)
def test_backward_loss_is_unbiased(base, seed, size):
    """Theorem 1, exactly: Σ_k T_yk ℓ←(k) = ℓ(y) for every sample and every clean class y."""
    logits, _, _, t = random_batch(seed, size=size)
    x = torch.from_numpy(logits)
    inverse = torch.from_numpy(transition.inverse(t))
    every = [torch.full((len(x),), k) for k in range(size)]
    corrected = torch.stack([losses.backward_corrected(x, k, inverse, base=base) for k in every], 1)
    clean = base(torch.log_softmax(x, -1))
    torch.testing.assert_close(corrected @ torch.from_numpy(t).T, clean)


@pytest.mark.parametrize("base", losses.BASE_LOSSES.values(), ids=losses.BASE_LOSSES)
@few
@given(seeds, sizes)
def test_forward_loss_is_least_at_the_clean_posterior(base, seed, size):
    """Theorem 2: with labels from Tᵀp, the expected loss has no slope at logits log p."""
    rng = np.random.default_rng(seed)
    p, t = rng.dirichlet(np.full(size, 2.0)), random_matrix(rng, size)
    logits = torch.from_numpy(np.log(p + 1e-9)[None]).requires_grad_()
    noisy = losses.noisy_log_posterior(logits, torch.from_numpy(t)).detach().exp()
    losses.forward_corrected(logits, noisy, torch.from_numpy(t), base).sum().backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits.grad))
    # And a slope elsewhere, so that the zero above means something.
    elsewhere = torch.zeros_like(logits).requires_grad_()
    losses.forward_corrected(elsewhere, noisy, torch.from_numpy(t), base).sum().backward()
    assert (elsewhere.grad.abs() > 1e-9).any()


@few
@given(seeds, sizes)
def test_bootstrap_with_all_weight_on_the_label_is_cross_entropy(seed, size):
    logits, hard, _, _ = random_batch(seed, size=size)
    x, y = torch.from_numpy(logits), torch.from_numpy(hard)
    torch.testing.assert_close(losses.bootstrap_soft(x, y, 1.0), losses.cross_entropy(x, y))


@few
@given(seeds, sizes)
def test_one_hot_labels_equal_class_indices(seed, size):
    logits, hard, _, t = random_batch(seed, size=size)
    x, y, t = map(torch.from_numpy, (logits, hard, t))
    for ours, _ in LOSSES.values():
        torch.testing.assert_close(ours(x, y, t), ours(x, torch.eye(size).double()[y], t))


# --- gradients ------------------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_gradient_agrees_with_finite_differences(name, labels):
    """Of the independent formula, not of the code: a detached term would show."""
    ours, plain = LOSSES[name]
    logits, hard, soft, t = random_batch(4, batch=3)
    target = {"hard": hard, "soft": soft}[labels]
    x = torch.from_numpy(logits).requires_grad_()
    ours(x, torch.from_numpy(target), torch.from_numpy(t)).sum().backward()
    step = 1e-6
    for index in np.ndindex(*logits.shape):
        up, down = logits.copy(), logits.copy()
        up[index] += step
        down[index] -= step
        slope = (plain(up, target, t) - plain(down, target, t)).sum() / (2 * step)
        assert x.grad[index].item() == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_multi_label_gradient_is_prediction_minus_label():
    x = torch.randn(3, K, dtype=torch.float64, requires_grad=True)
    target = torch.rand(3, K, dtype=torch.float64)
    losses.binary_cross_entropy(x, target).sum().backward()
    torch.testing.assert_close(x.grad, (x.sigmoid() - target).detach())


# --- the edges of float32 -------------------------------------------------------------------------


def extreme_logits() -> Tensor:
    """Certain, certain the other way, nearly certain, all equal and huge."""
    rows = [
        [1e4, -1e4, -1e4],
        [-1e4, 1e4, -1e4],
        [-1e4, -1e4, 1e4],
        [1e4, 1e4, -1e4],
        [-1e4, -1e4, -1e4],
        [100.0, 0.0, -100.0],
    ]
    return torch.tensor(rows, requires_grad=True)


EXTREME_MATRICES = {
    "identity": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "zeros": [[0.7, 0.3, 0], [0, 1, 0], [0, 0.4, 0.6]],
    "permutation": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    "impossible label": [[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.8, 0]],
    "tiny entry": [[1, 1e-38, 0], [0, 1, 0], [0, 1e-30, 1]],
}


@pytest.mark.parametrize("matrix", EXTREME_MATRICES)
@pytest.mark.parametrize("label", [0, 1, 2])
def test_forward_loss_stays_finite_at_the_extremes(matrix, label):
    x, t = extreme_logits(), torch.tensor(EXTREME_MATRICES[matrix], dtype=torch.float32)
    value = losses.forward_corrected(x, torch.full((len(x),), label), t)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert (value > -1e-3).all()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize(
    "loss",
    [
        losses.cross_entropy,
        lambda x, y: losses.bootstrap_soft(x, y, 0.5),
        lambda x, y: losses.bootstrap_soft(x, y, 0.0),
        lambda x, y: losses.backward_corrected(x, y, 2 * torch.eye(3) - 1 / 3),
        lambda x, y: losses.backward_corrected(x, y, 2 * torch.eye(3) - 1 / 3, clip=1e-7),
        losses.bootstrap_hard,
        losses.sigmoid,
        losses.savage,
        lambda x, y: losses.binary_cross_entropy(x, torch.nn.functional.one_hot(y, 3).float()),
    ],
    ids=[
        "cross_entropy",
        "bootstrap",
        "entropy",
        "backward",
        "clipped",
        "bootstrap_hard",
        "sigmoid",
        "savage",
        "multi_label",
    ],
)
def test_loss_stays_finite_at_the_extremes(loss, label):
    x = extreme_logits()
    value = loss(x, torch.full((len(x),), label))
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(x.grad).all()


def test_forward_loss_keeps_what_a_probability_would_lose():
    """p = e^-200 is 0 in float32; its logarithm is not."""
    x = torch.tensor([[0.0, -200.0]])
    t = torch.eye(2)
    assert losses.forward_corrected(x, torch.tensor([1]), t).item() == pytest.approx(200)
    # A zero of T hides a class completely: only p_1 can have produced label 1.
    t = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    expected = 200 - np.log(0.75)
    assert losses.forward_corrected(x, torch.tensor([1]), t).item() == pytest.approx(expected)


def test_impossible_label_costs_much_but_pulls_nowhere_wild():
    """A column of zeros: T says that label 2 never occurs, the data say that it does."""
    x = torch.zeros(1, 3, requires_grad=True)
    t = torch.tensor([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.5, 0.5, 0.0]])
    value = losses.forward_corrected(x, torch.tensor([2]), t)
    value.sum().backward()
    assert 50 < value.item() < 1000
    assert (x.grad.abs() <= 1).all()


def test_inputs_are_left_alone():
    logits, hard, soft, t = map(torch.from_numpy, random_batch(5))
    kept = [tensor.clone() for tensor in (logits, hard, soft, t)]
    for ours, _ in LOSSES.values():
        ours(logits, hard, t)
        ours(logits, soft, t)
    for tensor, before in zip((logits, hard, soft, t), kept, strict=True):
        assert torch.equal(tensor, before)


def test_clipping_bounds_the_backward_loss_from_below():
    """Unclipped, a network that is sure of the wrong class is paid without limit."""
    inverse = torch.linalg.inv(torch.tensor([[0.6, 0.4], [0.4, 0.6]], dtype=torch.float64))
    sure = torch.tensor([[0.0, -1000.0]], dtype=torch.float64)  # of class 0
    label = torch.tensor([0])
    assert losses.backward_corrected(sure, label, inverse).item() < -1000
    bounded = losses.backward_corrected(sure, label, inverse, clip=1e-7).item()
    assert bounded == pytest.approx(-2 * -np.log(1e-7), rel=1e-6)
