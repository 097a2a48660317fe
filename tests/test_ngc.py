"""NGC: the spread of labels against a dense solution in float64, the pieces of the graph against a
search, its losses against loops, and what is selected where there is little to select."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from training_helpers import finish, random_dataset, small_run

from lnl_core.data import Batch
from lnl_core.losses.contrastive import unit
from lnl_core.methods.neighbours import ngc
from lnl_core.methods.neighbours.graph import affinity, largest_components, propagate
from lnl_core.methods.neighbours.knn import nearest

#: Strong views would move what tells the classes of `random_dataset` apart.
GENTLE = {"view": "weak"}


def points(count: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return unit(torch.randn(count, 3, generator=draw, dtype=torch.float64))


def dense(similarity: torch.Tensor, neighbours: torch.Tensor) -> np.ndarray:
    """The normalised graph, an entry at a time."""
    count = len(neighbours)
    weight = np.zeros((count, count))
    for i in range(count):
        for s, j in zip(similarity[i].tolist(), neighbours[i].tolist(), strict=True):
            weight[i, j] += max(s, 0) ** 3
            weight[j, i] += max(s, 0) ** 3
    degree = weight.sum(1)
    degree[degree == 0] = 1
    return weight / np.sqrt(np.outer(degree, degree))


@pytest.mark.parametrize("spread", [0.0, 0.5, 0.9])
def test_labels_spread_as_the_linear_equation_says(spread):
    found = nearest(points(30), 4)
    graph = dense(*found)
    np.testing.assert_allclose(affinity(*found).to_dense(), graph, rtol=1e-9)
    targets = F.one_hot(torch.arange(30) % 3).double()
    wanted = np.linalg.solve(np.eye(30) - spread * graph, targets.numpy())
    np.testing.assert_allclose(propagate(affinity(*found), targets, spread), wanted, atol=1e-5)


def test_who_is_like_nobody_keeps_what_it_has():
    z = unit(torch.tensor([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.1]]))
    targets = torch.eye(3)
    found = propagate(affinity(*nearest(z, 1)), targets, 0.5)
    assert found[2].tolist() == [0, 0, 1]
    assert found[0, 1] > 0.4  # each other's only neighbour: W = 1


def pieces(neighbours, labels, chosen) -> list[bool]:
    """By walking the graph."""
    near = [set(row) for row in neighbours.tolist()]
    count = len(near)
    kept = [False] * count
    for label in set(labels.tolist()):
        found, seen = [], set()
        for start in range(count):
            if start in seen or labels[start] != label or not chosen[start]:
                continue
            piece, todo = set(), [start]
            while todo:
                i = todo.pop()
                piece.add(i)
                more = [j for j in near[i] if i in near[j] and labels[j] == label and chosen[j]]
                todo += [j for j in more if j not in piece]
            seen |= piece
            found.append(piece)
        for i in max(found, key=len, default=()):
            kept[i] = True
    return kept


@pytest.mark.parametrize("seed", range(4))
def test_of_each_class_the_largest_piece_is_kept(seed):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (60,), generator=draw)
    chosen = torch.rand(60, generator=draw) < 0.8
    neighbours = nearest(points(60, seed), 5)[1]
    kept = largest_components(neighbours, labels, chosen)
    assert kept.tolist() == pieces(neighbours, labels, chosen)
    assert kept.any() and not torch.equal(kept, chosen)


def test_a_neighbour_that_does_not_return_it_joins_nobody():
    # 2 has 1 for its nearest, and 1 has 0.
    neighbours, labels = torch.tensor([[1], [0], [1]]), torch.zeros(3, dtype=torch.int64)
    kept = largest_components(neighbours, labels, torch.ones(3, dtype=torch.bool))
    assert kept.tolist() == [True, True, False]


def test_where_nobody_is_chosen_no_piece_is_kept():
    labels, nobody = torch.arange(4) % 2, torch.zeros(4, dtype=torch.bool)
    assert not largest_components(nearest(points(4), 2)[1], labels, nobody).any()


@pytest.fixture
def method():
    run = small_run("ngc", epochs=1, options=GENTLE)
    finish(run)
    return run.method


@pytest.mark.parametrize("unscaled", [False, True])
def test_the_contrastive_losses_are_the_formulas(method, unscaled):
    method.unscaled = unscaled
    first, second = points(5, 1), points(5, 2)
    labels = torch.tensor([0, 0, 1, 1, 1])
    selected = torch.tensor([True, True, True, False, True])
    found = method.contrast(first, second, labels, selected)
    z = np.concatenate([first, second])
    for i in range(5):
        others = [j for j in range(10) if j != i]
        likes = [
            j for j in others
            if j % 5 == i or (selected[i] and selected[j % 5] and labels[i] == labels[j % 5])
        ]  # fmt: skip
        wanted = 0.0
        for positives, scale in (([i + 5], 0.3), (likes, 1.0 if unscaled else 0.3)):
            below = sum(math.exp(z[i] @ z[j] / scale) for j in others)
            costs = [-math.log(math.exp(z[i] @ z[j] / scale) / below) for j in positives]
            wanted += sum(costs) / len(costs)
        assert found[i].item() == pytest.approx(wanted, rel=1e-6)


def test_a_label_is_kept_by_its_score_and_else_replaced(method):
    count, labels = len(method.selected), method.targets.argmax(-1)
    z = unit(torch.eye(4)[labels] + 0.1 * points(count)[:, :1].float())
    wrong = labels.clone()
    wrong[:4] = (labels[:4] + 1) % 4
    said = F.one_hot(wrong, 4).float()
    said[:4] = 0.25
    for method.low, kept in ((0.0, True), (1.0, False)):
        method.k = 5
        method.clean(z, wrong, said)
        target = method.targets
        assert torch.equal(target[:4].argmax(-1), wrong[:4]) == kept
        found = np.linalg.solve(
            np.eye(count) - 0.5 * dense(*nearest(z, 5)), (said / said.sum(0)).numpy()
        )
        found /= found.sum(1, keepdims=True)
        score = found[np.arange(count), wrong]
        np.testing.assert_allclose(method.support, score, atol=1e-5)
        if not kept:
            np.testing.assert_allclose(target, found, atol=1e-5)


def with_wrong(method, count):
    """Embeddings that go by the right labels, those, and labels whose first `count` are wrong."""
    right = method.targets.argmax(-1)
    z = unit(torch.eye(4)[right] + 0.1 * points(len(right))[:, :1].float())
    noisy = right.clone()
    noisy[:count] = (right[:count] + 1) % 4
    return z, right, noisy


def test_selected_are_the_largest_pieces_by_the_corrected_labels(method):
    z, right, noisy = with_wrong(method, 12)
    method.k, method.low, method.high = 5, 0.9, 0.6
    method.clean(z, noisy, F.one_hot(right, 4).float())
    largest, corrected = method.targets.max(-1)
    neighbours, sure = nearest(z, 5)[1], largest > 0.6
    wanted = pieces(neighbours, corrected, sure)
    assert method.selected.tolist() == wanted != pieces(neighbours, noisy, sure)


def test_a_kept_label_is_selected_though_no_score_is_above_high(method):
    z, right, noisy = with_wrong(method, 4)
    method.k, method.low, method.high = 5, 0.5, 1.0
    method.clean(z, noisy, F.one_hot(right, 4).float())
    kept = method.support > 0.5
    assert kept.tolist() == [False] * 4 + [True] * (len(right) - 4)
    assert method.selected.tolist() == pieces(nearest(z, 5)[1], noisy, kept)


def test_where_nothing_is_selected_everything_is(method):
    method.low = method.high = 1.0
    count = len(method.selected)
    labels = torch.arange(count) % 4
    method.clean(points(count).float(), labels, torch.full((count, 4), 0.25))
    assert method.selected.all()


def test_an_update_classifies_the_selected_by_their_corrected_labels(method, monkeypatch):
    seen = {}

    def mix(x, target, alpha):
        seen.update(x=x, target=target, alpha=alpha)
        return x.flip(0), target

    monkeypatch.setattr(ngc, "mix", mix)
    method.eval()
    method.warming, method.weight = False, 0.6
    index, noisy = torch.arange(5), torch.zeros(5, dtype=torch.int64)
    corrected = torch.tensor([1, 3, 2, 1, 3])
    method.targets[:5] = F.one_hot(corrected, 4).float()
    method.selected[:5] = torch.tensor([True, False, True, True, False])
    views = tuple(torch.rand(2, 5, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    found = method.loss(Batch(views, noisy, index))
    x = torch.cat([view[[0, 2, 3]] for view in views])
    target = torch.eye(4)[[1, 2, 1]].repeat(2, 1)
    assert torch.equal(seen["x"], x) and torch.equal(seen["target"], target) and seen["alpha"] == 8
    told = -(method.net(x.flip(0)).log_softmax(-1) * target).sum(-1).mean()
    z = [method.both(view)[1] for view in views]
    contrast = method.contrast(*z, corrected, method.selected[:5])
    assert torch.allclose(found, told + 0.6 * contrast, atol=1e-5)


def test_what_was_not_selected_says_the_average_of_the_logits_so_far(method):
    count, draw, said = len(method.selected), torch.Generator().manual_seed(0), []
    logits = torch.randn(3, count, 4, generator=draw, dtype=torch.float64)
    corrected = torch.rand(count, 4, generator=draw)
    data = type("Labelled", (), {"labels": method.targets.argmax(-1)})
    first = method.targets.clone()
    method.clean = lambda embedding, labels, given: said.append(given.double())
    method.average.zero_()
    for epoch, now in enumerate(logits, 1):
        method.survey = lambda data, now=now: (now.float(), None)
        method.begin_epoch(epoch, data)
        method.targets.copy_(corrected)
        method.selected.copy_(torch.arange(count) % 3 == 0)
    assert torch.equal(said[0], first.double())
    for epoch in (2, 3):
        share = [0.4 * 0.6 ** (epoch - e) for e in range(1, epoch + 1)]
        mean = sum(s * now for s, now in zip(share, logits, strict=False)) / sum(share)
        wanted = mean.softmax(-1)
        wanted[::3] = torch.eye(4, dtype=torch.float64)[corrected[::3].argmax(-1)]
        assert torch.allclose(said[epoch - 1], wanted, atol=1e-5)


def test_a_batch_without_a_selected_sample_has_its_contrastive_losses_alone():
    run = small_run("ngc", epochs=1, options=GENTLE | {"warm_up": 0})
    finish(run)
    method = run.method
    method.selected.fill_(False)
    x = torch.rand(2, 3, 1, 8, 8)
    batch = type("Views", (), {"views": tuple(x), "index": torch.arange(3)})
    method.eval()
    z = [method.both(view)[1] for view in x]
    nothing = torch.zeros(3, dtype=torch.bool)
    alone = method.contrast(*z, torch.zeros(3, dtype=torch.int64), nothing)
    assert torch.allclose(method.loss(batch), alone, atol=1e-6)


def test_the_judgement_of_labels_is_better_than_chance():
    run = small_run("ngc", dataset=random_dataset(200), epochs=12, lr=0.05, options=GENTLE)
    finish(run)
    split, method = run.data.train, run.method
    right, support = split.labels == split.clean, method.clean_probability()
    assert support[right].mean() > support[~right].mean() + 0.2
    chosen = method.corrected_labels().argmax(-1)[method.selected]
    assert (chosen == split.clean[method.selected]).float().mean() > right.float().mean() + 0.1
