"""kMEIDTM: a matrix for each sample, regularised by who is near whom."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import Says, finish, small_run, softmax

from lnl_core import TrainConfig, TrainingSet
from lnl_core.losses.manifold import affinity, manifold, noisy_log_likelihood, transition_matrices
from lnl_core.methods.transition.kmeidtm import KMEIDTM, distil

B, K, SIGMA = 7, 4, 1.1


@pytest.fixture
def drawn():
    draw = torch.Generator().manual_seed(3)
    p = torch.randn(B, K, generator=draw, dtype=torch.float64).mul(2).softmax(-1)
    return p, torch.rand(K, K, K, generator=draw, dtype=torch.float64) - 0.2


def by_hand(
    p: np.ndarray, weight: np.ndarray, near_by: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """T(x), log p(ỹ|x) and the mean cost of all pairs, in loops; who is near whom by `near_by`, or
    by p."""
    held = p if near_by is None else near_by
    t = np.empty((B, K, K))
    for b in range(B):
        for i in range(K):
            row = np.clip([weight[i, j] @ p[b] for j in range(K)], 1e-5, 1 - 1e-5)
            t[b, i] = row / row.sum()
    noisy = np.log(
        [[sum(p[b, i] * t[b, i, j] for i in range(K)) for j in range(K)] for b in range(B)]
    )
    cost = 0.0
    for a in range(B):
        for b in range(B):
            sign = 1 if held[a].argmax() == held[b].argmax() else -1
            near = np.exp(-((held[a] - held[b]) ** 2).sum() / (2 * SIGMA**2))
            cost += sign * near * ((t[a] - t[b]) ** 2).sum()
    return t, noisy, cost / B**2


def test_the_formulas_are_those_of_the_paper_in_loops(drawn):
    p, weight = drawn
    t, noisy, cost = by_hand(p.numpy(), weight.numpy())
    found = transition_matrices(p, weight)
    np.testing.assert_allclose(found, t, atol=1e-12)
    np.testing.assert_allclose(noisy_log_likelihood(p, found), noisy, atol=1e-12)
    assert manifold(found, affinity(p, SIGMA)).item() == pytest.approx(cost, abs=1e-12)
    assert cost != 0


def slope(function, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """By central differences."""
    found = np.empty_like(at)
    for place in np.ndindex(at.shape):
        move = np.zeros_like(at)
        move[place] = step
        found[place] = (function(at + move) - function(at - move)) / (2 * step)
    return found


def test_the_loss_and_its_gradient_are_the_likelihoods_and_the_manifolds(drawn):
    """Who is near whom is a constant to the gradient."""
    table, weight = drawn[0].log().numpy(), drawn[1].numpy()
    data = TrainingSet(small_run().data, TrainConfig(epochs=4, batch_size=16))
    method = KMEIDTM(Says(drawn[0].log().float()), data, weight=3.0, sigma=SIGMA)
    method.matrix_weight.data.copy_(drawn[1])
    method.warming.fill_(False)
    batch = data.take(torch.arange(B))

    def values(table: np.ndarray, weight: np.ndarray) -> np.ndarray:
        _, noisy, cost = by_hand(softmax(table), weight, near_by=drawn[0].numpy())
        return -noisy[range(B), batch.labels] + 3 * cost

    loss = method.loss(batch)
    np.testing.assert_allclose(loss.detach(), values(table, weight), rtol=1e-4)
    loss.mean().backward()
    by_logits = slope(lambda z: values(z, weight).mean(), table)
    by_weight = slope(lambda w: values(table, w).mean(), weight)
    np.testing.assert_allclose(method.net.logits.grad, by_logits, atol=1e-5)
    np.testing.assert_allclose(method.matrix_weight.grad, by_weight, atol=1e-5)


def test_in_the_warm_up_the_loss_is_cross_entropy_less_the_predictions_entropy(drawn):
    data = TrainingSet(small_run().data, TrainConfig(epochs=4, batch_size=16))
    method = KMEIDTM(Says(drawn[0].log().float()), data)
    batch, p = data.take(torch.arange(B)), drawn[0].numpy()
    method.begin_epoch(1, data)
    expected = -np.log(p[range(B), batch.labels]) + (p * np.log(p)).sum(-1)
    np.testing.assert_allclose(method.loss(batch).detach(), expected, rtol=1e-4)


def test_alike_samples_attract_and_unlike_ones_repel():
    p = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    s = affinity(p, SIGMA)
    assert s[0, 1] > 0 > s[0, 2] and torch.equal(s, s.T)


def test_with_neighbours_only_the_nearest_pairs_count():
    p = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]])
    counted = affinity(p, SIGMA, neighbours=1) != 0
    assert counted.tolist() == [
        [False, True, False, False],
        [True, False, False, False],
        [False, False, False, True],
        [False, False, True, False],
    ]
    everyone = affinity(p, SIGMA, neighbours=9)
    assert (everyone.diagonal() == 0).all()
    assert torch.equal(everyone + torch.eye(4), affinity(p, SIGMA))


def test_distilled_are_the_surest_and_the_codes_slip_keeps_the_least_sure():
    p = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.3, 0.7]])
    assert distil(p, 0.6, "sure").tolist() == [False, True, False, True, True]
    assert distil(p, 0.6, "unsure").tolist() == [True, False, True, False, True]
    assert distil(p, 0.01, "sure").sum() == 1


def test_every_sample_begins_with_the_same_matrix_and_learns_its_own():
    run = small_run("kmeidtm", epochs=6, options={"rate": 0.5, "weight": 0.0})
    for record in run:
        matrices = transition_matrices(run.method.posterior, run.method.matrix_weight.detach())
        if record.epoch == 1:  # the warm-up leaves T alone
            start = 0.9 * torch.eye(4) + 0.025
            assert torch.allclose(matrices, start.expand_as(matrices), atol=1e-6)
    assert matrices.std(0).max() > 1e-3
    assert torch.allclose(matrices.sum(-1), torch.ones(matrices.shape[:2]))


def test_only_distilled_samples_are_trained_on_after_the_warm_up():
    run = finish(small_run("kmeidtm", epochs=4, options={"share": 0.5}))
    data, count = TrainingSet(run.data, run.config.train), len(run.data.train)
    assert run.method.chosen.sum() == count // 2
    seen = torch.cat([batch.index for batch in run.method.batches(data)])
    assert set(seen.tolist()) == set(run.method.chosen.nonzero().squeeze(-1).tolist())


def test_samples_that_are_all_alike_cost_nothing_and_train():
    run = small_run("kmeidtm", epochs=4)
    run.data.train.x[:] = 0
    finish(run)
    t = transition_matrices(run.method.posterior, run.method.matrix_weight.detach())
    assert all(np.isfinite(record.train_loss) for record in run.history)
    assert torch.isfinite(t).all()


def test_the_estimate_is_a_transition_matrix():
    estimate = finish(small_run("kmeidtm", epochs=4)).document()["estimates"]["transition_matrix"]
    np.testing.assert_allclose(np.sum(estimate, 1), 1, atol=1e-5)
    assert np.argmax(estimate, 1).tolist() == [0, 1, 2, 3]
