"""Co-teaching, Co-teaching+ and JoCoR: which samples each network learns from, in float64."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from training_helpers import finish, random_dataset, small_run

from lnl_core import InputError, TrainConfig, TrainingSet
from lnl_core.data import Batch
from lnl_core.losses.agreement import symmetric_kl
from lnl_core.methods.selection.co_teaching import CoTeaching, CoTeachingPlus
from lnl_core.methods.selection.jocor import JoCoR

SMALL_LOSS = {"co-teaching": CoTeaching, "co-teaching-plus": CoTeachingPlus, "jocor": JoCoR}
every_class = pytest.mark.parametrize("cls", SMALL_LOSS.values(), ids=SMALL_LOSS)


class Says(torch.nn.Module):
    """A net that says what it is told, a row a sample."""

    def __init__(self, table: np.ndarray):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.tensor(table, dtype=torch.float32))

    def forward(self, x):
        return self.logits[x[:, 0].long()]


def training_set(noise: str = "symmetric:0.3", epochs: int = 8) -> TrainingSet:
    run = small_run(noise=noise, dataset=random_dataset(40))
    return TrainingSet(run.data, TrainConfig(epochs=epochs, batch_size=12))


def pair(cls=CoTeaching, count: int = 12, seed: int = 0, epoch: int = 99, **options):
    """The method in that epoch, with two nets that say tables of their own; a batch of as many
    samples; and the tables in float64 with the labels."""
    rng = np.random.default_rng(seed)
    tables = 2 * rng.normal(size=(2, count, 4)).astype(np.float32).astype(np.float64)
    labels = rng.integers(4, size=count)
    data = training_set()
    method = cls(Says(tables[0]), Says(tables[1]), data, **{"forget_rate": 0.4} | options)
    method.begin_epoch(epoch, data)
    index = torch.arange(count)
    batch = Batch((index.float()[:, None],), torch.tensor(labels), index)
    return method, batch, tables, labels


def entropies(tables: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each network on each sample, [2, B]."""
    return -log_softmax(tables, -1)[:, np.arange(len(labels)), labels]


def joint_losses(tables: np.ndarray, labels: np.ndarray, agreement: float) -> np.ndarray:
    """What JoCoR chooses by and minimises, [B]."""
    p, q = softmax(tables, -1)
    divergence = (p * np.log(p / q)).sum(-1) + (q * np.log(q / p)).sum(-1)
    return (1 - agreement) * entropies(tables, labels).sum(0) + agreement * divergence


def kept_mean(values: np.ndarray, chosen_by: np.ndarray, count: int) -> float:
    """The mean of `values` over the `count` samples that are smallest in `chosen_by`."""
    return values[np.argsort(chosen_by)[:count]].mean()


def gradient(net: Says) -> np.ndarray:
    return net.logits.grad.double().numpy()


# --- Co-teaching ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_each_net_learns_from_what_is_small_to_the_other(seed):
    method, batch, tables, labels = pair(seed=seed)
    found = method.loss(batch)
    first, second = entropies(tables, labels)
    expected = kept_mean(first, second, 7) + kept_mean(second, first, 7)  # int(0.6 · 12)
    assert found.shape == (12,)
    assert found.mean().item() == pytest.approx(expected, rel=1e-5)
    # A net has a gradient on the samples that its peer chose, and on no other.
    found.mean().backward()
    for net, table, peers in ((method.net, tables[0], second), (method.peer, tables[1], first)):
        chosen = np.argsort(peers)[:7]
        wanted = np.zeros((12, 4))
        wanted[chosen] = (softmax(table, -1) - np.eye(4)[labels])[chosen] / 7
        np.testing.assert_allclose(gradient(net), wanted, atol=1e-6)


def test_the_share_that_is_kept_falls_for_as_many_epochs_as_the_ramp_and_then_stays():
    method, *_ = pair(forget_rate=0.4, ramp=5)
    shares = []
    for epoch in range(1, 9):
        method.begin_epoch(epoch, None)
        shares.append(method.keep.item())
    np.testing.assert_allclose(shares, [0.92, 0.84, 0.76, 0.68, *[0.6] * 4])


@pytest.mark.parametrize(
    ("rate", "size", "count"),
    [(0.3, 10, 7), (0.4, 5, 3), (0.0, 9, 9), (0.99, 12, 1), (0.9, 10, 1), (0.5, 1, 1)],
)
def test_the_count_is_rounded_down_and_never_none(rate, size, count):
    method, *_ = pair(forget_rate=rate)
    kept = method.smallest(torch.randn(size))
    assert kept.sum() == count
    assert method.weights(kept).mean().item() == pytest.approx(1)


def test_the_noise_rate_is_the_default_share_forgotten():
    for noise, rate in (("symmetric:0.3", 0.3), ("symmetric-inclusive:0.4", 0.3), ("none", 0.0)):
        run = finish(small_run("co-teaching", noise=noise, epochs=1))
        assert run.method.forget_rate == pytest.approx(rate, abs=1e-6)
    data = training_set()
    data.transition_matrix = None
    with pytest.raises(InputError, match="give forget_rate"):
        CoTeaching(Says(np.eye(4)), Says(np.eye(4)), data)


# --- Co-teaching+ ---------------------------------------------------------------------------------


@pytest.mark.parametrize("average", ["kept", "batch"])
@pytest.mark.parametrize("double_softmax", [False, True])
def test_after_the_warm_up_only_disagreement_counts(average, double_softmax):
    options = {"average": average, "double_softmax": double_softmax, "warm_up": 2}
    method, batch, tables, labels = pair(CoTeachingPlus, **options)
    inputs = softmax(tables, -1) if double_softmax else tables
    first, second = entropies(inputs, labels)
    differ = np.flatnonzero(tables[0].argmax(-1) != tables[1].argmax(-1))
    count = int(0.6 * len(differ) + 1e-9)
    assert 2 <= count < len(differ) < 12
    expected = kept_mean(first[differ], second[differ], count)
    expected += kept_mean(second[differ], first[differ], count)
    expected *= count / 12 if average == "batch" else 1
    found = method.loss(batch)
    assert found.mean().item() == pytest.approx(expected, rel=1e-5)
    found.mean().backward()
    for net in (method.net, method.peer):
        moved = np.flatnonzero(np.abs(gradient(net)).max(-1))
        assert set(moved) <= set(differ) and len(moved) == count


@pytest.mark.parametrize("average", ["kept", "batch"])
def test_the_warm_up_is_co_teaching(average):
    given = {"warm_up": 2, "epoch": 2, "double_softmax": True, "average": average}
    method, batch, *_ = pair(CoTeachingPlus, **given)
    other, same, *_ = pair(CoTeaching, epoch=2)
    torch.testing.assert_close(method.loss(batch), other.loss(same))


def test_where_all_predictions_agree_there_is_nothing_to_learn():
    for average in ("kept", "batch"):
        method, batch, *_ = pair(CoTeachingPlus, warm_up=0, average=average)
        method.peer.logits.data = method.net.logits.data.clone()
        found = method.loss(batch)
        found.mean().backward()
        assert (found == 0).all()
        assert (gradient(method.net) == 0).all() and (gradient(method.peer) == 0).all()


def test_the_warm_up_is_20_epochs_or_a_quarter():
    for epochs, expected in ((200, 20), (40, 10), (2, 1)):
        data = training_set(epochs=epochs)
        assert CoTeachingPlus(Says(np.eye(4)), Says(np.eye(4)), data).warm_up == expected


# --- JoCoR ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("agreement", [0.0, 0.65, 1.0])
def test_jocor_keeps_what_is_small_to_both_together(agreement):
    method, batch, tables, labels = pair(JoCoR, agreement=agreement)
    joint = joint_losses(tables, labels, agreement)
    found = method.loss(batch)
    assert found.mean().item() == pytest.approx(np.sort(joint)[:7].mean(), rel=1e-5)
    assert set(found.nonzero().flatten().tolist()) == set(np.argsort(joint)[:7])


@pytest.mark.parametrize("agreement", [0.65, 1.0])
def test_jocors_gradient_reaches_both_nets_through_both_divergences(agreement):
    method, batch, tables, labels = pair(JoCoR, agreement=agreement)
    method.loss(batch).mean().backward()
    kept = np.argsort(joint_losses(tables, labels, agreement))[:7]
    wanted, h = np.empty(tables.shape), 1e-6
    for entry in np.ndindex(*tables.shape):
        move = np.zeros(tables.shape)
        move[entry] = h
        up, down = (
            joint_losses(moved, labels, agreement)[kept].mean()
            for moved in (tables + move, tables - move)
        )
        wanted[entry] = (up - down) / (2 * h)
    for net, slopes in zip((method.net, method.peer), wanted, strict=True):
        np.testing.assert_allclose(gradient(net), slopes, atol=1e-6)


def test_symmetric_kl_is_symmetric_zero_at_itself_and_finite_far_out():
    one, other = torch.randn(2, 3, 5, 4, dtype=torch.float64) * 4
    p, q = softmax(one.numpy(), -1), softmax(other.numpy(), -1)
    expected = (p * np.log(p / q) + q * np.log(q / p)).sum(-1)
    np.testing.assert_allclose(symmetric_kl(one, other), expected, rtol=1e-8)
    torch.testing.assert_close(symmetric_kl(one, other), symmetric_kl(other, one))
    assert symmetric_kl(one, one).abs().max() == 0
    far = torch.tensor([[1e4, 0, -1e4]], requires_grad=True)
    symmetric_kl(far, -far.detach()).sum().backward()
    assert far.grad.isfinite().all()


# --- all three ------------------------------------------------------------------------------------


@every_class
def test_a_batch_of_one_and_of_two(cls):
    for count in (1, 2):
        method, batch, *_ = pair(cls, count=count)
        found = method.loss(batch)
        found.mean().backward()
        assert found.shape == (count,) and found.isfinite().all()
        assert method.net.logits.grad.isfinite().all()


@every_class
def test_the_optimiser_over_both_nets_is_two(cls):
    """Each network goes where it would with an optimiser of its own, momentum and all."""
    together, batch, *_ = pair(cls)
    apart, same, *_ = pair(cls)
    one = torch.optim.SGD(together.parameters(), lr=0.3, momentum=0.9)
    two = [torch.optim.SGD(n.parameters(), lr=0.3, momentum=0.9) for n in (apart.net, apart.peer)]
    for _ in range(4):
        together.step(batch, one)
        loss = apart.loss(same).mean()
        for optimizer in two:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in two:
            optimizer.step()
    for key, value in together.state_dict().items():
        torch.testing.assert_close(value, apart.state_dict()[key])


@every_class
def test_the_score_of_a_sample_is_its_negative_loss(cls):
    method, batch, tables, labels = pair(cls, warm_up=0) if cls is CoTeachingPlus else pair(cls)
    assert (method.clean_probability() == 0).all()
    method.loss(batch)
    score = method.clean_probability()[:12].double().numpy()
    if cls is JoCoR:
        assert (score < 0).all()
    else:
        np.testing.assert_allclose(score, -entropies(tables, labels).mean(0), rtol=1e-5)
    assert (method.clean_probability()[12:] == 0).all()


@every_class
def test_what_is_evaluated_is_the_first_net_or_the_mean_of_both(cls):
    for evaluated in ("first", "mean"):
        method, batch, tables, _ = pair(cls, evaluated=evaluated)
        p, q = softmax(tables, -1)
        expected = p if evaluated == "first" else (p + q) / 2
        np.testing.assert_allclose(method.predict(batch.x).detach(), expected, atol=1e-6)
    with pytest.raises(InputError, match="evaluated"):
        pair(cls, evaluated="second")


@pytest.mark.parametrize("name", SMALL_LOSS)
@pytest.mark.parametrize("rate", [0.0, 0.999])
def test_all_or_next_to_nothing_is_kept(name, rate):
    run = finish(small_run(name, options={"forget_rate": rate, "ramp": 1}, epochs=4))
    assert np.isfinite([record.train_loss for record in run.history]).all()
    assert all(0 <= record.test_accuracy <= 1 for record in run.history)
    if rate == 0.999:
        return
    wrong = run.data.train.labels != run.data.train.clean
    assert wrong.any() and "selection_auc" in run.history[-1].diagnostics


@pytest.mark.parametrize("name", SMALL_LOSS)
def test_a_class_that_vanishes(name):
    run = small_run(name)
    labels = torch.where(run.data.train.labels == 3, 0, run.data.train.labels)
    train = dataclasses.replace(run.data.train, labels=labels)
    run.data = dataclasses.replace(run.data, train=train)
    assert np.isfinite([record.train_loss for record in finish(run).history]).all()
