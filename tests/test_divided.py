"""DivideMix and UNICON: who is trained on whose division, their losses against float64 formulas,
and divisions with nothing on one side. What every method must pass is in `test_methods.py`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_auc_score
from torch import nn
from training_helpers import finish, random_dataset, small_run

from lnl_core import Dataset, Run, TrainingSet, configure
from lnl_core.methods.semi_supervised import divided
from lnl_core.methods.semi_supervised.dividemix import DivideMix
from lnl_core.methods.semi_supervised.unicon import UNICON
from lnl_core.nets import Net
from lnl_core.optim import make_optimizer

both = pytest.mark.parametrize("name", ["dividemix", "unicon"])


def begun(name: str, epoch: int = 2, seed: int = 0, **options) -> tuple:
    """A method about to begin an epoch after its warm-up of one, and its data, without dropout so
    that a formula can follow it."""
    run = small_run(name, seed=seed)
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    options = {"warm_up": 1, **options}
    method = run.build({"dividemix": DivideMix, "unicon": UNICON}[name], **options)
    data = TrainingSet(run.data, run.config.train)
    method.eval()
    with torch.no_grad():
        method.begin_epoch(epoch, data)
    method.train()
    return method, data, make_optimizer(method.parameter_groups(), run.config.train)


def snapshot(module: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in module.state_dict().values()]


def same(before: list[torch.Tensor], after: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, before, after))


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


# --- two networks -------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("epoch", [1, 2], ids=["warm-up", "after"])
def test_first_one_network_is_trained_and_then_the_other(name, epoch):
    method, data, optimizer = begun(name, epoch)
    optimizer.param_groups[0]["weight_decay"] = 0.1  # would move what it may not touch
    nets, seen = (method.net, method.peer), []
    for part in method.batches(data):
        before = [snapshot(net) for net in nets]
        method.step(part, optimizer)
        moved = [not same(was, snapshot(net)) for was, net in zip(before, nets, strict=True)]
        assert moved == [part.active == 0, part.active == 1]
        seen.append(part.active)
    assert seen == sorted(seen) and set(seen) == {0, 1}


def test_each_network_is_trained_on_the_others_division_and_by_its_trust():
    method, data, _ = begun("dividemix")
    method.clean[0] = (torch.arange(len(data)) % 3 == 0).float()
    method.clean[1] = torch.where(torch.arange(len(data)) % 4 == 0, 0.9, 0.1)
    seen = {0: ([], []), 1: ([], [])}
    for part in method.batches(data):
        assert not part.warm_up and part.unlabelled is not None
        seen[part.active][0].append(part.labelled.index)
        seen[part.active][1].append(part.unlabelled.index)
    for active, modulus in ((0, 4), (1, 3)):  # the other's
        labelled, unlabelled = (torch.cat(parts) for parts in seen[active])
        everything = torch.arange(len(data))
        assert torch.equal(labelled.sort().values, everything[everything % modulus == 0])
        assert (unlabelled % modulus != 0).all()
    assert torch.equal(method.trust(0), method.clean[1])
    assert torch.equal(method.trust(1), method.clean[0])


def test_unicon_divides_again_before_the_second_network():
    method, data, optimizer = begun("unicon")
    divisions = []
    for part in method.batches(data):
        method.step(part, optimizer)
        divisions.append((part.active, method.divergence.clone()))
    first = [d for active, d in divisions if active == 0]
    second = [d for active, d in divisions if active == 1]
    assert all(torch.equal(first[0], d) for d in first)
    assert not torch.equal(first[0], second[0])


@both
def test_the_prediction_is_the_mean_of_both_networks(name):
    run = finish(small_run(name))
    method, x = run.method.eval(), run.data.test.x.float() / 255
    with torch.no_grad():
        mean = (numbers(method.net(x)) + numbers(method.peer(x))) / 2
        np.testing.assert_allclose(numbers(method.predict(x)), softmax(mean, -1), atol=1e-5)


@both
def test_in_the_warm_up_it_is_cross_entropy_and_the_penalty_takes_off_the_entropy(name):
    for penalty in (False, True):
        method, data, _ = begun(name, epoch=1, confidence_penalty=penalty)
        part = next(method.batches(data))
        log_p = log_softmax(numbers(method.net(part.labelled.x)), -1)
        expected = -log_p[np.arange(len(log_p)), part.labelled.labels]
        if penalty:
            expected = expected + (np.exp(log_p) * log_p).sum(-1)
        np.testing.assert_allclose(numbers(method.loss(part)), expected, atol=1e-5)


# --- the loss -----------------------------------------------------------------------------------


def expected_loss(method, part, weight_u: float, mixed: dict) -> float:
    """Eq. 3-12 in NumPy, from the networks' outputs; `mixed` is what `mix` gave and took."""
    nets = (method.net, method.peer)[:: -1 if part.active else 1]

    def predicted(net, batch):
        return sum(softmax(numbers(net(view)), -1) for view in batch.views[:2]) / 2

    def sharp(p):
        return p**2 / (p**2).sum(-1, keepdims=True)

    labels = np.eye(4)[part.labelled.labels]
    w = numbers(method.trust(part.active)[part.labelled.index])[:, None]
    refined = sharp(w * labels + (1 - w) * predicted(nets[0], part.labelled))
    guessed = sharp(sum(predicted(net, part.unlabelled) for net in nets) / 2)
    targets = np.concatenate([refined, refined, guessed, guessed])
    np.testing.assert_allclose(numbers(mixed["targets"]), targets, atol=1e-5)
    views = [*part.labelled.views[-2:], *part.unlabelled.views[-2:]]
    assert torch.equal(mixed["x"], torch.cat(views))

    logits, target = numbers(nets[0](mixed["mixed_x"])), numbers(mixed["mixed_targets"])
    count = 2 * len(labels)
    l_x = -(target * log_softmax(logits, -1)).sum(-1)[:count].mean()
    l_u = ((softmax(logits, -1) - target) ** 2)[count:].mean()
    l_reg = (0.25 * np.log(0.25 / softmax(logits, -1).mean(0))).sum()
    return l_x + weight_u * l_u + l_reg


@pytest.fixture
def mixed(monkeypatch):
    """What went into and came out of the last `mix`."""
    seen = {}

    def mix(x, targets, alpha, largest=False):
        assert alpha == 4.0 and largest
        mixed_x, mixed_targets = real(x, targets, alpha, largest)
        seen.update(x=x, targets=targets, mixed_x=mixed_x, mixed_targets=mixed_targets)
        return mixed_x, mixed_targets

    real = divided.mix
    monkeypatch.setattr(divided, "mix", mix)
    return seen


@pytest.mark.parametrize("active", [0, 1])
def test_the_loss_of_dividemix_is_its_equations(mixed, active):
    method, data, _ = begun("dividemix", epoch=6)  # four epochs after the warm-up
    method.clean.copy_(torch.rand(2, len(data)))
    part = next(part for part in method.batches(data) if part.active == active)
    assert part.weight_u == pytest.approx(25 * 4 / 16)
    loss = method.loss(part).mean().item()
    assert loss == pytest.approx(expected_loss(method, part, part.weight_u, mixed), rel=1e-4)


def test_unicon_adds_the_contrast_of_the_strong_views_of_unlabelled_samples(mixed):
    method, data, _ = begun("unicon", epoch=6, weight_c=2.0)
    part = next(iter(method.batches(data)))
    assert len(part.unlabelled.views) == 4
    loss = method.loss(part).mean().item()
    without = expected_loss(method, part, part.weight_u, mixed)
    features = torch.cat([method.net.features(view) for view in part.unlabelled.views[2:]])
    z = numbers(features @ method.heads[0][0].weight.T)
    z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5)
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    similar = z @ z.T / 0.05
    np.fill_diagonal(similar, -np.inf)
    partner = np.roll(np.arange(len(z)), len(z) // 2)
    contrast = -log_softmax(similar, -1)[np.arange(len(z)), partner].mean()
    assert loss == pytest.approx(without + 2 * contrast, rel=1e-4)


def test_the_weight_rises_within_the_epoch_and_to_its_full_value():
    method, data, _ = begun("dividemix", epoch=2, ramp=2)
    method.clean.fill_(1.0)
    weights = [part.weight_u for part in method.batches(data) if part.active == 0]
    assert weights == pytest.approx([0, 25 / 6, 25 / 3])  # three batches, half the ramp
    method.begin_epoch(9, data)
    assert {part.weight_u for part in method.batches(data)} == {25.0}


def test_no_gradient_reaches_the_guesses_and_the_other_network_stays_in_training_mode():
    method, data, _ = begun("dividemix")
    part = next(iter(method.batches(data)))
    method.loss(part).mean().backward()
    assert all(parameter.grad is None for parameter in method.peer.parameters())
    assert method.peer.training
    assert not method.targets.requires_grad


# --- dividing -----------------------------------------------------------------------------------


def test_the_losses_are_scaled_and_averaged_over_the_last_epochs():
    method, data, _ = begun("dividemix", average_losses=2)
    rows = []
    for _ in range(3):
        with torch.no_grad():
            method.net.head.weight.mul_(1.7)
            logits = numbers(method.net(data.preprocess(data.x)))
            method.begin_epoch(3, data)
        loss = -log_softmax(logits, -1)[np.arange(len(data)), data.labels]
        rows.append((loss - loss.min()) / np.ptp(loss))
    kept = numbers(method.losses[:, 0])
    np.testing.assert_allclose(kept.mean(0), (rows[1] + rows[2]) / 2, atol=1e-5)


def as_vectors(dataset: Dataset) -> Dataset:
    flat = {name: getattr(dataset, name).flatten(1) / 255 for name in ("x_train", "x_test")}
    return dataclasses.replace(dataset, x_trusted=None, y_trusted=None, **flat)


@both
def test_small_losses_are_called_clean_and_the_targets_are_better_than_the_labels(name):
    dataset = as_vectors(random_dataset(400))
    run = finish(small_run(name, noise="symmetric:0.3", epochs=12, lr=0.05, dataset=dataset))
    clean, labels = run.data.train.clean, run.data.train.labels
    trust = run.method.clean_probability()
    assert roc_auc_score(clean == labels, trust) > 0.95
    recovered = (run.method.corrected_labels().argmax(-1) == clean).double().mean()
    assert recovered > 0.9 > (labels == clean).double().mean()
    found = run.history[-1].diagnostics
    assert 0.3 < found["labelled"] < 0.9
    assert found["recovered"] == pytest.approx(float(recovered))


@both
def test_in_the_warm_up_nothing_is_judged(name):
    run = small_run(name, epochs=2, options={"warm_up": 2})
    finish(run)
    assert run.method.clean_probability() is None
    assert "labelled" not in run.history[-1].diagnostics
    assert torch.equal(run.method.corrected_labels().argmax(-1), run.data.train.labels)


def test_unicon_labels_each_class_alike_and_trusts_by_the_divergence():
    method, data, _ = begun("unicon", trusted=0.2)
    count = int((method.divergence < method.divergence.mean()).sum())
    counts = torch.bincount(data.labels[method.selected], minlength=4)
    assert (counts == count // 4).all()
    d = method.divergence
    expected = torch.where(d < 0.2, torch.ones(()), 1 - d)
    assert torch.equal(method.trust(0), expected) and torch.equal(method.trust(1), expected)


def test_the_printed_threshold_acts_in_bits_alone():
    """Predictions that mostly contradict the labels: in nats no mean divergence exceeds 0.7."""
    shares = {}
    for bits in (False, True):
        method, data, _ = begun("unicon", bits=bits)
        position = torch.arange(len(data))
        wrong = torch.where(position % 8 == 0, data.labels, (data.labels + 1) % 4)
        sureness = 2 + 4 * (position / len(data))[:, None]
        logits = sureness * torch.eye(4)[wrong]
        method.survey = lambda data, logits=logits: logits.expand(2, -1, -1)
        method.divide(data)
        assert (method.divergence.mean() > 0.7) == bits
        below = method.divergence < method.divergence.mean()
        shares[bits] = method.diagnostics()["labelled"], float(below.float().mean())
    assert shares[False][1] == shares[True][1]  # the mean divides alike in either unit
    assert shares[True][0] < shares[False][0]


@pytest.mark.parametrize(("rule", "expected"), [("scaled", 40), ("equal", 16)])
def test_the_unlabelled_batches_of_unicon(rule, expected):
    method, data, _ = begun("unicon", unlabelled=rule)
    method.split = lambda active, data: torch.arange(len(data)) < 8  # a sixth of 48: 16 * 3 = 48
    sizes = {len(part.unlabelled.index) for part in method.batches(data)}
    assert sizes == {expected}  # of 48 there are 40 unlabelled ones


# --- divisions with nothing on one side ---------------------------------------------------------


@both
@pytest.mark.parametrize("kept", [0, 1, 47, 48])
def test_whatever_is_labelled_both_networks_are_trained_with_finite_losses(name, kept):
    method, data, optimizer = begun(name)
    method.split = lambda active, data: torch.arange(len(data)) < kept
    before = snapshot(method.net) + snapshot(method.peer)
    parts = list(method.batches(data))
    for part in parts:
        assert part.warm_up == (kept == 0)
        assert (part.unlabelled is None) == (kept in (0, 48))
        assert method.step(part, optimizer).isfinite()
    assert {part.active for part in parts} == {0, 1}
    after = snapshot(method.net) + snapshot(method.peer)
    assert all(value.isfinite().all() for value in after) and not same(before, after)
    assert method.corrected_labels().isfinite().all()


@both
def test_where_all_losses_are_equal_training_goes_on(name):
    method, data, optimizer = begun(name)
    for net in (method.net, method.peer):
        nn.init.zeros_(net.head.weight), nn.init.zeros_(net.head.bias)
    with torch.no_grad():
        method.begin_epoch(3, data)
    assert method.clean_probability().isfinite().all()
    for part in method.batches(data):
        assert method.step(part, optimizer).isfinite()


class Normalised(Net):
    """A net that batch normalisation forbids to see a single sample."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU())
        self.head = nn.Linear(8, 4)

    def features(self, x):
        return self.body(x)


@both
def test_a_batch_of_one_passes_batch_normalisation(name, monkeypatch):
    monkeypatch.setattr(Run, "net", lambda self: Normalised())
    method, data, optimizer = begun(name)
    method.split = lambda active, data: torch.arange(len(data)) < 1
    method.unlabelled_batch_size = lambda *sizes: 1
    parts = list(method.batches(data))
    for part in parts:
        assert len(part.labelled.index) == len(part.unlabelled.index) == 1
        assert method.step(part, optimizer).isfinite()
    assert parts


def in_colour(dataset: Dataset) -> Dataset:
    large = {name: getattr(dataset, name).repeat(1, 3, 2, 2) for name in ("x_train", "x_test")}
    return dataclasses.replace(dataset, x_trusted=None, y_trusted=None, **large)


@both
@pytest.mark.parametrize(("form", "net"), [(as_vectors, "mlp"), (in_colour, "lenet")])
def test_vectors_and_colour_images_are_trained_on_as_well(name, form, net):
    dataset = form(random_dataset())
    augmentation = {} if net == "mlp" else {"augmentation": "crop-flip"}
    given = {"dataset": dataset, "net": net, "epochs": 3, "batch_size": 16} | augmentation
    config = configure(name, noise="symmetric:0.3", **given)
    run = finish(Run(config, device="cpu", dataset=dataset))
    assert np.isfinite(run.history[-1].train_loss)
    assert "selection_auc" in run.history[-1].diagnostics
