"""M-correction: its targets and loss against formulas, and samples that cannot be told apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_auc_score
from torch import nn
from training_helpers import finish, random_dataset, small_run

from lnl_core import TrainingSet
from lnl_core.methods.semi_supervised import m_correction
from lnl_core.methods.semi_supervised.m_correction import MCorrection
from lnl_core.methods.semi_supervised.two_betas import upper_component
from lnl_core.optim import make_optimizer


def begun(epoch: int, **options) -> tuple[MCorrection, TrainingSet]:
    """The method at the beginning of that epoch, one of warm-up, without dropout so that a formula
    can follow it."""
    run = small_run()
    run.config = dataclasses.replace(run.config, net_options={"hidden": (12,), "dropout": 0.0})
    method = run.build(MCorrection, **{"warm_up": 1, **options})
    data = TrainingSet(run.data, run.config.train)
    begin(method, data, epoch)
    return method, data


def begin(method: MCorrection, data: TrainingSet, epoch: int) -> None:
    method.eval()
    with torch.no_grad():
        method.begin_epoch(epoch, data)
    method.train()


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


@pytest.fixture
def mixed(monkeypatch):
    """What went into and came out of the last `mix`."""
    seen = {}

    def mix(x, targets, alpha):
        mixed_x, mixed_targets = real(x, targets, alpha)
        seen.update(x=x, targets=targets, alpha=alpha, to_x=mixed_x, to_targets=mixed_targets)
        return mixed_x, mixed_targets

    real = m_correction.mix
    monkeypatch.setattr(m_correction, "mix", mix)
    return seen


def test_labels_give_way_to_the_prediction_by_the_probability_that_they_are_wrong(mixed):
    method, data = begun(2, weight=0.7)
    method.wrong.copy_(torch.rand(len(data), generator=torch.Generator().manual_seed(0)))
    batch = next(iter(method.batches(data)))
    loss = numbers(method.loss(batch))
    w = numbers(method.wrong[batch.index])[:, None]
    z = np.eye(4)[numbers(method.net(batch.x)).argmax(-1)]
    targets = (1 - w) * np.eye(4)[batch.labels] + w * z
    np.testing.assert_allclose(numbers(mixed["targets"]), targets, atol=1e-6)
    assert mixed["alpha"] == 32 and torch.equal(mixed["x"], batch.x)
    logits = numbers(method.net(mixed["to_x"]))
    expected = -(numbers(mixed["to_targets"]) * log_softmax(logits, -1)).sum(-1)
    balance = (0.25 * np.log(0.25 / softmax(logits, -1).mean(0))).sum()
    np.testing.assert_allclose(loss, expected + 0.7 * balance, rtol=1e-4)
    np.testing.assert_allclose(method.corrected_labels()[batch.index], targets, atol=1e-6)


def test_the_probability_is_that_of_the_losses_of_all_samples_at_the_epochs_begin():
    method, data = begun(2)
    logits = numbers(method.net(data.preprocess(data.x)))
    losses = -log_softmax(logits, -1)[np.arange(len(data)), data.labels]
    expected = upper_component(torch.tensor(losses))
    torch.testing.assert_close(method.wrong, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(method.clean_probability(), 1 - expected, atol=1e-4, rtol=0)


def test_in_the_warm_up_it_is_mixup_and_nothing_is_judged(mixed):
    method, data = begun(1)
    batch = next(iter(method.batches(data)))
    loss = numbers(method.loss(batch))
    logits = numbers(method.net(mixed["to_x"]))
    expected = -(numbers(mixed["to_targets"]) * log_softmax(logits, -1)).sum(-1)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    assert torch.equal(mixed["targets"].argmax(-1), batch.labels)
    assert method.clean_probability() is None and method.diagnostics() == {}


@pytest.mark.parametrize(
    ("epochs", "warm_up"), [(1, 1), (3, 1), (60, 21), (299, 104), (300, 105), (600, 105)]
)
def test_the_warm_up_is_105_of_300_epochs_and_no_larger_a_part_of_others(epochs, warm_up):
    run = small_run(epochs=epochs)
    assert run.build(MCorrection).warm_up == warm_up


def test_wrong_labels_are_found_and_the_targets_are_better_than_the_labels():
    run = small_run("m-correction", epochs=15, dataset=random_dataset(400), options={"alpha": 1.0})
    finish(run)
    clean, labels = run.data.train.clean, run.data.train.labels
    assert roc_auc_score(clean == labels, run.method.clean_probability()) > 0.95
    recovered = (run.method.corrected_labels().argmax(-1) == clean).double().mean()
    assert recovered > 0.9 > (labels == clean).double().mean()
    assert 0.1 < run.history[-1].diagnostics["corrected"] < 0.6


def test_where_all_losses_are_equal_every_label_is_trusted():
    method, data = begun(1)
    nn.init.zeros_(method.net.head.weight), nn.init.zeros_(method.net.head.bias)
    begin(method, data, 2)
    assert (method.clean_probability() == 1).all()
    loss = method.loss(next(iter(method.batches(data))))
    assert loss.isfinite().all()


@pytest.mark.parametrize("wrong", [0.0, 1.0])
def test_whatever_share_is_wrong_training_goes_on(wrong):
    method, data = begun(2)
    method.wrong.fill_(wrong)
    run = small_run()
    optimizer = make_optimizer(method.parameter_groups(), run.config.train)
    for batch in [*method.batches(data), data.take(torch.tensor([3]))]:  # the last a batch of one
        assert method.step(batch, optimizer).isfinite()
    labels = nn.functional.one_hot(data.labels, 4).float()
    assert torch.equal(method.corrected_labels(), labels) == (wrong == 0)
