"""Peer loss: the term in float64 and in expectation, the draws, α over the epochs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import finish, random_dataset, small_run, softmax

from lnl_core import TrainConfig, TrainingSet, losses
from lnl_core.losses.flywheel import confidence
from lnl_core.losses.peer import floored_cross_entropy, floored_log, peer
from lnl_core.methods.robust.peer_loss import Peered, PeerLoss
from lnl_core.methods.schedules import at_epoch


def made(epochs: int = 30, samples: int = 40, **options) -> tuple[PeerLoss, TrainingSet]:
    run = small_run(dataset=random_dataset(samples), noise="symmetric:0.4")
    data = TrainingSet(run.data, TrainConfig(epochs=epochs, batch_size=8))
    return PeerLoss(run.net(), data, **options).eval(), data


def test_the_loss_is_the_formula():
    rng = np.random.default_rng(0)
    logits, others = (5 * rng.normal(size=(6, 4)) for _ in range(2))
    labels, apart = (rng.integers(4, size=6) for _ in range(2))
    alpha, floor = 1.7, 1e-3
    rows = range(6)
    own = -np.log(softmax(logits)[rows, labels] + floor)
    blind = -np.log(softmax(others)[rows, apart] + floor)
    found = peer(*map(torch.tensor, (logits, labels, others, apart)), alpha, floor)
    np.testing.assert_allclose(found, own - alpha * blind, rtol=1e-12)


def test_the_gradient_is_of_both_terms():
    rng = np.random.default_rng(0)
    logits, others = (torch.tensor(rng.normal(size=(6, 4)), requires_grad=True) for _ in range(2))
    labels, apart = (torch.tensor(rng.integers(4, size=6)) for _ in range(2))
    assert torch.autograd.gradcheck(
        lambda own, blind: peer(own, labels, blind, apart, 1.7, 1e-3), (logits, others)
    )


def test_the_terms_expectation_is_over_all_pairs_of_a_sample_and_a_label():
    """n1 and n2 are independent: the mean over all N² pairs is the regulariser of CORES²."""
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(7, 4, generator=draw, dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 1, 2, 3, 3])
    every = torch.stack([
        floored_cross_entropy(logits[i : i + 1], labels[j : j + 1], 1e-5)
        for i in range(7) for j in range(7)
    ])  # fmt: skip
    prior = torch.bincount(labels, minlength=4).double() / 7
    expected = -confidence(logits, prior, 1e-5).mean()
    assert every.mean().item() == pytest.approx(expected.item(), rel=1e-12)
    # And not the mean over a sample's own labels.
    assert expected.item() != pytest.approx(floored_cross_entropy(logits, labels, 1e-5).mean())


def test_what_a_run_draws_has_that_expectation():
    method, data = made(ramp=False, alpha=2.0, rescale=False)
    method.begin_epoch(1, data)
    method.net.head.weight.data.mul_(20)  # no two samples' losses are alike
    means = []
    with torch.no_grad():
        for _ in range(200):
            means += [method.loss(part).mean() for part in method.batches(data)]
        logits = method.logits(next(data.scan()).x)
    own = floored_cross_entropy(logits, data.labels, 1e-5).mean()
    expected = own + 2 * confidence(logits, method.prior, 1e-5).mean()
    means = torch.stack(means)
    error = means.std() / len(means) ** 0.5
    assert abs(means.mean() - expected) < 4 * error


def test_samples_and_labels_of_peers_are_drawn_apart_from_all_of_the_set():
    method, data = made()
    method.train()
    same, seen = 0, 0
    for _ in range(30):
        for part in method.batches(data):
            assert isinstance(part, Peered) and part.x.shape == part.batch.x.shape
            drawn = (part.x[:, None] == data.preprocess(data.x)[None]).flatten(2).all(-1)
            assert drawn.any(-1).all()  # each is one of the set
            own = data.labels[drawn.double().argmax(-1)]
            same += (own == part.labels).sum().item()
            seen += len(own)
    # A sample beside its own label always would be `same`; by chance it is Σ π².
    chance = (method.prior**2).sum().item()
    assert same / seen == pytest.approx(chance, abs=4 * (chance / seen) ** 0.5)


def test_the_expected_term_is_at_the_batchs_own_samples():
    method, data = made(peers="expected", ramp=False, alpha=3.0, floor=0.0)
    method.begin_epoch(1, data)
    batch = next(iter(data.batches()))
    with torch.no_grad():
        p = method.predict(batch.x).double().numpy()
        found = method.loss(batch)
    own = -np.log(p[range(len(p)), batch.labels])
    blind = -(np.log(p) * method.prior.numpy()).sum(-1)
    np.testing.assert_allclose(found, (own - 3 * blind) / 4, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("epoch", "epochs", "weight"),
    [(1, 300, 0), (21, 300, 0), (31, 300, 0.5), (41, 300, 1), (51, 300, 2), (76, 300, 3.5),
     (101, 300, 5), (300, 300, 5), (1, 30, 0), (3, 30, 0), (5, 30, 1), (30, 30, 5)],
)  # fmt: skip
def test_alpha_rises_as_in_the_code_at_the_same_share_of_any_run(epoch, epochs, weight):
    method, data = made(epochs, alpha=5.0)
    method.begin_epoch(epoch, data)
    assert method.weight.item() == pytest.approx(weight)


def test_alpha_above_five_goes_on_rising_and_without_the_ramp_there_is_none():
    method, data = made(300, alpha=20.0)
    method.begin_epoch(300, data)
    assert method.weight.item() == pytest.approx(19.9)
    method, data = made(300, alpha=1.5, ramp=False)
    method.begin_epoch(1, data)
    assert method.weight.item() == 1.5


def test_ramps_begin_at_the_first_knot_and_end_before_the_last():
    knots = ((2, 0.0), (4, 1.0))
    assert [at_epoch(epoch, 4, knots) for epoch in (1, 2, 3, 4)] == [0, 0, 0, 0.5]
    assert at_epoch(8, 8, knots) == pytest.approx(0.75)


def test_without_the_term_it_is_cross_entropy_weight_for_weight():
    plain = finish(small_run("cross-entropy"))
    options = {"alpha": 0.0, "floor": 0.0, "peers": "expected"}
    without = finish(small_run("peer-loss", options=options))
    for key, value in plain.method.net.state_dict().items():
        assert torch.allclose(value, without.method.net.state_dict()[key], atol=1e-6), key


def test_a_floor_bounds_loss_and_gradient():
    logits = torch.tensor([[300.0, 0.0, 0.0]], requires_grad=True)
    loss = floored_cross_entropy(logits, torch.tensor([1]), 1e-5)
    loss.sum().backward()
    assert loss.item() == pytest.approx(-np.log(1e-5), rel=1e-5)
    assert logits.grad.abs().max() < 1e-6
    assert torch.equal(floored_log(logits, 0.0), torch.log_softmax(logits, -1))
    assert floored_cross_entropy(logits, torch.tensor([1]), 0.0).item() == pytest.approx(
        losses.cross_entropy(logits, torch.tensor([1])).item()
    )
