"""MOIT: its interpolated loss against loops in float64, what it keeps, and what becomes of the
rest."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
import torch
from neighbours_helpers import clusters, seen_mixing, two_votes
from training_helpers import finish, random_dataset, small_run, softmax

from lnl_core import TrainingSet
from lnl_core.data import Batch
from lnl_core.losses.contrastive import nt_xent, unit
from lnl_core.losses.supervised_contrastive import interpolated_contrastive, supervised_contrastive
from lnl_core.methods.neighbours import moit
from lnl_core.methods.neighbours.embedded import MixedViews


def by_the_book(z, main, minor, share, temperature, held=None) -> list[float]:
    """Eq. 1, 2 and 4 for each view, one exponential at a time: among the other views, or among the
    embeddings and labels that a memory has held."""
    seen, labels = held or (z, main)
    z, seen = (np.asarray(each, dtype=np.float64) for each in (z, seen))
    total = []
    for i in range(len(z)):
        others = [r for r in range(len(seen)) if held or r != i]
        below = sum(math.exp(z[i] @ seen[r] / temperature) for r in others)
        parts = []
        for label in (main[i], minor[i]):
            likes = [j for j in others if labels[j] == label]
            costs = [-math.log(math.exp(z[i] @ seen[j] / temperature) / below) for j in likes]
            parts.append(sum(costs) / len(costs) if costs else 0.0)
        total.append(share[i] * parts[0] + (1 - share[i]) * parts[1])
    return total


#: Strong views would move what tells the classes of `random_dataset` apart.
GENTLE = {"view": "weak", "memory": 20}


def small_method(**options):
    run = small_run("moit", epochs=1, options={"memory": 4} | options)
    finish(run)
    return run.method


def test_the_contrastive_loss_of_a_batch_is_the_formula():
    method, draw = small_method(), torch.Generator().manual_seed(3)
    labels = torch.tensor([0, 1, 0, 2, 3])  # 2 and 3 have no like but their other views
    orders = torch.cat([torch.randperm(5, generator=draw) for _ in range(2)])
    share = torch.rand(10, generator=draw, dtype=torch.float64)
    z = unit(torch.randn(10, 3, generator=draw, dtype=torch.float64))
    mixed = MixedViews(z, torch.arange(5).repeat(2), orders, share)
    method.remembering = False
    batch = type("Labelled", (), {"labels": labels})
    found = method.contrast(z, mixed, batch)
    main, minor = labels.repeat(2).tolist(), labels[orders].tolist()
    wanted = by_the_book(z, main, minor, share.tolist(), 0.1)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_the_memory_adds_a_term_of_those_it_holds_and_no_others():
    method = small_method()
    method.memory.count.fill_(3)  # of 32 places
    method.memory.embedding.copy_(unit(torch.randn(32, 128)))
    method.memory.index.copy_(torch.arange(32))
    method.labels[:3] = torch.tensor([0, 1, 1])
    z = unit(torch.randn(4, 128))
    mixed = MixedViews(z, torch.tensor([0, 1, 0, 1]), torch.tensor([1, 0, 0, 1]), torch.ones(4))
    batch = type("Labelled", (), {"labels": torch.tensor([1, 2])})
    values = []
    for method.remembering in (False, True):
        values.append(method.contrast(z, mixed, batch))
    similarity = (z @ method.memory.embedding[:3].T / 0.1).double()
    terms = -(similarity - similarity.logsumexp(1, keepdim=True))
    added = (values[1] - values[0]).double()
    assert added[[0, 2]].tolist() == pytest.approx(terms[[0, 2], 1:].mean(1).tolist(), rel=1e-4)
    assert added[[1, 3]].tolist() == [0, 0]  # nothing there has label 2


@pytest.mark.parametrize("remembering", [False, True])
def test_an_update_minimises_the_sum_of_its_parts(remembering, monkeypatch):
    method, mixing = small_method(weight=0.3).eval(), seen_mixing(monkeypatch, moit)
    views = tuple(torch.rand(3, 5, 1, 8, 8, generator=torch.Generator().manual_seed(2)))
    index, labels = torch.arange(5), torch.tensor([0, 1, 0, 2, 1])
    method.correcting, method.remembering = True, remembering
    method.kept[index] = torch.tensor([True, False, True, True, False])
    # As it was before the batch joins it, when it is full.
    memory = method.memory.embedding.tolist(), method.labels[method.memory.index].tolist()
    assert method.memory.known.all()
    found = method.loss(Batch(views, labels, index)).detach()

    (mixed,) = mixing
    logits, z = (each.detach().double().numpy() for each in method.both(mixed.x))
    predicted = softmax(method.net(views[2]).detach().double().numpy())
    target = np.where(method.kept[index, None], np.eye(4)[labels], predicted)
    share = mixed.share.double().numpy()[:, None]
    blended = share * target[mixed.main] + (1 - share) * target[mixed.minor]
    wanted = -(blended * np.log(softmax(logits))).sum(-1)
    given = labels[mixed.main].tolist(), labels[mixed.minor].tolist(), mixed.share.tolist(), 0.1
    for held in (None, memory) if remembering else (None,):
        wanted += 0.3 * np.array(by_the_book(z, *given, held))
    np.testing.assert_allclose(found, wanted.reshape(2, -1).mean(0), rtol=1e-4)


@pytest.mark.parametrize("quantile", [0.0, 0.5, 1.0])
def test_detection_is_two_votes_and_the_best_supported_of_each_class(quantile):
    method = small_method(k=7, quantile=quantile)
    z = clusters(method.labels)
    method.survey = lambda data: (None, z)
    method.detect(type("Labelled", (), {"labels": method.labels}))
    kept, support = two_votes(z, method.labels, 7, quantile)
    assert 0 < kept.sum() < len(kept)
    assert method.kept.tolist() == kept.tolist()
    np.testing.assert_allclose(method.support, support, atol=1e-6)


def test_labels_give_way_after_start_epochs_and_the_memory_joins_after_three():
    run = small_run("moit", epochs=12, options={"start": 5, "memory": 4})
    seen = [(run.method.correcting, run.method.remembering) for _ in islice(run, 6)]
    assert seen == [(epoch > 5, epoch > 3) for epoch in range(1, 7)]


def test_with_one_like_each_it_is_nt_xent():
    first, second = (unit(torch.randn(4, 3, dtype=torch.float64)) for _ in range(2))
    z, main = torch.cat([first, second]), torch.arange(4).repeat(2)
    others = ~torch.eye(8, dtype=torch.bool)
    found = supervised_contrastive(z @ z.T, (main[:, None] == main) & others, others, 0.3)
    assert torch.allclose(found.view(2, -1).mean(0), nt_xent(first, second, 0.3))


def test_who_has_no_like_and_who_has_no_candidate_costs_nothing_and_moves_nothing():
    similarity = torch.randn(2, 3, requires_grad=True)
    nobody, anybody = torch.zeros(2, 3, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)
    for candidates in (nobody, anybody):
        loss = interpolated_contrastive(
            similarity, (nobody, nobody), candidates, 0.1, torch.ones(2)
        )
        assert loss.tolist() == [0, 0]
        (gradient,) = torch.autograd.grad(loss.sum(), similarity)
        assert not gradient.any()


def test_a_target_is_the_label_where_it_is_kept_and_else_the_prediction():
    method = small_method()
    index, labels = torch.tensor([2, 5]), torch.tensor([1, 3])
    method.kept[index] = torch.tensor([True, False])
    plain = torch.rand(2, 1, 8, 8)
    batch = type("Given", (), {"labels": labels, "index": index, "views": (0, 0, plain)})
    method.eval()
    predicted = method.net(plain).softmax(-1)
    method.correcting = False
    assert method._targets(batch).argmax(-1).tolist() == [1, 3]
    method.correcting = True
    target = method._targets(batch)
    assert target[0].tolist() == [0, 1, 0, 0] and torch.equal(target[1], predicted[1])
    assert torch.equal(method.corrected_labels()[5], predicted[1])


def test_where_the_neighbours_agree_with_no_label_all_labels_count(monkeypatch):
    run = small_run("moit", epochs=3, options={"start": 1})
    nobody = "lnl_core.methods.neighbours.moit.balanced_selection"
    monkeypatch.setattr(nobody, lambda shares, labels, quantile: torch.zeros_like(labels).bool())
    finish(run)
    assert run.method.kept.all() and run.history[-1].diagnostics["kept"] == 1


def test_labels_count_for_130_of_250_epochs_unless_told_otherwise():
    for epochs, start in ((250, 130), (100, 52), (1, 1)):
        run = small_run("moit", epochs=epochs)
        next(iter(run))
        assert run.method.start == start


def test_plus_goes_on_with_the_kept_labels_and_a_new_classifier():
    given = {"dataset": random_dataset(200), "lr": 0.02, "options": GENTLE}
    plain = finish(small_run("moit", **given))
    plus = small_run("moit", **given | {"options": GENTLE | {"plus": True}})
    kept = None
    for record in plus:
        if record.stage == "fine-tune" and kept is None:
            kept = plus.method.kept.clone()
    stages = [record.stage for record in plus.history]
    assert stages == ["train"] * 3 + ["fine-tune"] * 3
    assert not kept.all() and torch.equal(kept, plus.method.kept)
    assert [r.test_accuracy for r in plus.history[:3]] == [r.test_accuracy for r in plain.history]


def test_plus_trains_on_kept_samples_alone():
    given = {"dataset": random_dataset(200), "lr": 0.02, "options": GENTLE | {"plus": True}}
    run = finish(small_run("moit", **given))
    training = TrainingSet(run.data, run.config.train)
    seen = torch.cat([batch.index for batch in run.method.batches(training)])
    assert 0 < len(seen) < len(training)
    assert sorted(seen.tolist()) == run.method.kept.nonzero().squeeze(1).tolist()


def test_the_judgement_of_labels_is_better_than_chance():
    given = {"dataset": random_dataset(200), "lr": 0.02, "options": GENTLE}
    run = finish(small_run("moit", epochs=12, **given))
    split = run.data.train
    right, support = split.labels == split.clean, run.method.clean_probability()
    assert support[right].mean() > support[~right].mean() + 0.2
