"""InstanceGM: DivideMix, and a generative model whose loss is its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.distributions import ContinuousBernoulli
from training_helpers import assert_same, finish, random_dataset, small_config, small_run

from lnl_core import InputError, Run, TrainingSet
from lnl_core.losses.continuous_bernoulli import log_density
from lnl_core.methods.latent.instancegm import GenerativePart, InstanceGM


def built(**options) -> tuple[InstanceGM, TrainingSet]:
    run = small_run("instancegm", epochs=4)
    return run.build(InstanceGM, **options), TrainingSet(run.data, run.config.train)


@pytest.mark.parametrize("logit", [-30.0, -3.0, -0.051, -0.049, 0.0, 1e-4, 0.2, 6.0, 30.0])
def test_the_continuous_bernoulli_is_a_density(logit):
    def density(x: float) -> float:
        values = (torch.tensor(value, dtype=torch.float64) for value in (logit, x))
        return log_density(*values).exp().item()

    assert quad(density, 0, 1)[0] == pytest.approx(1, abs=1e-7)


def test_it_is_torchs_distribution_and_its_gradient_is_finite_everywhere():
    logits = torch.linspace(-8, 8, 33, dtype=torch.float64, requires_grad=True)
    x = torch.linspace(0, 1, 33, dtype=torch.float64)
    found = log_density(logits, x)
    torch.testing.assert_close(
        found, ContinuousBernoulli(logits=logits).log_prob(x), atol=1e-5, rtol=0
    )
    found.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_the_generative_loss_is_the_sum_of_its_three_parts_in_float64():
    method, data = built(kl=0.5, hidden=8, dimensions=3)
    batch = data.take(torch.arange(6))
    logits = torch.randn(6, 4)
    torch.manual_seed(5)
    found = method.evidence(1, batch, logits)

    torch.manual_seed(5)
    y = torch.nn.functional.gumbel_softmax(logits).double().numpy()
    noise = torch.randn(6, 3).double().numpy()
    layers = {k: v.detach().double().numpy() for k, v in method.models[1].named_parameters()}

    def two_layers(name, *inputs):
        h = np.concatenate(inputs, 1) @ layers[f"{name}.0.weight"].T + layers[f"{name}.0.bias"]
        return np.maximum(h, 0) @ layers[f"{name}.2.weight"].T + layers[f"{name}.2.bias"]

    low, high = data.x.min().item() / 255, data.x.max().item() / 255
    x = (batch.x.double().numpy().reshape(6, -1) - low) / (high - low)
    mean, log_variance = np.split(two_layers("encoder", x, y), 2, 1)
    z = mean + np.exp(log_variance / 2) * noise
    lam = 1 / (1 + np.exp(-two_layers("image", z, y)))
    normaliser = 2 * np.arctanh(1 - 2 * lam) / (1 - 2 * lam)
    log_p = x * np.log(lam) + (1 - x) * np.log(1 - lam) + np.log(normaliser)
    noisy = two_layers("noisy", x, y)
    log_q = noisy - np.log(np.exp(noisy).sum(1, keepdims=True))
    kl = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(1)
    expected = -log_p.mean(1) - log_q[range(6), batch.labels] + 0.5 * kl
    np.testing.assert_allclose(found.detach(), expected, atol=1e-4)


def test_without_the_generative_term_it_is_dividemix_weight_for_weight():
    plain = finish(small_run("dividemix", epochs=4))
    same = finish(small_run("instancegm", epochs=4, options={"generative": 0.0}))
    for part in ("net", "peer"):
        assert_same(
            getattr(plain.method, part).state_dict(), getattr(same.method, part).state_dict()
        )
    moved = finish(small_run("instancegm", epochs=4))
    assert not torch.equal(moved.method.net.head.weight, plain.method.net.head.weight)


def test_the_generative_loss_teaches_the_network_of_its_turn_and_no_other():
    method, data = built()
    batch = data.take(torch.arange(8))
    method.evidence(0, batch, method.net(batch.x)).mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in method.net.parameters())
    assert all(p.grad is None for p in method.peer.parameters())
    assert all(p.grad is None for p in method.models[1].parameters())


@pytest.mark.parametrize("active", [0, 1])
def test_an_update_adds_what_the_model_of_its_turn_says_of_its_own_networks_logits(active):
    method, data = built(generative=0.3)
    method.eval()
    with torch.no_grad():
        method.begin_epoch(2, data)
    part = next(part for part in method.batches(data) if part.active == active)
    method.evidence = lambda model, batch, logits: (1 + model) * logits.square().sum(-1)
    torch.manual_seed(0)
    plain = super(InstanceGM, method).loss(part)
    torch.manual_seed(0)
    found = method.loss(part)
    net = (method.net, method.peer)[active]
    added = 0.3 * (1 + active) * net(part.everyone.x).square().sum(-1).mean()
    assert torch.allclose(found, plain + added, rtol=1e-5)
    slopes = [
        torch.autograd.grad(each.mean(), net.head.bias, retain_graph=True)[0]
        for each in (found, plain, added)
    ]
    assert torch.allclose(slopes[0], slopes[1] + slopes[2], atol=1e-5)


def test_the_generative_model_joins_after_the_warm_up():
    method, data = built()
    for epoch, joined in ((1, False), (2, True)):
        method.eval()
        with torch.no_grad():
            method.begin_epoch(epoch, data)
        method.train()
        parts = list(method.batches(data))
        assert any(isinstance(part, GenerativePart) for part in parts) == joined
        for part in parts:
            assert isinstance(part, GenerativePart) != part.warm_up


def test_its_batches_are_twice_as_large_and_the_divergence_weighs_as_in_the_authors_128():
    method, data = built()
    with torch.no_grad():
        method.begin_epoch(2, data)
    sizes = [len(part.everyone.index) for part in method.batches(data)]
    assert sizes[0] == 2 * data.batch_size == 32
    assert method.kl == pytest.approx(6e-4 * 128)


@pytest.mark.parametrize("option", ["uniform", "reconstructed"])
def test_the_authors_way_is_another_model(option):
    losses = []
    for value in (False, True):
        method, data = built(**{option: value})
        torch.manual_seed(0)
        batch = data.take(torch.arange(8))
        losses.append(method.evidence(0, batch, method.net(batch.x)).detach())
    assert not torch.allclose(*losses)


def test_samples_that_are_all_alike_are_no_division_by_zero():
    run = small_run("instancegm", epochs=4)
    run.data.train.x[:] = 7
    finish(run)
    assert all(np.isfinite(record.train_loss) for record in run.history)


def test_vectors_are_reconstructed_and_tokens_refused():
    dataset = random_dataset()
    flat = {
        name: getattr(dataset, name).flatten(1) / 255 for name in ("x_train", "x_test", "x_trusted")
    }
    vectors = dataclasses.replace(dataset, **flat)
    run = Run(small_config("instancegm", epochs=4, dataset=vectors), device="cpu", dataset=vectors)
    assert np.isfinite(finish(run).history[-1].train_loss)
    method, data = built()
    data.x = data.x.long()
    with pytest.raises(InputError, match="tokens"):
        InstanceGM(method.net, method.peer, data)
