"""ELR+: whose prediction a target follows, what is mixed, and the weight averages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from torch import nn
from training_helpers import finish, random_dataset, small_run

from lnl_core import TrainingSet
from lnl_core.methods.robust import elr_plus
from lnl_core.methods.robust.elr_plus import ELRPlus
from lnl_core.optim import make_optimizer


def begun(epoch: int = 1, **options) -> tuple[ELRPlus, TrainingSet, torch.optim.Optimizer]:
    """The method at the beginning of that epoch, without dropout so that a formula can follow it,
    and its averages unlike its networks."""
    run = small_run()
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    method = run.build(ELRPlus, **options)
    with torch.no_grad():
        for number, average in enumerate(method.averages):
            average.head.weight.mul_(2.0 + number)
    data = TrainingSet(run.data, run.config.train)
    method.begin_epoch(epoch, data)
    return method, data, make_optimizer(method.parameter_groups(), run.config.train)


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


@pytest.fixture
def mixed(monkeypatch):
    """What went into and came out of each `mix`: first network, second network."""
    seen = []

    def mix(x, targets, alpha, largest=False):
        assert largest
        found = real(x, targets, alpha, largest)
        seen.append((alpha, x, targets, *found))
        return found

    real = elr_plus.mix
    monkeypatch.setattr(elr_plus, "mix", mix)
    return seen


def test_two_visits_are_the_formulas(mixed):
    beta, weight, clip = 0.6, 2.5, 1e-3
    method, data, _ = begun(beta=beta, weight=weight, clip=clip, alpha=0.7)
    target = np.zeros((2, 16, 4))
    batch = next(iter(method.batches(data)))
    for _ in range(2):
        mixed.clear()
        loss = numbers(method.loss(batch))
        expected = np.zeros(len(loss))
        for active, net in enumerate((method.net, method.peer)):
            p = softmax(numbers(method.averages[1 - active](batch.x)), -1).clip(clip, 1 - clip)
            target[active] = beta * target[active] + (1 - beta) * p / p.sum(-1, keepdims=True)
            alpha, x, together, mixed_x, mixed_together = mixed[active]
            both = np.concatenate([np.eye(4)[batch.labels], target[active]], -1)
            assert alpha == 0.7 and torch.equal(x, batch.x)
            np.testing.assert_allclose(numbers(together), both, atol=1e-6)
            labels, held = np.split(numbers(mixed_together), 2, -1)
            logits = numbers(net(mixed_x))
            q = softmax(logits, -1).clip(clip, 1 - clip)
            expected -= (labels * log_softmax(logits, -1)).sum(-1)
            expected += weight * np.log(1 - (q * held).sum(-1))
        np.testing.assert_allclose(loss, expected, rtol=1e-4)
        np.testing.assert_allclose(method.targets[:, batch.index], target, atol=1e-6)
    assert (mixed[0][3] != mixed[1][3]).any()  # pairs and λ of their own
    others = torch.ones(len(data), dtype=torch.bool)
    others[batch.index] = False
    assert (method.targets[:, others] == 0).all()


def test_the_averages_follow_their_own_networks_after_the_update():
    method, data, optimizer = begun(epoch=2, ramp=0, decay=0.9)
    before = [parameter.clone() for parameter in method.averages.parameters()]
    method.step(next(iter(method.batches(data))), optimizer)
    now = [*method.net.parameters(), *method.peer.parameters()]
    found = method.averages.parameters()
    for was, net, mean in zip(before, now, found, strict=True):
        np.testing.assert_allclose(mean, 0.9 * was + 0.1 * net.detach(), atol=1e-6)
        assert not mean.requires_grad and mean.grad is None


def test_the_averages_begin_as_their_networks_and_follow_closely_at_first():
    run = small_run(epochs=8)
    method, data = run.build(ELRPlus), TrainingSet(run.data, run.config.train)
    for net, average in zip((method.net, method.peer), method.averages, strict=True):
        for one, other in zip(net.parameters(), average.parameters(), strict=True):
            assert torch.equal(one, other)
    momenta = []
    for epoch in range(1, 9):
        method.begin_epoch(epoch, data)
        momenta.append(method.momentum.item())
    phase = 1 - np.arange(8).clip(max=4) / 4
    np.testing.assert_allclose(momenta, 0.997 * np.exp(-5 * phase**2), rtol=1e-5)


def test_no_average_is_trained_or_evaluated():
    method, data, optimizer = begun()
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert not trained & {id(p) for p in method.averages.parameters()}
    x = next(iter(method.batches(data))).x
    mean = (numbers(method.net(x)) + numbers(method.peer(x))) / 2
    np.testing.assert_allclose(numbers(method.logits(x)), mean, atol=1e-6)


def test_corrected_labels_are_distributions_also_of_what_was_never_seen():
    method, data, _ = begun()
    assert torch.allclose(method.corrected_labels(), torch.full((len(data), 4), 0.25))
    method.loss(next(iter(method.batches(data))))
    assert torch.allclose(method.corrected_labels().sum(-1), torch.ones(len(data)))


def test_the_targets_are_better_than_the_labels():
    run = finish(small_run("elr-plus", epochs=15, dataset=random_dataset(400)))
    clean, labels = run.data.train.clean, run.data.train.labels
    recovered = (run.method.corrected_labels().argmax(-1) == clean).double().mean()
    assert recovered > 0.9 > (labels == clean).double().mean()


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_predictions_all_equal_or_certain_and_a_batch_of_one_give_finite_losses(scale):
    method, data, optimizer = begun()
    for net in (method.net, method.peer, *method.averages):
        net.head.weight.data.mul_(scale), nn.init.zeros_(net.head.bias)
    for batch in [*method.batches(data), data.take(torch.tensor([3]))]:
        assert method.step(batch, optimizer).isfinite()
    assert method.corrected_labels().isfinite().all()
