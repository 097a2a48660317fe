"""L_DMI: the determinant in float64, what noise does to it, where it has none; the two stages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import finish, random_dataset, small_run, softmax, weights

from lnl_core import TrainConfig, TrainingSet
from lnl_core.losses.determinant import determinant_loss, joint
from lnl_core.methods.robust.l_dmi import DMI


def drawn(samples: int, classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(samples, classes, generator=draw, dtype=torch.float64)
    return logits, torch.arange(samples) % classes


@pytest.mark.parametrize(("samples", "classes"), [(9, 3), (64, 10), (7, 2)])
@pytest.mark.parametrize("floor", [0.0, 1e-3, 50.0])
def test_the_loss_is_the_formula(samples, classes, floor):
    logits, labels = drawn(samples, classes)
    counts = np.zeros((classes, classes))
    for p, label in zip(softmax(logits.numpy()), labels, strict=True):
        counts[:, label] += p
    expected = -np.log(abs(np.linalg.det(counts)) + floor) + classes * np.log(samples)
    found = determinant_loss(logits, labels, floor)
    assert found.item() == pytest.approx(expected, rel=1e-10)
    assert joint(logits.softmax(-1), labels).sum().item() == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6), noise=st.floats(0.0, 0.6))
def test_noise_that_does_not_look_adds_a_constant_whatever_the_predictions(seed, classes, noise):
    """Labels that T has corrupted in exactly its shares: 20 copies of a sample, of which T says
    how many have which label."""
    rng = np.random.default_rng(seed)
    moved = rng.multinomial(round(20 * noise), np.ones(classes) / classes, size=classes)
    counts = moved + np.diag(20 - moved.sum(1))
    t = counts / 20
    if abs(np.linalg.det(t)) < 1e-6:
        return
    logits, clean = drawn(8 * classes, classes, seed)
    noisy = torch.cat([torch.arange(classes).repeat_interleave(torch.tensor(counts[y]))
                       for y in clean.tolist()])  # fmt: skip
    with_clean = determinant_loss(logits, clean, floor=0.0)
    with_noisy = determinant_loss(logits.repeat_interleave(20, 0), noisy, floor=0.0)
    shift = -np.log(abs(np.linalg.det(t)))
    assert (with_noisy - with_clean).item() == pytest.approx(shift, abs=1e-7)


def test_cross_entropy_is_not_so():
    """The same labels change which of two classifiers cross-entropy prefers."""
    clean = torch.arange(30) % 3
    noisy = torch.where(torch.arange(30) < 20, 0, clean)  # class 0 named for most
    says = [4.0 * torch.eye(3, dtype=torch.float64)[clean],
            3.0 * torch.tensor([[1.0, 0.3, 0.3]], dtype=torch.float64).expand(30, 3)]  # fmt: skip
    entropy = torch.nn.functional.cross_entropy
    assert entropy(says[0], clean) < entropy(says[1], clean)
    assert entropy(says[0], noisy) > entropy(says[1], noisy)
    assert determinant_loss(says[0], noisy, 0.0) < determinant_loss(says[1], noisy, 0.0)


def test_the_gradient_is_that_of_the_formula():
    logits, labels = drawn(12, 4)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: determinant_loss(z, labels, 1e-3), logits)


@pytest.mark.parametrize("floor", [0.0, 1e-3])
def test_a_label_that_no_sample_has_gives_a_finite_loss_and_no_gradient(floor):
    logits, labels = drawn(12, 4)
    labels = torch.where(labels == 0, 1, labels)
    logits.requires_grad_()
    loss = determinant_loss(logits, labels, floor)
    loss.backward()
    assert loss.isfinite()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize(("samples", "classes"), [(3, 200), (5000, 200), (4, 2)])
def test_no_number_of_classes_or_samples_is_too_many(samples, classes):
    logits, labels = drawn(samples, classes)
    loss = determinant_loss(logits, labels)
    assert loss.isfinite()


def test_a_stack_is_its_models():
    pairs = [drawn(12, 4, seed) for seed in range(3)]
    stacked = determinant_loss(*(torch.stack(parts) for parts in zip(*pairs, strict=True)))
    for value, pair in zip(stacked, pairs, strict=True):
        assert value.item() == pytest.approx(determinant_loss(*pair).item())


def test_the_criterion_is_one_value_for_all_samples_and_judges_the_whole_split():
    run = finish(small_run("l-dmi", epochs=2))
    assert isinstance(run.method, DMI)
    run.method.eval()
    data = run.data
    x = data.preprocess(run.config.train.preprocess)(data.val.x)
    with torch.no_grad():
        logits = run.method.logits(x)
    value = determinant_loss(logits, data.val.labels).item()
    assert run.history[-1].val_loss == pytest.approx(value, rel=1e-6)


def test_two_stages_the_second_from_the_best_epoch_of_the_first():
    run = small_run("l-dmi", epochs=4, options={"rate": 1e-30})
    finish(run)
    assert [record.stage for record in run.history] == ["cross-entropy"] * 4 + ["dmi"] * 4
    best = int(np.argmin([record.val_loss for record in run.history[:4]]))
    alone = small_run("cross-entropy", epochs=4)
    for position, _ in enumerate(alone):
        if position == best:
            break
    for key, value in weights(alone).items():
        assert torch.equal(value, weights(run)[key]), key


def test_with_all_labels_alike_it_stays_where_cross_entropy_ended():
    run = small_run("l-dmi", epochs=2)
    labels = torch.full_like(run.data.train.labels, 2)
    run.data = dataclasses.replace(
        run.data, train=dataclasses.replace(run.data.train, labels=labels)
    )
    finish(run)
    alone = DMI(run.net(), TrainingSet(run.data, TrainConfig(epochs=1, batch_size=8)))
    batch = next(iter(alone.batches(TrainingSet(run.data, TrainConfig(epochs=1, batch_size=8)))))
    alone.loss(batch).mean().backward()
    assert all((p.grad == 0).all() for p in alone.parameters())


def test_it_learns_from_where_cross_entropy_ends():
    given = {"noise": "symmetric:0.5", "epochs": 15, "dataset": random_dataset(400)}
    run = finish(small_run("l-dmi", **given))
    first = next(record for record in run.history if record.stage == "dmi")
    assert run.history[-1].train_loss < first.train_loss
    assert {record.lr for record in run.history} == {0.1, 0.001}


def test_its_batches_are_large_whatever_the_configs():
    data = TrainingSet(small_run(dataset=random_dataset(100)).data, TrainConfig(batch_size=8))
    net = torch.nn.Linear(1, 4)
    sizes = [len(batch.index) for batch in DMI(net, data, batch_size=30).batches(data)]
    assert sizes == [30, 30, 20]
