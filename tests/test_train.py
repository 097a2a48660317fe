"""`fit` and `evaluate`: the numbers of a record recomputed, and leaving the loop at any point."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn
from training_helpers import (
    assert_same,
    assert_same_runs,
    finish,
    noisy_data,
    random_dataset,
    small_config,
    small_run,
    timeless,
    weights,
)

from lnl_core import (
    Dataset,
    DivergedError,
    EpochRecord,
    InputError,
    Method,
    Run,
    Step,
    TrainConfig,
    TrainingSet,
    evaluate,
    fit,
)
from lnl_core.nets import build_net

CONFIG = TrainConfig(epochs=3, batch_size=16, lr=0.1)


def linear(data, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_net("mlp", data.input_shape, data.num_classes, hidden=(6,))


def made(cls: type[Method] = Method, *, config: TrainConfig = CONFIG, data=None, **options):
    """A method of that class on small data, and the data."""
    data = noisy_data() if data is None else data
    return cls(linear(data), TrainingSet(data, config), **options), data


# --- a record's numbers, recomputed with NumPy from the trained method -------------------------


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def logits_of(run: Run, split) -> np.ndarray:
    """The net's logits in float64, by hand: pixels over 255, two layers, no dropout."""
    x = split.x.double().numpy().reshape(len(split), -1) / 255
    state = {key: value.double().numpy() for key, value in run.method.net.state_dict().items()}
    (w1, b1), (w2, b2) = (
        (state[f"{layer}.weight"], state[f"{layer}.bias"]) for layer in ("body.1", "head")
    )
    return np.maximum(x @ w1.T + b1, 0) @ w2.T + b2


@pytest.fixture(scope="module")
def trained() -> Run:
    return finish(small_run("cross-entropy", noise="symmetric:0.4", epochs=5))


def test_test_accuracy_is_against_clean_labels(trained):
    test = trained.data.test
    expected = (logits_of(trained, test).argmax(1) == test.clean.numpy()).mean()
    assert trained.history[-1].test_accuracy == pytest.approx(expected)


def test_validation_is_judged_against_noisy_and_against_clean_labels(trained):
    record, val = trained.history[-1], trained.data.val
    logits = logits_of(trained, val)
    log_p, rows = log_softmax(logits), np.arange(len(val))
    noisy, clean = val.labels.numpy(), val.clean.numpy()
    assert (noisy != clean).any()
    assert record.val_loss == pytest.approx(-log_p[rows, noisy].mean(), rel=1e-5)
    assert record.val_clean_loss == pytest.approx(-log_p[rows, clean].mean(), rel=1e-5)
    assert record.val_accuracy == pytest.approx((logits.argmax(1) == noisy).mean())
    assert record.val_clean_accuracy == pytest.approx((logits.argmax(1) == clean).mean())
    assert record.val_loss != record.val_clean_loss


def test_train_accuracies_and_memorisation(trained):
    record, train = trained.history[-1], trained.data.train
    predicted = logits_of(trained, train).argmax(1)
    noisy, clean = train.labels.numpy(), train.clean.numpy()
    wrong = noisy != clean
    assert record.train_accuracy == pytest.approx((predicted == noisy).mean())
    assert record.train_clean_accuracy == pytest.approx((predicted == clean).mean())
    assert record.memorised == pytest.approx((predicted == noisy)[wrong].mean())
    assert 0 < record.memorised < 1


def test_train_eval_bounds_what_judges_memorisation():
    run = finish(small_run(noise="symmetric:0.4", train_eval=10))
    first = run.data.train.head(10)
    predicted = logits_of(run, first).argmax(1)
    assert run.history[-1].train_accuracy == (predicted == first.labels.numpy()).mean()


def test_the_validation_loss_is_the_methods_own():
    t = np.array([[0.7, 0.1, 0.1, 0.1]] * 4)
    np.fill_diagonal(t, 0.1)
    t = t / t.sum(1, keepdims=True)
    run = finish(small_run("forward", options={"transition_matrix": t}))
    val = run.data.val
    p_noisy = np.exp(log_softmax(logits_of(run, val))) @ t
    expected = -np.log(p_noisy[np.arange(len(val)), val.labels.numpy()]).mean()
    assert run.history[-1].val_loss == pytest.approx(expected, rel=1e-5)


def test_multi_label_accuracy_counts_every_answer():
    dataset = random_dataset(multi_label=True)
    run = finish(small_run("cross-entropy", noise="none", dataset=dataset))
    answers = logits_of(run, run.data.test) > 0
    expected = (answers == run.data.test.clean.numpy().astype(bool)).mean()
    assert run.history[-1].test_accuracy == pytest.approx(expected)
    assert run.history[-1].memorised is None


def test_memorised_is_none_where_every_label_is_right():
    assert finish(small_run(noise="none")).history[-1].memorised is None


class Recording(Method):
    """Keeps each step's loss and batch."""

    def __init__(self, net, data):
        super().__init__(net, data)
        self.seen, self.batch_sizes, self.indices = [], [], []

    def step(self, batch, optimizer):
        loss = super().step(batch, optimizer)
        self.seen.append(loss.item())
        self.batch_sizes.append(len(batch.labels))
        self.indices += batch.index.tolist()
        return loss


def test_train_loss_is_the_mean_over_the_updates():
    method, data = made(Recording, config=dataclasses.replace(CONFIG, epochs=1, batch_size=20))
    (record,) = fit(method, data, dataclasses.replace(CONFIG, epochs=1, batch_size=20))
    assert method.batch_sizes == [20, 20, 8]
    assert record.train_loss == pytest.approx(np.mean(method.seen), rel=1e-6)


def test_no_step_is_made_on_a_single_left_over_sample():
    config = dataclasses.replace(CONFIG, epochs=1, batch_size=47)
    method, data = made(Recording, config=config)
    list(fit(method, data, config))
    assert method.batch_sizes == [48]


def test_the_first_loss_is_cross_entropy_at_the_initial_weights():
    method, data = made(Recording)
    x = data.train.x.double().numpy().reshape(len(data.train), -1) / 255
    w1, b1, w2, b2 = (p.detach().double().numpy() for p in method.net.parameters())
    log_p = log_softmax(np.maximum(x @ w1.T + b1, 0) @ w2.T + b2)
    whole = dataclasses.replace(CONFIG, epochs=1, batch_size=len(data.train))
    list(fit(method, data, whole))
    expected = -log_p[np.arange(len(x)), data.train.labels.numpy()].mean()
    assert method.seen[0] == pytest.approx(expected, rel=1e-5)


def test_an_epoch_is_one_pass_in_a_new_order():
    method, data = made(Recording)
    list(fit(method, data, CONFIG))
    passes = np.array(method.indices).reshape(3, len(data.train))
    for order in passes:
        assert sorted(order) == list(range(len(data.train)))
    assert not np.array_equal(passes[0], passes[1])


def test_records_are_numbered_and_carry_their_learning_rate():
    config = TrainConfig(epochs=4, lr=0.2, schedule="step", lr_drops=(1, 3), lr_gamma=0.5)
    method, data = made(config=config)
    records = list(fit(method, data, config, stage="warm"))
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    assert [record.lr for record in records] == pytest.approx([0.2, 0.1, 0.1, 0.05])
    assert {record.stage for record in records} == {"warm"}
    assert all(record.seconds > 0 for record in records)


def test_diagnostics_are_kept_with_the_epoch():
    class Counting(Method):
        def begin_epoch(self, epoch, data):
            self.epoch = epoch

        def diagnostics(self):
            return {"squared": float(self.epoch**2)}

    method, data = made(Counting)
    kept = [record.diagnostics for record in fit(method, data, CONFIG)]
    assert kept == [{"squared": 1.0}, {"squared": 4.0}, {"squared": 9.0}]


# --- evaluation --------------------------------------------------------------------------------


def test_evaluation_changes_nothing_and_restores_the_mode():
    data = noisy_data()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.Linear(6, 4))
    method = Method(net, TrainingSet(data, CONFIG))
    before = {key: value.clone() for key, value in method.state_dict().items()}
    for mode in (True, False):
        method.train(mode)
        first, second = (evaluate(method, data, CONFIG) for _ in range(2))
        assert first == second
        assert all(module.training is mode for module in method.modules())
    assert_same(before, method.state_dict())
    assert all(p.grad is None for p in method.parameters())


def test_a_set_larger_than_one_evaluation_batch_is_judged_whole(monkeypatch):
    method, data = made()
    whole = evaluate(method, data, CONFIG)
    monkeypatch.setattr("lnl_core.train.EVALUATION_BATCH", 7)
    in_parts = evaluate(method, data, CONFIG)
    assert in_parts == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("net", ["lenet", "resnet14"])
def test_convolutional_nets_train_without_a_validation_split(net):
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (24, 3, 16, 16), generator=draw, dtype=torch.uint8)
    y = torch.arange(24) % 2
    colour = Dataset("colour", x, y, x, y, ("a", "b"), "made by a test")
    config = dataclasses.replace(
        small_config(dataset=colour, epochs=1), val_fraction=0.0, net=net, net_options={}
    )
    record = finish(Run(config, device="cpu", dataset=colour)).history[-1]
    assert math.isfinite(record.train_loss)
    assert record.val_loss is None


# --- what a method may rely on -----------------------------------------------------------------


def test_an_epoch_begins_in_evaluation_mode_without_gradients_and_trains_in_training_mode():
    class Watching(Method):
        def begin_epoch(self, epoch, data):
            modes.append(("begin", epoch, self.net.training, torch.is_grad_enabled()))
            assert isinstance(data, TrainingSet)

        def loss(self, batch):
            modes.append(("loss", self.net.training, torch.is_grad_enabled()))
            return super().loss(batch)

    modes = []
    config = dataclasses.replace(CONFIG, epochs=2, batch_size=100)
    method, data = made(Watching, config=config)
    list(fit(method, data, config))
    step = ("loss", True, True)
    assert modes == [("begin", 1, False, False), step, ("begin", 2, False, False), step]


def test_a_parameter_group_keeps_its_own_rate():
    class Slow(Method):
        def parameter_groups(self):
            body = [p for name, p in self.net.named_parameters() if "head" not in name]
            return [{"params": body}, {"params": self.net.head.parameters(), "lr": 1e-12}]

    method, data = made(Slow)
    before = {key: value.clone() for key, value in method.net.state_dict().items()}
    list(fit(method, data, CONFIG))
    after = method.net.state_dict()
    assert torch.allclose(before["head.weight"], after["head.weight"], atol=1e-9)
    assert not torch.allclose(before["body.1.weight"], after["body.1.weight"], atol=1e-4)


def test_an_epoch_without_a_batch_is_an_epoch():
    class Picky(Method):
        def batches(self, data):
            return data.batches(self.views, index=torch.arange(0))

    method, data = made(Picky)
    records = list(fit(method, data, CONFIG))
    assert [record.train_loss for record in records] == [None] * 3


def test_the_best_epoch_is_kept_also_across_an_interruption(tmp_path):
    config = dataclasses.replace(CONFIG, epochs=9, lr=0.6)  # fast enough to overfit

    def run(stop=None, checkpoint=None, keep_best=True):
        method, data = made(config=config)
        records = []
        for record in fit(method, data, config, checkpoint=checkpoint, keep_best=keep_best):
            records.append(record)
            if record.epoch == stop:
                break
        return method, records

    whole, records = run()
    losses = [record.val_loss for record in records]
    best = losses.index(min(losses)) + 1
    assert best < 9, "the best epoch must not be the last, or this shows nothing"
    at_best, _ = run(stop=best, keep_best=False)
    assert_same(whole.state_dict(), at_best.state_dict())
    for stop in (best - 1, best, 8, 9):
        if stop:
            run(stop=stop, checkpoint=tmp_path / f"{stop}.pt")
            resumed, again = run(checkpoint=tmp_path / f"{stop}.pt")
            assert_same(whole.state_dict(), resumed.state_dict())
            assert timeless(records) == timeless(again)


def test_the_weight_penalty_counts_in_the_validation_losses_where_it_is_asked_to():
    plain = dataclasses.replace(CONFIG, weight_decay=0.02, decay="kernels")
    penalised = dataclasses.replace(plain, penalised_val_loss=True)
    scores = {}
    for config in (plain, penalised):
        method, data = made(config=config)
        scores[config] = evaluate(method, data, config)
    kernels = [method.net.body[1].weight, method.net.head.weight]
    penalty = 0.01 * sum(float(w.detach().double().square().sum()) for w in kernels)
    for name, value in scores[plain].items():
        more = penalty if name in ("val_loss", "val_clean_loss") else 0
        assert scores[penalised][name] == pytest.approx(value + more), name


def test_a_penalty_without_a_validation_split_is_no_loss():
    config = dataclasses.replace(CONFIG, weight_decay=0.02, penalised_val_loss=True)
    method, data = made(config=config, data=noisy_data(val_fraction=0.0))
    assert evaluate(method, data, config)["val_loss"] is None


def test_fit_decays_what_the_config_says():
    def final(**changes):
        config = dataclasses.replace(CONFIG, weight_decay=0.1, **changes)
        method, data = made(config=config)
        list(fit(method, data, config))
        return method.state_dict()

    both, kernels = final(), final(decay="kernels")
    assert any(not torch.equal(both[name], kernels[name]) for name in both)


def test_of_equally_good_epochs_the_first_is_kept():
    class Indifferent(Method):
        def criterion(self, logits, labels):
            loss = super().criterion(logits, labels)
            return loss if self.training else 0 * loss

    def trained(epochs, keep_best):
        config = dataclasses.replace(CONFIG, epochs=epochs)
        method, data = made(Indifferent, config=config)
        assert {record.val_loss for record in fit(method, data, config, keep_best=keep_best)} == {0}
        return method.state_dict()

    assert_same(trained(epochs=3, keep_best=True), trained(epochs=1, keep_best=False))


def test_the_best_epoch_needs_a_validation_split():
    method, data = made(data=noisy_data(val_fraction=0.0))
    with pytest.raises(InputError, match="validation split, which is empty"):
        list(fit(method, data, CONFIG, keep_best=True))


# --- steps, and leaving the loop ---------------------------------------------------------------


def test_steps_are_told_and_change_nothing():
    quiet, talking = finish(small_run()), small_run(steps=True)
    told = list(talking)
    assert [(s.epoch, s.step) for s in told if isinstance(s, Step)] == [
        (epoch, step) for epoch in (1, 2, 3) for step in (1, 2, 3)
    ]
    # Each record follows its steps.
    assert [isinstance(item, EpochRecord) for item in told] == ([False] * 3 + [True]) * 3
    assert_same_runs(quiet, talking)


def test_leaving_the_loop_within_an_epoch_gives_the_random_state_back():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    for step in small_run(steps=True):
        assert torch.equal(torch.get_rng_state(), before)  # also while the run waits
        if step.step == 2:
            break
    assert torch.equal(torch.get_rng_state(), before)


def test_what_the_caller_drew_within_an_epoch_stays_drawn():
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    drawn = []
    for item in small_run(steps=True):
        if isinstance(item, Step) and len(drawn) < 4:
            drawn.append(torch.rand(1))
    assert torch.equal(torch.cat(drawn), expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_in_the_callers_loop_gives_the_random_state_back(error):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with pytest.raises(error):
        for step in small_run(steps=True):
            if step.step == 2:
                raise error
    assert torch.equal(torch.get_rng_state(), before)


class Interrupted(Method):
    """Is interrupted in its fifth step: the second of epoch 2."""

    count = 0

    def loss(self, batch):
        torch.rand(3)
        self.count += 1
        if self.count == 5:
            raise KeyboardInterrupt
        return super().loss(batch)


def test_an_interrupt_within_a_step_gives_the_random_state_back_and_loses_no_epoch(tmp_path):
    torch.manual_seed(5)
    method, data = made(Interrupted)
    before, yielded = torch.get_rng_state(), []
    with pytest.raises(KeyboardInterrupt):
        for record in fit(method, data, CONFIG, checkpoint=tmp_path / "c.pt"):
            yielded.append(record)
    assert torch.equal(torch.get_rng_state(), before)
    assert [record.epoch for record in yielded] == [1]
    again, data = made(Interrupted)
    again.count = -100
    resumed = list(fit(again, data, CONFIG, checkpoint=tmp_path / "c.pt"))
    whole, data = made(Interrupted)
    whole.count = -100
    assert timeless(resumed) == timeless(list(fit(whole, data, CONFIG)))
    assert_same(whole.state_dict(), again.state_dict())


# --- diverging ---------------------------------------------------------------------------------


class TurnsNaN(Method):
    """Its loss is no number from step `at` on, counted over the whole run."""

    def __init__(self, net, data, at: int, value: float = math.nan):
        super().__init__(net, data)
        self.at, self.value, self.count = at, value, 0

    def loss(self, batch):
        self.count += 1
        loss = super().loss(batch)
        return loss * self.value if self.count == self.at else loss


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_method_epoch_and_step(value):
    method, data = made(TurnsNaN, at=5, value=value)  # three steps an epoch
    yielded = []
    with pytest.raises(DivergedError, match=rf"TurnsNaN: .*{value}.* epoch 2, step 2:") as caught:
        for record in fit(method, data, CONFIG):
            yielded.append(record)
    assert len(yielded) == 1  # the epoch before is not lost
    assert "lower the learning rate" in str(caught.value)


def test_diverging_gives_the_random_state_back():
    method, data = made(TurnsNaN, at=2)
    before = torch.get_rng_state()
    with pytest.raises(DivergedError):
        list(fit(method, data, CONFIG))
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_ruined_by_the_last_step_are_found_in_the_same_epoch():
    class Ruined(Method):
        def step(self, batch, optimizer):
            loss = super().step(batch, optimizer)
            with torch.no_grad():
                self.net.head.weight.fill_(math.nan)
            return loss

    config = dataclasses.replace(CONFIG, batch_size=1000)
    method, data = made(Ruined, config=config)
    with pytest.raises(DivergedError, match=r"Ruined: .*epoch 1"):
        list(fit(method, data, config))
    without_val = noisy_data(val_fraction=0.0)
    method, _ = made(Ruined, config=config, data=without_val)
    with pytest.raises(DivergedError, match=r"Ruined: .*epoch 1"):
        list(fit(method, without_val, config))


# --- a seed of its own -------------------------------------------------------------------------


def test_the_seed_of_fit_decides_the_order_alone():
    runs = [made(Recording) for _ in range(3)]
    for (method, data), seed in zip(runs, (0, 0, 1), strict=True):
        list(fit(method, data, CONFIG, seed=seed))
    same, again, other = (method.indices for method, _ in runs)
    assert same == again
    assert same != other


# --- on a GPU ----------------------------------------------------------------------------------

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.gpu
@needs_gpu
def test_the_first_epoch_on_a_gpu_is_that_of_the_cpu():
    config = dataclasses.replace(small_config(epochs=1), net_options={"hidden": (12,)})
    on_cpu, on_gpu = (
        finish(Run(config, device=device, dataset=random_dataset())) for device in ("cpu", "cuda")
    )
    assert next(on_gpu.method.parameters()).is_cuda
    assert on_gpu.history[0].train_loss == pytest.approx(on_cpu.history[0].train_loss, rel=1e-3)
    assert on_gpu.history[0].val_loss == pytest.approx(on_cpu.history[0].val_loss, rel=1e-3)


@pytest.mark.gpu
@needs_gpu
def test_a_run_resumes_on_a_gpu(tmp_path):
    def run(folder, stop=None):
        run = Run(small_config(), device="cuda", dataset=random_dataset(), checkpoints=folder)
        for record in run:
            if record.epoch == stop:
                break
        return run

    whole = run(tmp_path / "whole")
    torch.cuda.manual_seed(99)
    run(tmp_path / "stopped", stop=2)
    resumed = run(tmp_path / "stopped")
    for key, value in weights(whole).items():
        assert torch.allclose(value, weights(resumed)[key], rtol=1e-4), key
    on_cpu = Run(
        small_config(), device="cpu", dataset=random_dataset(), checkpoints=tmp_path / "whole"
    )
    assert timeless(finish(on_cpu).history) == timeless(whole.history)


@pytest.mark.gpu
@needs_gpu
def test_a_run_begun_on_the_cpu_continues_on_a_gpu(tmp_path):
    run = Run(small_config(), device="cpu", dataset=random_dataset(), checkpoints=tmp_path)
    next(iter(run))
    on_gpu = Run(small_config(), device="cuda", dataset=random_dataset(), checkpoints=tmp_path)
    assert [record.epoch for record in on_gpu] == [1, 2, 3]


@pytest.mark.gpu
@needs_gpu
def test_the_callers_gpu_state_is_left_alone():
    torch.cuda.manual_seed(3)
    before = torch.cuda.get_rng_state()
    finish(Run(small_config(), device="cuda", dataset=random_dataset()))
    assert torch.equal(torch.cuda.get_rng_state(), before)
