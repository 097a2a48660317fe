"""Sel-CL: its confident pairs against loops over all of them, and who learns from what."""

from __future__ import annotations

import copy
import math
from itertools import islice

import numpy as np
import pytest
import torch
from neighbours_helpers import clusters, seen_mixing, two_votes
from training_helpers import finish, random_dataset, small_run

from lnl_core.data import Batch
from lnl_core.losses.contrastive import unit
from lnl_core.losses.supervised_contrastive import pair_cross_entropy
from lnl_core.methods.neighbours import knn, sel_cl
from lnl_core.methods.neighbours.confident import Confident
from lnl_core.methods.neighbours.keys import Keys
from lnl_core.methods.neighbours.knn import similarity_quantile
from lnl_core.methods.neighbours.sel_cl import Part, Views

#: Strong views would move what tells the classes of `random_dataset` apart.
GENTLE = {"view": "weak", "memory": 10, "negatives": 40}


def finish_first(options=GENTLE, **given):
    """The first stage's method."""
    run = small_run("sel-cl-plus", options=options, **given)
    for record in run:
        method = run.method
        if record.epoch == run.config.train.epochs:
            return method
    raise AssertionError("the first stage has no last epoch")


@pytest.fixture
def method():
    method, draw = finish_first(epochs=1), torch.Generator().manual_seed(5)
    trusted = method.trusted
    count = len(trusted.labels)
    trusted.labels.copy_(torch.arange(count) % 2)
    trusted.samples.copy_(torch.arange(count) % 3 == 0)
    trusted.embedding.copy_(unit(torch.randn(count, 128, generator=draw)))
    trusted.embedding[7] = trusted.embedding[5]
    trusted.threshold.fill_(0.5)
    return method


def is_pair(trusted, i: int, j: int) -> bool:
    """The definition, for one pair."""
    near = float(trusted.embedding[i].double() @ trusted.embedding[j].double()) >= 0.5
    both = bool(trusted.samples[i] and trusted.samples[j])
    return i != j and trusted.labels[i] == trusted.labels[j] and (both or near)


def test_a_pair_is_confident_as_defined(method):
    index = torch.arange(12)
    found = method.trusted.pairs(index, index).tolist()
    assert found == [[bool(is_pair(method.trusted, i, j)) for j in range(12)] for i in range(12)]
    assert found[5][7] and found[0][6] and not found[1][3] and not found[0][3]


def test_without_a_threshold_nobody_makes_a_pair(method):
    method.trusted.threshold.fill_(math.inf)
    assert not method.trusted.pairs(torch.arange(20), torch.arange(20)).any()


def same_label_pairs(z, labels, chosen) -> list[float]:
    """The similarities of all pairs of chosen samples that share a label."""
    return [
        float(z[i].double() @ z[j].double())
        for i in range(len(z))
        for j in range(i)
        if chosen[i] and chosen[j] and labels[i] == labels[j]
    ]


@pytest.mark.parametrize("block", [7, 2**25])
@pytest.mark.parametrize("quantile", [0.0, 0.25, 0.5, 1.0])
def test_the_threshold_is_the_quantile_over_the_confident_pairs(quantile, block, monkeypatch):
    monkeypatch.setattr(knn, "BLOCK", block)
    draw = torch.Generator().manual_seed(1)
    z = unit(torch.randn(40, 4, generator=draw, dtype=torch.float64))
    labels, chosen = torch.arange(40) % 3, torch.rand(40, generator=draw) < 0.7
    wanted = np.quantile(same_label_pairs(z, labels, chosen), quantile, method="inverted_cdf")
    found = similarity_quantile(z, labels, chosen, quantile).item()
    assert found <= wanted + 1e-6 and found == pytest.approx(wanted, abs=1.1e-4)


def test_who_is_confident_goes_by_two_votes_and_the_threshold_by_them():
    labels = torch.arange(60) % 4
    z = clusters(labels, seed=3)
    trusted = Confident(labels, 4, 7, 0.5, 0.25)
    trusted.select(z, 4)
    kept, support = two_votes(z, labels, 7, 0.5)
    assert 0 < kept.sum() < len(kept)
    assert trusted.samples.tolist() == kept.tolist()
    np.testing.assert_allclose(trusted.support, support, atol=1e-6)
    wanted = np.quantile(same_label_pairs(z, labels, kept), 0.25, method="inverted_cdf")
    assert trusted.threshold.item() == pytest.approx(wanted, abs=1.1e-4)
    assert torch.equal(trusted.embedding, z)  # by which pairs are found


def test_where_no_two_confident_samples_share_a_label_there_is_no_threshold():
    z, labels = unit(torch.randn(4, 3)), torch.tensor([0, 0, 1, 1])
    chosen = torch.tensor([True, False, True, False])
    assert similarity_quantile(z, labels, chosen, 0.25) == math.inf


def test_the_comparison_of_a_batch_is_the_formula(method):
    draw = torch.Generator().manual_seed(8)
    index, minor = torch.tensor([0, 5, 6, 3]), torch.tensor([5, 0, 3, 6, 0, 7, 5, 3])
    main = index.repeat(2)
    z = unit(torch.randn(8, 3, generator=draw, dtype=torch.float64))
    p = torch.randn(8, 4, generator=draw, dtype=torch.float64).softmax(-1)
    share = torch.rand(8, generator=draw, dtype=torch.float64)
    views, others = Views(z, p, main), ~torch.eye(8, dtype=torch.bool)
    paired, alike, pairwise = method._compare(views, minor, share, views, others)
    costs, told = [], []
    for i in range(8):
        rest = [r for r in range(8) if r != i]
        below = sum(math.exp(z[i] @ z[r] / 0.1) for r in rest)
        parts = []
        for one in (int(main[i]), int(minor[i])):
            likes = {
                j for j in rest if main[j] == one or is_pair(method.trusted, one, int(main[j]))
            }
            terms = [-math.log(math.exp(z[i] @ z[j] / 0.1) / below) for j in likes]
            agree = [(float(p[i] @ p[j]), j in likes) for j in rest]
            pair = [-math.log((a if like else 1 - a) + 1e-7) for a, like in agree]
            parts.append((sum(terms) / max(1, len(terms)), sum(pair)))
        weight = float(share[i]), 1 - float(share[i])
        costs.append(sum(w * part[0] for w, part in zip(weight, parts, strict=True)))
        told.append(sum(w * part[1] for w, part in zip(weight, parts, strict=True)))
    has = [any(is_pair(method.trusted, int(i), int(j)) for j in index) for i in index]
    assert paired.tolist() == has == [True, False, True, False]
    wanted = [(costs[i] + costs[i + 4]) / 2 if has[i] else 0.0 for i in range(4)]
    np.testing.assert_allclose(alike, wanted, rtol=1e-6)
    assert pairwise.item() == pytest.approx(sum(told) / 56, rel=1e-6)


@pytest.mark.parametrize("remembering", [False, True])
def test_an_update_minimises_the_sum_of_its_parts(method, remembering, monkeypatch):
    draw, mixed = torch.Generator().manual_seed(2), seen_mixing(monkeypatch, sel_cl)

    def batch_of(*index):
        views = tuple(torch.rand(2, len(index), 1, 8, 8, generator=draw))
        return Batch(views, method.trusted.labels[list(index)], torch.tensor(index))

    method.eval()
    method.warming, method.remembering, method.weight_c, method.weight_s = (
        False, remembering, 0.7, 0.3,
    )  # fmt: skip
    batch, sure = batch_of(0, 1, 6, 3), batch_of(9, 12, 4)
    negatives, memory = (copy.deepcopy(each) for each in (method.keys.negatives, method.memory))
    found = method.loss(Part(batch, sure)).detach()

    method.keys.negatives = negatives
    query = method.both(batch.views[0])[1]
    alone = method.keys.instance(query, batch.views[1], batch.index, 0.1).detach()
    logits, z = method.both(mixed[0].x)
    views = Views(z, logits.softmax(-1), batch.index.repeat(2))
    compared = [(views, ~torch.eye(8, dtype=torch.bool))]
    if remembering:
        held = Views(memory.embedding, memory.predicted, memory.index)
        compared.append((held, memory.known.expand(8, -1)))
    given = batch.index[mixed[0].minor], mixed[0].share
    parts = [method._compare(views, *given, *each) for each in compared]
    paired = torch.stack([part[0] for part in parts]).any(0).tolist()
    alike, pairwise = (sum(part[place] for part in parts) for place in (1, 2))
    assert paired[0] and not paired[1]
    log_p, target = method.net(mixed[1].x).log_softmax(-1), torch.eye(4)[sure.labels]
    told = -(log_p * mixed[1].blend(target)).sum(-1).mean()
    for i in range(4):
        wanted = (alike if paired[i] else alone)[i] + 0.7 * told + 0.3 * pairwise
        assert found[i].item() == pytest.approx(wanted.item(), rel=1e-5)


def test_the_keys_loss_is_of_the_other_views_key_among_the_negatives_known(method):
    draw = torch.Generator().manual_seed(4)
    query, key, held = (
        unit(torch.randn(n, 3, generator=draw, dtype=torch.float64)) for n in (4, 4, 6)
    )
    keys = Keys(method, 0.9, 6)
    keys.both = lambda view: (None, view.flip(1))
    keys.negatives.embedding = held.clone()
    keys.negatives.count.fill_(2)
    found = keys.instance(query, key.flip(1), torch.arange(7, 11), 0.2)
    for i in range(4):
        terms = [math.exp(query[i] @ other / 0.2) for other in (key[i], held[0], held[1])]
        assert found[i].item() == pytest.approx(-math.log(terms[0] / sum(terms)), rel=1e-9)
    assert torch.equal(keys.negatives.embedding, torch.cat([held[:2], key]))
    assert keys.negatives.index[2:].tolist() == [7, 8, 9, 10] and keys.negatives.known.all()


def test_the_warm_up_ends_when_it_is_said_to_and_the_memory_joins_after_three_epochs():
    run = small_run("sel-cl-plus", epochs=12, options={"warm_up": 2, "memory": 4})
    seen = [(run.method.warming, run.method.remembering) for _ in islice(run, 4)]
    assert seen == [(epoch <= 2, epoch > 3) for epoch in range(1, 5)]


def test_an_epoch_after_the_warm_up_begins_with_a_judgement_and_so_does_fine_tuning():
    run, selections = small_run("sel-cl-plus", epochs=3, options=GENTLE), []
    for record in run:
        if record.stage == "train":
            first = run.method
            selections.append(first.trusted.selections.item())
    assert selections == [0, 1, 2] and first.trusted.selections == 3
    assert torch.equal(run.method.kept, first.trusted.samples)


def test_pairs_cost_most_where_predictions_contradict_them():
    agreement, alike = torch.tensor([0.9, 0.9, 0.1, 0.1]), torch.tensor([True, False, True, False])
    wanted = [-math.log(0.9), -math.log(0.1), -math.log(0.1), -math.log(0.9)]
    assert pair_cross_entropy(agreement, alike).tolist() == pytest.approx(wanted, rel=1e-4)
    assert (
        pair_cross_entropy(torch.tensor([0.0, 1.0]), torch.tensor([True, False])).isfinite().all()
    )


def test_the_keys_follow_by_a_moving_average():
    before = finish_first(epochs=1)
    for momentum in (0.0, 0.75):
        method = finish_first(GENTLE | {"momentum": momentum}, epochs=1, lr=1e-9, batch_size=1000)
        start = [key.clone() for key in method.keys.net.parameters()]
        with torch.no_grad():
            for own in method.net.parameters():
                own.add_(1.0)
        part = type("Nothing", (), {})
        method.loss = lambda part: torch.zeros(2, requires_grad=True)
        method.step(part, torch.optim.SGD(method.net.parameters(), lr=0.0))
        for old, own, key in zip(
            start, method.net.parameters(), method.keys.net.parameters(), strict=True
        ):
            assert torch.allclose(key, momentum * old + (1 - momentum) * own, atol=1e-6)
    assert not any(key.requires_grad for key in before.keys.net.parameters())


def test_where_no_sample_is_confident_all_are_and_no_pair_is(monkeypatch):
    nobody = "lnl_core.methods.neighbours.confident.balanced_selection"
    monkeypatch.setattr(nobody, lambda shares, labels, quantile: torch.zeros_like(labels).bool())
    method = finish_first(epochs=2)
    assert method.trusted.samples.all() and method.trusted.threshold == math.inf
    assert not method.trusted.pairs(torch.arange(9), torch.arange(9)).any()
    assert method.diagnostics() == {"confident": 1.0}


def test_the_judgement_of_labels_is_better_than_chance():
    run = small_run("sel-cl-plus", dataset=random_dataset(200), epochs=8, lr=0.02, options=GENTLE)
    finish(run)
    assert [record.stage for record in run.history] == ["train"] * 8 + ["fine-tune"] * 8
    split = run.data.train
    right, support = split.labels == split.clean, run.method.clean_probability()
    assert support[right].mean() > support[~right].mean() + 0.2
    assert not run.method.kept.all()
