"""JNPL: its losses and their gradients against the paper's formulas in float64, whom it is sure of,
and what the later stages learn from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from training_helpers import Says, finish, random_dataset, small_run

from lnl_core import InputError, TrainConfig, TrainingSet
from lnl_core.losses.negative import negative, negative_plus, positive_plus
from lnl_core.methods.selection.jpl import JNPL, sureness


def random_logits() -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return 2 * torch.randn(6, 4, generator=draw, dtype=torch.float64).requires_grad_()


LABELS = torch.tensor([0, 1, 2, 3, 0, 1])


def slopes(loss: torch.Tensor, logits: torch.Tensor) -> np.ndarray:
    return torch.autograd.grad(loss.sum(), logits)[0].numpy()


@pytest.mark.parametrize("plus", [False, True])
def test_negative_learning_and_its_gradient_are_the_formulas(plus):
    logits = random_logits()
    loss = (negative_plus if plus else negative)(logits, LABELS)
    found = slopes(loss, logits)
    for i, row in enumerate(logits.detach().softmax(-1).tolist()):
        own, label = row[LABELS[i]], int(LABELS[i])
        bracket = 1 - own if plus else 1.0
        assert loss[i].item() == pytest.approx(-bracket * math.log(1 - own), rel=1e-9)
        wanted = [bracket * (own if k == label else -own * row[k] / (1 - own)) for k in range(4)]
        np.testing.assert_allclose(found[i], wanted, rtol=1e-9)


def test_over_all_other_classes_it_has_the_gradient_of_mean_absolute_error():
    logits = random_logits()
    others = (LABELS[:, None] + torch.arange(1, 4)) % 4
    summed = negative_plus(logits.unsqueeze(1).expand(-1, 3, -1), others)
    absolute = 1 - logits.softmax(-1).gather(1, LABELS[:, None])
    np.testing.assert_allclose(slopes(summed, logits), slopes(absolute, logits), rtol=1e-9)


@pytest.mark.parametrize("terms", [0, 3])
def test_positive_learning_and_its_gradient_are_the_formulas(terms):
    logits = random_logits()
    loss = positive_plus(logits, LABELS, terms)
    found = slopes(loss, logits)
    for i, row in enumerate(logits.detach().softmax(-1).tolist()):
        own = row[LABELS[i]]
        product = math.prod(1 + own ** (2**n) for n in range(terms + 1))
        assert loss[i].item() == pytest.approx(-product * math.log(own), rel=1e-9)
        assert found[i, LABELS[i]] == pytest.approx(-(1 - own ** (2 ** (terms + 1))), rel=1e-9)


def test_a_network_that_is_sure_of_one_class_is_moved_by_the_plain_loss_alone():
    logits = torch.tensor([[30.0, 0, 0, 0]], dtype=torch.float64, requires_grad=True)
    wrong = torch.tensor([0])
    assert abs(slopes(negative_plus(logits, wrong), logits)).max() < 1e-9
    assert slopes(negative(logits, wrong), logits)[0, 0] == pytest.approx(1)


def test_losses_are_finite_where_a_probability_is_rounded_to_1():
    logits = torch.tensor([[200.0, 0, 0, 0]], requires_grad=True)
    for loss in (negative, negative_plus):
        value = loss(logits, torch.tensor([0]))
        assert value.isfinite().all() and np.isfinite(slopes(value, logits)).all()


def test_sure_is_who_has_the_label_largest_and_no_other_class_above_chance():
    p = torch.tensor([[0.7, 0.2, 0.1, 0.0], [0.6, 0.3, 0.1, 0.0], [0.7, 0.2, 0.1, 0.0]])
    found = sureness(p, torch.tensor([0, 0, 1]))
    assert found.tolist() == pytest.approx([0.7, 0.0, 0.0])


def training_set(epochs: int = 8) -> TrainingSet:
    return TrainingSet(small_run().data, TrainConfig(epochs=epochs, batch_size=16))


@pytest.mark.parametrize("epoch", [1, 2])
def test_the_loss_is_nl_plus_of_all_others_and_pl_plus_of_the_drawn(monkeypatch, epoch):
    """Eq. 4; NL without its bracket in the warm-up."""
    draw, data, asked = torch.Generator().manual_seed(2), training_set(), []
    drawn = torch.arange(6) % 2 * 1.0
    monkeypatch.setattr(torch, "bernoulli", lambda chance: asked.append(chance) or drawn)
    batch = data.take(torch.arange(6))
    logits = torch.randn(6, 4, generator=draw)
    logits[range(3), batch.labels[:3]] += 4  # of these three it is sure
    method = JNPL(Says(logits), data, weight=2.5, terms=2, warm_up=1)
    method.begin_epoch(epoch, data)
    loss = method.loss(batch)
    for i, row in enumerate(logits.double().softmax(-1).tolist()):
        own = row[batch.labels[i]]
        wanted = 0.0
        for k, p in enumerate(row):
            if k != batch.labels[i]:
                wanted -= (1 if epoch == 1 else 1 - p) * math.log(1 - p)
        product = (1 + own) * (1 + own**2) * (1 + own**4)
        wanted -= 2.5 * drawn[i].item() * product * math.log(own)
        assert loss[i].item() == pytest.approx(wanted, rel=1e-4)
    (chance,) = asked
    torch.testing.assert_close(chance, sureness(logits.softmax(-1), batch.labels))
    assert (chance > 0).any() and (chance == 0).any()


def test_the_warm_up_is_a_quarter_of_the_stages_epochs_unless_given():
    for given, lasts in ((None, 5), (2, 2), (0, 0)):
        method = JNPL(Says(torch.zeros(1, 4)), training_set(8), warm_up=given)
        warm = []
        for epoch in range(1, 21):
            method.begin_epoch(epoch, training_set(20))
            warm += [epoch] if method.warming else []
        assert warm == list(range(1, lasts + 1))


def test_the_filters_own_number_of_epochs_sets_its_warm_up():
    options = {"pseudo_labels": False}
    run = small_run("jpl", epochs=4, options=options, stages={"filter": {"epochs": 12}})
    warm = [record.epoch for record in run if run.method.warming]
    assert len(run.history) == 12 and warm == [1, 2, 3]


def test_complementary_labels_are_others_and_different(monkeypatch):
    run = small_run("jpl", epochs=1, options={"complementary": 2, "pseudo_labels": False})
    finish(run)
    seen = []
    monkeypatch.setattr(
        "lnl_core.methods.selection.jpl.negative",
        lambda logits, others: seen.append(others) or logits[..., 0],
    )
    batch = type("Labelled", (), {})
    batch.x, batch.labels, batch.index = torch.rand(40, 1, 8, 8), torch.arange(40) % 4, LABELS[:1]
    batch.index = torch.arange(40)
    run.method.loss(batch)
    (others,) = seen
    assert others.shape == (40, 2)
    assert (others != batch.labels[:, None]).all() and (others[:, 0] != others[:, 1]).all()
    assert set(others.flatten().tolist()) == {0, 1, 2, 3}


def test_more_complementary_labels_than_there_are_are_refused():
    with pytest.raises(InputError, match="at most 3"):
        finish(small_run("jpl", options={"complementary": 4}))


def test_the_second_network_learns_from_kept_samples_and_the_third_from_what_it_says():
    run = small_run("jpl", dataset=random_dataset(200), epochs=8)
    methods = {}
    for record in run:
        methods[record.stage] = run.method
    assert list(methods) == ["filter", "clean", "pseudo-label"]
    split, clean = run.data.train, methods["clean"]
    right = split.labels == split.clean
    assert 0 < clean.kept.sum() < len(clean.kept)
    assert right[clean.kept].float().mean() > right.float().mean() + 0.1
    support = clean.clean_probability()
    assert torch.equal(clean.kept, support >= 0.5)
    said = torch.from_numpy(run.posteriors(clean)[: len(right)])
    assert torch.allclose(methods["pseudo-label"].labels, said)


def test_where_no_label_is_believed_all_samples_are_learned_from():
    run = small_run("jpl", epochs=1, options={"cut": 1.0})
    for record in run:
        if record.stage == "clean":
            assert run.method.kept.all()
