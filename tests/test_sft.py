"""SFT: both penalties in float64, the bank and its score step by step, what is trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import Says, finish, random_dataset, small_run, softmax

from lnl_core import TrainConfig, TrainingSet, configure
from lnl_core.losses.confidence_penalty import lifting, runner_up
from lnl_core.methods.selection.sft import SFT


def made(epochs: int = 40, **options) -> tuple[SFT, TrainingSet]:
    run = small_run(dataset=random_dataset(20))
    data = TrainingSet(run.data, TrainConfig(epochs=epochs, batch_size=4))
    return SFT(Says(torch.zeros(len(data), 4)), data, **options), data


def say(
    method: SFT, data: TrainingSet, epoch: int, right: dict[int, float], raised: float = 0.0
) -> None:
    """Before that epoch the network has the label of those samples right, with that p, and puts
    all others into the class after theirs. Its logits are log p, all `raised` by so much."""
    classes = torch.where(
        torch.tensor([i in right for i in range(len(data))]), data.labels, (data.labels + 1) % 4
    )
    p = torch.tensor([right.get(i, 0.7) for i in range(len(data))])
    rows = ((1 - p) / 3).log()[:, None].repeat(1, 4)
    method.net.logits.data = rows.scatter(1, classes[:, None], p.log()[:, None]) + raised
    with torch.no_grad():
        method.begin_epoch(epoch, data)


def lifted(table: np.ndarray, labels: np.ndarray, threshold: float) -> np.ndarray:
    p = softmax(table)
    own = p[range(len(p)), labels][:, None]
    return (np.maximum(threshold - p / own, 0) * -np.log(p)).sum(-1) / (p.shape[-1] - 1)


def of_the_second(table: np.ndarray, threshold: float) -> np.ndarray:
    first, second = np.sort(softmax(table), -1)[:, :-3:-1].T
    return np.maximum(threshold - second / first, 0) * -np.log(second)


def slope(function, table: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """By central differences: of each row's value by each of its entries."""
    columns = []
    for move in step * np.eye(table.shape[-1]):
        columns.append((function(table + move) - function(table - move)) / (2 * step))
    return np.stack(columns, -1)


@pytest.mark.parametrize("threshold", [0.3, 1.0])
def test_the_penalties_and_their_gradients_are_the_formulas(threshold):
    rng = np.random.default_rng(0)
    table, labels = 3 * rng.normal(size=(9, 5)), rng.integers(5, size=9)
    for found, expected in (
        (lambda z: lifting(z, torch.tensor(labels), threshold),
         lambda z: lifted(z, labels, threshold)),
        (lambda z: runner_up(z, threshold), lambda z: of_the_second(z, threshold)),
    ):  # fmt: skip
        logits = torch.tensor(table, requires_grad=True)
        values = found(logits)
        np.testing.assert_allclose(values.detach(), expected(table), rtol=1e-10)
        values.sum().backward()
        np.testing.assert_allclose(logits.grad, slope(expected, table), rtol=1e-6, atol=1e-8)
    assert (of_the_second(table, 0.3) > 0).any() and (of_the_second(table, 0.3) == 0).any()


@pytest.mark.parametrize("logit", [80.0, 300.0, 1e5])
def test_certain_predictions_give_finite_penalties_and_gradients(logit):
    logits = torch.tensor([[logit, 0, 0, 0]], requires_grad=True)
    for label in (0, 1):
        value = lifting(logits, torch.tensor([label]), 0.2) + runner_up(logits, 0.2)
        value.sum().backward()
        assert value.isfinite().all() and logits.grad.isfinite().all()


def test_the_score_of_three_epochs_is_the_formula():
    method, data = made(warm_up=2)
    say(method, data, 2, {0: 0.9, 1: 0.6})
    assert (method.score == 1).all()  # the warm-up filters nothing
    say(method, data, 3, {0: 0.8, 2: 0.9})
    # Over both epochs: 0 right twice, 1 no longer, 2 only now, 3 never.
    expected = [(0.9 + 0.8 + 1) / 3, (0.6 + 0) / 3, (0.9 + 1) / 3, 1 / 3]
    np.testing.assert_allclose(method.clean_probability()[:4], expected, rtol=1e-5)
    kept = {i for batch in method.batches(data) for i in batch.index.tolist()}
    assert kept == {0, 2}
    say(method, data, 4, {2: 0.9, 3: 0.45})
    # The bank has forgotten the first of the three.
    expected = [(0.8 + 0) / 3, (0 + 1) / 3, (0.9 + 0.9 + 1) / 3, (0.45 + 1) / 3]
    np.testing.assert_allclose(method.clean_probability()[:4], expected, rtol=1e-5)


def test_by_logits_a_sample_that_fluctuates_is_kept_if_its_logit_was_large():
    scores = {}
    for bank in ("probability", "logits"):
        method, data = made(warm_up=2, bank=bank)
        say(method, data, 2, {0: 0.9, 1: 0.6}, raised=3)
        say(method, data, 3, {0: 0.8, 2: 0.9}, raised=3)
        scores[bank] = method.clean_probability()[:4].tolist()
        assert [score > 0.5 for score in scores[bank]] == [True, bank == "logits", True, False]
    by_logits = [(6 + np.log(0.9) + np.log(0.8) + 1) / 3, (3 + np.log(0.6)) / 3,
                 (3 + np.log(0.9) + 1) / 3, 1 / 3]  # fmt: skip
    np.testing.assert_allclose(scores["logits"], by_logits, rtol=1e-5)
    by_probability = [(0.9 + 0.8 + 1) / 3, 0.6 / 3, (0.9 + 1) / 3, 1 / 3]
    np.testing.assert_allclose(scores["probability"], by_probability, rtol=1e-5)


def test_by_logits_below_0_no_sample_fluctuates():
    method, data = made(warm_up=2, bank="logits")
    say(method, data, 2, {1: 0.6})
    say(method, data, 3, {})
    np.testing.assert_allclose(method.score[:2], [1 / 3, (np.log(0.6) + 1) / 3], rtol=1e-5)
    say(method, data, 2, {0: 0.9}, raised=3)
    say(method, data, 3, {0: 0.9})  # right again, by a logit below 0
    np.testing.assert_allclose(method.score[0], (3 + 2 * np.log(0.9) + 1) / 3, rtol=1e-5)


def test_by_fluctuation_alone_only_what_was_right_and_is_wrong_goes():
    method, data = made(warm_up=2, criterion="fluctuation")
    say(method, data, 2, {0: 0.9, 1: 0.6})
    say(method, data, 3, {0: 0.8, 2: 0.9})
    assert method.score.tolist() == [1.0, 0.0] + [1.0] * (len(data) - 2)


def test_where_fewer_than_two_are_kept_all_are_trained_on():
    method, data = made(warm_up=0)
    for right in ({}, {5: 0.9}):
        say(method, data, 1, right)
        say(method, data, 2, right)
        assert int((method.score > 0.5).sum()) == len(right)
        assert sum(len(batch.index) for batch in method.batches(data)) == len(data)


@pytest.mark.parametrize(("epochs", "warm_up"), [(1, 1), (4, 1), (20, 5), (40, 10), (100, 10)])
def test_the_warm_up_is_a_quarter_of_a_short_run(epochs, warm_up):
    assert made(epochs)[0].warm_up == warm_up


@pytest.mark.parametrize("penalised", [False, True])
def test_the_loss_of_either_phase_is_the_formula(penalised):
    method, data = made(warm_up=1, warm_up_penalty=penalised, weight=0.5)
    batch = data.take(torch.arange(len(data)))
    draw = torch.Generator().manual_seed(0)
    for epoch in (1, 2):
        method.begin_epoch(epoch, data)
        method.net.logits.data = 3 * torch.randn(len(data), 4, generator=draw)
        z = method.net.logits.detach().double()
        entropy = torch.nn.functional.cross_entropy(z, data.labels, reduction="none")
        if epoch == 2:
            expected = entropy + 0.5 * lifting(z, data.labels, 0.2)
        else:
            expected = entropy + (0.5 * runner_up(z, 0.2) if penalised else 0)
        np.testing.assert_allclose(method.loss(batch).detach(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bank", ["probability", "logits"])
def test_the_filter_tells_right_labels_from_wrong_ones(bank):
    given = {"noise": "symmetric:0.4", "epochs": 20, "dataset": random_dataset(200)}
    run = finish(small_run("sft", options={"bank": bank}, **given))
    assert run.history[-1].diagnostics["selection_auc"] > 0.8


@pytest.mark.parametrize(
    ("noise", "data", "options"),
    [("symmetric-inclusive:0.5", "cifar10", {}),
     ("asymmetric:0.4", "cifar10", {"warm_up_penalty": True}),
     ("part-dependent:0.4", "cifar100", {"warm_up": 30, "warm_up_penalty": True})],
)  # fmt: skip
def test_options_and_training_on_cifar(noise, data, options):
    config = configure("sft", data, noise, profile="paper")
    assert config.options == options
    assert (config.train.epochs, config.train.batch_size, config.train.lr_drops) == (100, 32, (60,))
