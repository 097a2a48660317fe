"""INCV: which samples are selected and removed, the noise rate, the candidates, and the stages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from training_helpers import finish, random_dataset, small_run

from lnl_core import TrainingSet, configure
from lnl_core.methods.selection.cross_validated import (
    CandidateCoTeaching,
    Fold,
    selected_noise_rate,
)
from lnl_core.methods.selection.iterative_cv import choose, noise_rate


def made(cls, **options):
    """A method without dropout on 48 samples in batches of 16, so that a formula can follow it."""
    run = small_run()
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    data = TrainingSet(run.data, run.config.train)
    return run.build(cls, **options), data


def mask(*members: int) -> torch.Tensor:
    return torch.zeros(48, dtype=torch.bool).index_fill(0, torch.tensor(members), True)


def test_selected_is_what_is_predicted_and_removed_what_is_worst():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(60, 4, generator=draw, dtype=torch.float64) * 3
    labels = torch.randint(4, (60,), generator=draw)
    selected, removed = choose(logits, labels, 0.45)
    table = logits.numpy()
    loss = np.log(np.exp(table).sum(1)) - table[np.arange(60), labels]
    right = table.argmax(1) == labels.numpy()
    count = int(0.45 / 0.55 * right.sum())
    worst = np.zeros(60, dtype=bool)
    worst[np.argsort(-loss)[:count]] = True
    assert selected.tolist() == right.tolist()
    assert removed.tolist() == (worst & ~right).tolist()
    assert 0 < removed.sum() < (~right).sum()


def test_without_noise_nothing_is_removed_and_at_most_two_to_each_selected():
    logits, labels = torch.eye(10).repeat(3, 1), torch.arange(10).repeat(3)
    labels[3:] = (labels[3:] + 1) % 10
    selected, removed = choose(logits, labels, 0.0)
    assert selected.sum() == 3 and removed.sum() == 0
    assert choose(logits, labels, 0.89)[1].sum() == 6


@pytest.mark.parametrize("num_classes", [2, 4, 10])
def test_the_rate_solves_the_papers_equation(num_classes):
    for rate in np.linspace(0, 1 - 1 / num_classes, 7):
        agreement = (1 - rate) ** 2 + rate**2 / (num_classes - 1)
        assert noise_rate(agreement, num_classes) == pytest.approx(rate, abs=1e-6)
    assert noise_rate(0.0, num_classes) == pytest.approx(1 - 1 / num_classes)


def test_the_rate_among_the_selected_is_that_of_labels_and_predictions_drawn_alike():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 5, 400_000)
    labels, predicted = (
        np.where(rng.random(true.size) < 0.4, (true + rng.integers(1, 5, true.size)) % 5, true)
        for _ in range(2)
    )
    wrong = (labels != true)[labels == predicted].mean()
    assert selected_noise_rate(0.4, 5) == pytest.approx(wrong, abs=3e-3)


def test_a_fold_learns_from_its_samples_and_keeps_its_best_judgement():
    inside, outside = torch.arange(20), torch.arange(20, 48)
    fold, data = made(Fold, inside=inside, outside=outside)
    seen = torch.cat([batch.index for batch in fold.batches(data)])
    assert sorted(seen.tolist()) == inside.tolist()
    with torch.no_grad():
        fold.judge(data)
        first = fold.judged.clone()
        expected = fold.net(data.take(outside, ("plain",)).x)
        torch.testing.assert_close(first, expected)
        agreement = (expected.argmax(-1) == data.labels[outside]).double().mean()
        assert fold.agreement == agreement > 0
        fold.net.head.bias.add_(torch.tensor([9.0, 0, 0, 0]))
        fold.agreement.fill_(1.0)  # as if an earlier epoch had agreed with every label
        fold.judge(data)
        assert torch.equal(fold.judged, first)
        fold.agreement.fill_(-1.0)
        fold.judge(data)
        assert not torch.equal(fold.judged, first)


def test_a_fold_is_judged_after_each_of_its_epochs(monkeypatch):
    judged, real = [], Fold.judge

    def counted(fold, data):
        judged.append(fold)
        real(fold, data)

    monkeypatch.setattr(Fold, "judge", counted)
    finish(small_run("iterative-cv", epochs=3, options={"iterations": 1}))
    assert [judged.count(fold) for fold in set(judged)] == [3, 3]


def test_candidates_come_after_the_warm_up_in_proportion_and_at_most_half_as_many():
    selected, candidates = mask(*range(32)), mask(*range(32, 40))
    method, data = made(
        CandidateCoTeaching, selected=selected, candidates=candidates, rate=0.3, warm_up=1
    )
    for epoch, expected in ((1, [16, 16]), (2, [20, 20])):  # 16 · 8 / 32 more
        method.begin_epoch(epoch, data)
        batches = list(method.batches(data))
        assert [len(batch.index) for batch in batches] == expected
        assert all(selected[batch.index].sum() == 16 for batch in batches)
    few = mask(*range(8))
    method, data = made(CandidateCoTeaching, selected=few, candidates=~few, rate=0.3, warm_up=0)
    method.begin_epoch(1, data)
    assert [len(batch.index) for batch in method.batches(data)] == [12]


def test_each_net_learns_the_peers_smallest_as_many_as_selected_times_the_share():
    selected, candidates = mask(*range(32)), mask(*range(32, 48))
    method, data = made(
        CandidateCoTeaching, selected=selected, candidates=candidates, rate=0.6, warm_up=0, ramp=2
    )
    share = 0.6**2 / (0.6**2 + 3 * 0.4**2)
    for epoch, done in ((1, 0), (2, 0.5), (9, 1)):
        method.begin_epoch(epoch, data)
        batch = next(iter(method.batches(data)))
        values = []
        for net in (method.net, method.peer):
            logits = net(batch.x).detach().double().numpy()
            own = logits[np.arange(24), batch.labels]
            values.append(np.log(np.exp(logits).sum(1)) - own)
        count = round(16 * (1 - share * done))
        small = [np.argsort(each)[:count] for each in values]
        expected = values[0][small[1]].mean() + values[1][small[0]].mean()
        assert method.loss(batch).mean().item() == pytest.approx(expected, rel=1e-4)


def test_asymmetric_noise_removes_nothing_and_warms_up_longer():
    plain, asymmetric = (
        finish(small_run("iterative-cv", epochs=10, options={"asymmetric": flag, "iterations": 1}))
        for flag in (False, True)
    )
    assert (asymmetric.method.warm_up, plain.method.warm_up) == (5, 2)
    left = [run.method.selected | run.method.candidates for run in (plain, asymmetric)]
    assert not left[0].all() and left[1].all()
    rate = float(asymmetric.estimates["noise_rate"])
    assert asymmetric.method.forget_rate == pytest.approx(rate**2 / (rate**2 + (1 - rate) ** 2))


@pytest.mark.parametrize(("count", "learned"), [(0, 48), (1, 48), (2, 2)])
def test_where_fewer_than_two_are_selected_all_samples_are(count, learned):
    few = torch.arange(48) < count
    method, data = made(CandidateCoTeaching, selected=few, candidates=~few, rate=0.5)
    method.begin_epoch(1, data)
    batches = list(method.batches(data))
    assert sum(len(batch.index) for batch in batches) == method.selected.sum() == learned
    assert not (method.selected & method.candidates).any()
    assert all(method.loss(batch).isfinite().all() for batch in batches)


def test_halves_are_judged_by_nets_that_have_not_seen_them():
    run, folds = small_run("iterative-cv", epochs=1), {}
    for record in run:
        if isinstance(run.method, Fold):
            folds[record.stage] = run.method
    assert list(folds)[:4] == ["fold-1a", "fold-1b", "fold-2a", "fold-2b"]
    for fold in folds.values():
        assert not set(fold.inside.tolist()) & set(fold.outside.tolist())
    a, b = folds["fold-1a"], folds["fold-1b"]
    assert sorted((*a.outside.tolist(), *b.outside.tolist())) == list(range(48))
    assert sorted(a.inside.tolist()) == sorted(b.outside.tolist())
    second = [set(folds[name].inside.tolist()) for name in ("fold-2a", "fold-2b")]
    chosen = second[0] & second[1]  # what the first iteration selected trains both
    predicted = {
        index
        for fold in (a, b)
        for index, row in zip(fold.outside.tolist(), fold.judged, strict=True)
        if row.argmax() == run.data.train.labels[index]
    }
    assert chosen == predicted != set()


def test_it_selects_clean_labels_and_learns_from_them():
    given = {"noise": "symmetric:0.4", "epochs": 15, "dataset": random_dataset(300)}
    run = finish(small_run("iterative-cv", **given))
    right = run.data.train.labels == run.data.train.clean
    assert right[run.method.selected].double().mean() > 0.85  # 0.6 of all labels are
    assert roc_auc_score(right, run.method.clean_probability()) > 0.9
    # Below the 0.4 that there is: a good network agrees with more labels than the theory has it.
    assert 0.15 < float(run.estimates["noise_rate"]) < 0.45
    assert run.history[-1].stage == "train" and run.history[-1].test_accuracy > 0.9


def test_the_settings_say_when_noise_is_asymmetric():
    asymmetric = configure("iterative-cv", "cifar10", "asymmetric:0.4", profile="paper")
    symmetric = configure("iterative-cv", "cifar10", "symmetric-inclusive:0.4", profile="paper")
    assert asymmetric.options == {"asymmetric": True} and symmetric.options == {}
