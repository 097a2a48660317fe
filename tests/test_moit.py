"""MOIT: its interpolated loss against loops in float64, what it keeps, and what becomes of the
rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from training_helpers import finish, random_dataset, small_run

from lnl_core import TrainingSet
from lnl_core.losses.contrastive import nt_xent, unit
from lnl_core.losses.supervised_contrastive import interpolated_contrastive, supervised_contrastive
from lnl_core.methods.neighbours.embedded import MixedViews


def by_the_book(z, main, minor, share, temperature) -> list[float]:
    """Eq. 1, 2 and 4 for each view, one exponential at a time."""
    z = np.asarray(z, dtype=np.float64)
    total = []
    for i in range(len(z)):
        others = [r for r in range(len(z)) if r != i]
        below = sum(math.exp(z[i] @ z[r] / temperature) for r in others)
        parts = []
        for label in (main[i], minor[i]):
            likes = [j for j in others if main[j] == label]
            costs = [-math.log(math.exp(z[i] @ z[j] / temperature) / below) for j in likes]
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
