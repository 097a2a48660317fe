"""NCT: its loss in float64, the labels that it makes random, and its ramps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from torch import nn
from training_helpers import small_run

from lnl_core import InputError, TrainingSet
from lnl_core.methods.semi_supervised.nct import NCT
from lnl_core.optim import make_optimizer


def begun(epoch: int = 1, epochs: int = 3, **options) -> tuple[NCT, TrainingSet]:
    """The method at the beginning of that epoch, without dropout so that a formula can follow."""
    run = small_run(epochs=epochs)
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    method = run.build(NCT, **options)
    data = TrainingSet(run.data, run.config.train)
    method.begin_epoch(epoch, data)
    return method, data


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def test_the_loss_is_the_formula_and_each_network_has_labels_of_its_own():
    method, data = begun(ramp=0, temperature=3.0, agreement=0.8, least_random=0.6)
    told = []
    vary = method.vary
    method.vary = lambda labels: told.append(vary(labels)) or told[-1]
    batch = next(iter(method.batches(data)))
    loss = numbers(method.loss(batch))
    logits = [numbers(net(batch.x)) for net in (method.net, method.peer)]
    expected = np.zeros(len(loss))
    for own, other, labels in zip(logits, logits[::-1], told, strict=True):
        p = softmax(other / 3, -1)
        kl = (p * (np.log(p) - log_softmax(own / 3, -1))).sum(-1)
        expected += 0.2 * -log_softmax(own, -1)[np.arange(len(own)), labels] + 0.8 * 9 * kl
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-5)
    assert not torch.equal(*told) and not torch.equal(told[0], batch.labels)


def test_no_gradient_passes_through_what_is_learned_from():
    method, data = begun(ramp=0, agreement=1.0)
    batch = next(iter(method.batches(data)))
    method.loss(batch).mean().backward()
    # With α = 1 the first network's loss is KL(held p₂ ‖ p₁), whose gradient is τ (p₁ - p₂).
    p, q = (softmax(numbers(net(batch.x)) / 4, -1) for net in (method.net, method.peer))
    expected = 4 * (p - q).mean(0)
    np.testing.assert_allclose(numbers(method.net.head.bias.grad), expected, atol=1e-5)
    np.testing.assert_allclose(numbers(method.peer.head.bias.grad), -expected, atol=1e-5)


def test_the_share_of_random_labels_is_of_all_classes_and_independent_of_the_label():
    method, _ = begun(least_random=0.4)
    torch.manual_seed(0)
    labels = torch.arange(4).repeat(5000)
    varied = method.vary(labels)
    # Of a random label one in four is the old one: 0.3 of them change.
    changed = int((varied != labels).sum())
    assert binomtest(changed, len(labels), 0.3).pvalue > 1e-4
    counts = torch.bincount(varied, minlength=4)
    assert (counts - 5000).abs().max() < 300
    assert torch.equal(method.vary(labels[:0]), labels[:0])


def test_both_ramps_rise_over_the_epochs():
    methods = [begun(epoch, epochs=200)[0] for epoch in (1, 5, 21, 200)]
    agreement, random = np.array([list(each.diagnostics().values()) for each in methods]).T
    np.testing.assert_allclose(
        agreement, [0.9 * np.exp(-5), 0.9 * np.exp(-5 * 0.8**2), 0.9, 0.9], rtol=1e-6
    )
    rising = [0.2 + 0.5 * np.log(n) / np.log(197) for n in (1, 17, 196)]
    np.testing.assert_allclose(random, [0.2, *rising], rtol=1e-6)


@pytest.mark.parametrize(("epochs", "ramp"), [(1, 1), (25, 2), (200, 20), (400, 20)])
def test_the_ramp_is_a_tenth_of_a_short_run(epochs, ramp):
    assert begun(epochs=epochs)[0].ramp == ramp


def test_without_either_each_network_learns_by_cross_entropy():
    method, data = begun(agreement=0.0, least_random=0.0, most_random=0.0)
    batch = next(iter(method.batches(data)))
    both = [numbers(net(batch.x)) for net in (method.net, method.peer)]
    expected = sum(-log_softmax(each, -1)[np.arange(len(each)), batch.labels] for each in both)
    np.testing.assert_allclose(numbers(method.loss(batch)), expected, rtol=1e-4)
    np.testing.assert_allclose(numbers(method.logits(batch.x)), sum(both) / 2, atol=1e-5)


def test_a_falling_share_of_random_labels_is_refused():
    with pytest.raises(InputError, match="may not fall"):
        begun(least_random=0.5, most_random=0.4)


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_predictions_all_equal_or_certain_and_a_batch_of_one_give_finite_losses(scale):
    method, data = begun(ramp=0, least_random=1.0, most_random=1.0)
    for net in (method.net, method.peer):
        net.head.weight.data.mul_(scale), nn.init.zeros_(net.head.bias)
    run = small_run()
    optimizer = make_optimizer(method.parameter_groups(), run.config.train)
    for batch in [*method.batches(data), data.take(torch.tensor([3]))]:
        assert method.step(batch, optimizer).isfinite()
