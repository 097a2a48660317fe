"""CNN-CRF: energies, E-step and M-step against float64 sums over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from training_helpers import finish, small_run

from lnl_core import InputError, TrainingSet
from lnl_core.methods import get_method
from lnl_core.methods.latent.cnn_crf import CNNCRF

T = np.array([[0.7, 0.3, 0, 0], [0, 1, 0, 0], [0.1, 0.1, 0.7, 0.1], [0, 0, 0.4, 0.6]])


def build(**options) -> tuple[CNNCRF, TrainingSet]:
    run = small_run()
    data = TrainingSet(run.data, run.config.train)
    torch.manual_seed(0)
    method = CNNCRF(run.net(), data, **{"transition_matrix": T} | options)
    with torch.no_grad():
        method.pairs.copy_(torch.randn(4, 4))
    method.begin_epoch(1, data)
    return method.eval(), data


def by_hand(method: CNNCRF, x: torch.Tensor) -> np.ndarray:
    """log p(ŷ, y|x) [B, ŷ, y] in float64."""
    with torch.no_grad():
        features = method.net.features(x)
        clean = method.net.head(features).double().numpy()
        noisy = method.noisy_bias
        noisy = (noisy(features) if method.image_to_noisy else noisy).double().numpy()
    pairs = method.pairs.detach().double().numpy()
    energies = clean[:, :, None] + np.broadcast_to(noisy, clean.shape)[:, None, :] + pairs
    return energies - logsumexp(energies, axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("link", [True, False])
def test_the_classifier_sums_the_noisy_label_out(link):
    method, data = build(image_to_noisy=link)
    batch = data.take(torch.arange(9), ("plain",))
    with torch.no_grad():
        found = method.predict(batch.x).double().numpy()
    expected = np.exp(logsumexp(by_hand(method, batch.x), axis=2))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 40.0])
def test_the_e_step_is_the_geometric_mean_that_minimises_its_bound(alpha):
    """q ∝ [p(ŷ|y, x) p_aux(ŷ|y)^α]^(1/(1+α)): no other q has a smaller KL + α KL."""
    method, data = build(alpha_start=alpha, alpha_end=alpha)
    batch = data.take(torch.arange(9), ("plain",))
    y = batch.labels.numpy()
    log_p = by_hand(method, batch.x)[np.arange(9), :, y]
    log_p -= logsumexp(log_p, axis=1, keepdims=True)
    tiny = np.finfo(np.float32).tiny
    log_aux = np.log(np.maximum(T, tiny))[:, y].T
    log_aux -= logsumexp(log_aux, axis=1, keepdims=True)
    expected = softmax((log_p + alpha * log_aux) / (1 + alpha), -1)
    found = method.posterior(torch.tensor(log_p, dtype=torch.float32), batch.labels).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-6)

    def bound(q):
        return (q * ((np.log(q + 1e-300) - log_p) + alpha * (np.log(q + 1e-300) - log_aux))).sum(-1)

    rng = np.random.default_rng(0)
    for _ in range(20):
        other = 0.9 * expected + 0.1 * rng.dirichlet(np.ones(4), 9)
        assert (bound(other) >= bound(expected) - 1e-9).all()


def test_the_m_step_s_loss_is_the_expected_joint_and_q_passes_no_gradient():
    method, data = build()
    batch = data.take(torch.arange(9), ("plain",))
    y = batch.labels.numpy()
    log_joint = by_hand(method, batch.x)[np.arange(9), :, y]
    q = method.posterior(torch.tensor(log_joint, dtype=torch.float32), batch.labels)
    assert not q.requires_grad
    expected = -(q.numpy() * log_joint).sum(-1)
    loss = method.loss(batch)
    np.testing.assert_allclose(loss.detach(), expected, atol=1e-5)
    loss.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())


def test_with_a_large_alpha_the_auxiliary_alone_says_what_a_label_hides():
    method, _ = build(alpha_start=1e6, alpha_end=1e6)
    found = method.posterior(torch.zeros(4, 4), torch.arange(4)).numpy()
    np.testing.assert_allclose(found, (T / T.sum(0)).T, atol=1e-3)


@pytest.mark.parametrize(("epoch", "alpha"), [(1, 40.0), (16, 22.5), (31, 5.0), (90, 5.0)])
def test_alpha_falls_over_the_first_third(epoch, alpha):
    method, data = build()
    data.epochs = 90
    method.begin_epoch(epoch, data)
    assert float(method.alpha) == pytest.approx(alpha)


def test_without_the_link_the_image_tells_nothing_of_the_noisy_label():
    run = finish(small_run("cnn-crf", options={"image_to_noisy": False}))
    assert run.method.noisy_bias.shape == (4,)
    assert get_method("cnn-crf").paper == "tanaka2018"


@pytest.mark.parametrize("option", ["alpha_start", "alpha_end"])
@pytest.mark.parametrize("value", [-1, float("inf"), "5"])
def test_bad_weights_are_refused(option, value):
    with pytest.raises(InputError, match=f"{option} is"):
        build(**{option: value})


def test_a_net_without_features_is_refused():
    run = small_run()
    with pytest.raises(InputError, match="needs a net with features"):
        CNNCRF(torch.nn.Linear(64, 4), TrainingSet(run.data, run.config.train))
