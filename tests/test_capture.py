"""Captured updates: on a CPU everything but CUDA itself, on a GPU that they are the eager ones."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from stack_helpers import TAME, assert_close_runs, config_of, members, stacked_names
from training_helpers import assert_same_runs, finish, random_dataset, small_config, small_run

from lnl_core import Dataset, Method, Run, TrainConfig, TrainingSet, configure
from lnl_core.accel import capture
from lnl_core.accel.capture import (
    SWITCH,
    WARM_UP,
    Captured,
    Graphs,
    GraphUpdates,
    capturable,
    graphs_wanted,
    updates_for,
    why_eager,
)
from lnl_core.accel.together import train_together
from lnl_core.methods import get_method, register, registry
from lnl_core.optim import make_optimizer
from lnl_core.train import one_by_one

#: Of these optimisers torch has the captured form on a CPU as well.
ON_CPU = {
    "sgd": {"optimizer": "sgd", "lr": 0.1, "schedule": "cosine", "weight_decay": 0.01},
    "adagrad": {"optimizer": "adagrad", "lr": 0.05, "schedule": "step", "lr_drops": (1, 2)},
}


class Pretend:
    """In the place of `Graphs`: a replay makes the update again, on the memory it was given."""

    def __init__(self) -> None:
        self.warmed = self.captured = self.replayed = 0

    def warm_up(self, update):
        self.warmed += 1
        return update()

    def capture(self, update):
        self.captured += 1
        result = []

        def replay():
            self.replayed += 1
            loss = update()
            if not result:
                result.append(torch.empty_like(loss))
            return result[0].copy_(loss)  # the same memory each time, as a graph has it

        return replay


# --- on a CPU -------------------------------------------------------------------------------------


def pretended(name: str = "cross-entropy", **given) -> tuple[Run, Pretend]:
    graphs = Pretend()
    run = Run(
        small_config(name, **given), device="cpu", dataset=random_dataset(),
        updates=GraphUpdates(graphs),
    )  # fmt: skip
    return finish(run), graphs


@pytest.mark.parametrize("training", ON_CPU.values(), ids=ON_CPU)
@pytest.mark.parametrize("name", ["cross-entropy", "forward", "unhinged"])
def test_by_index_and_with_a_rate_in_a_tensor_it_is_the_same_training(name, training):
    """Dropout and all: the draws are the same."""
    run, graphs = pretended(name, **training)
    assert graphs.replayed > 0
    assert_close_runs(run, finish(small_run(name, **training)))


def test_each_epochs_rate_is_in_the_record_as_a_number():
    run, _ = pretended(**ON_CPU["adagrad"])
    assert [record.lr for record in run.history] == pytest.approx([0.05, 0.005, 0.0005])


def test_some_updates_warm_up_one_is_captured_and_a_rest_is_eager():
    run, graphs = pretended(batch_size=20, epochs=4)  # 48 samples: 20, 20 and a rest of 8
    assert len(run.data.train) == 48
    assert (graphs.warmed, graphs.captured) == (WARM_UP, 1)
    assert graphs.replayed == 4 * 2 - WARM_UP
    assert_close_runs(run, finish(small_run(batch_size=20, epochs=4)))


def test_two_stages_are_two_captures():
    run = finish(small_run("forward-estimated", optimizer="adagrad", lr=0.05))
    made = []

    def updates(method, training, optimizer):
        if not made or made[-1][0] is not method:
            graphs = Pretend()
            made.append((method, graphs, GraphUpdates(graphs)))
        return made[-1][2](method, training, optimizer)

    config = small_config("forward-estimated", optimizer="adagrad", lr=0.05)
    captured = finish(Run(config, device="cpu", dataset=random_dataset(), updates=updates))
    assert [graphs.captured for _, graphs, _ in made] == [1, 1]
    assert_close_runs(captured, run)


def parameters() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(3))]


def test_losses_do_not_share_memory():
    weight = parameters()
    optimizer = torch.optim.SGD(weight, lr=0.1)

    def update(index):
        return index.sum() + 0.0

    order = [torch.tensor([k, k]) for k in range(6)]
    losses = list(Captured(update, optimizer, Pretend())(order))
    assert [loss.item() for loss in losses] == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_the_optimiser_is_as_it_was_after_an_epoch(name):
    optimizer = make_optimizer([{"params": parameters()}], TrainConfig(optimizer=name, lr=0.5))
    before = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
    rates: list[torch.Tensor] = []
    with capturable(optimizer, rates):
        (group,) = optimizer.param_groups
        assert group["lr"] is rates[0] and rates[0].item() == 0.5
        assert capture.CAPTURABLE[type(optimizer)].items() <= group.items()
    assert {k: v for k, v in optimizer.param_groups[0].items() if k != "params"} == before
    optimizer.param_groups[0]["lr"] = 0.25
    kept = rates[0]
    with capturable(optimizer, rates):
        assert rates == [kept] and kept.item() == 0.25  # the tensor that a graph reads


def test_the_optimiser_is_as_it_was_after_a_stop_within_an_epoch():
    optimizer = torch.optim.SGD(parameters(), lr=0.5)
    updates = Captured(lambda index: index.sum(), optimizer, Pretend())(iter([torch.ones(2)] * 9))
    next(updates)
    assert isinstance(optimizer.param_groups[0]["lr"], torch.Tensor)
    updates.close()
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_checkpoint_of_captured_updates_is_continued_by_eager_ones(tmp_path):
    config = small_config(**ON_CPU["adagrad"])
    made = {"device": "cpu", "dataset": random_dataset(), "checkpoints": tmp_path}
    for _ in Run(config, **made, updates=GraphUpdates(Pretend())):
        break
    assert_close_runs(
        finish(Run(config, **made)), finish(Run(config, device="cpu", dataset=random_dataset()))
    )


def test_a_stack_is_captured_on_memory_that_stays(monkeypatch):
    """A graph reads and writes where it was captured: from epoch to epoch nothing may move."""
    graphs, places = Pretend(), []

    class Watched(Captured):
        def __call__(self, order):
            state = [v for s in self._optimizer.state.values() for v in s.values()]
            weights = [p for group in self._optimizer.param_groups for p in group["params"]]
            yield from super().__call__(order)
            after = [v for s in self._optimizer.state.values() for v in s.values()]
            assert [v.data_ptr() for v in state] == [v.data_ptr() for v in after]
            places.append([v.data_ptr() for v in (*weights, *after)])

    monkeypatch.setattr("lnl_core.accel.together.graphs_wanted", lambda device: True)
    monkeypatch.setattr("lnl_core.accel.together.Captured", partial(Watched, graphs=graphs))
    training = ON_CPU["adagrad"] | {"epochs": 4}
    configs = [config_of("cross-entropy", seed, "symmetric:0.2", **training) for seed in (0, 1)]
    group = members(configs)
    assert set(dict(train_together(group)).values()) == {None}
    assert graphs.captured == 1 and graphs.replayed == 4 * 3 - WARM_UP
    assert len(places) == 4 and all(place == places[0] for place in places)
    for (run, _), config in zip(group, configs, strict=True):
        assert_close_runs(run, finish(Run(config, device="cpu", dataset=random_dataset())))


# --- what is not captured -------------------------------------------------------------------------


def reason(cls: type[Method], optimizer: type = torch.optim.SGD) -> str | None:
    run = small_run()
    training = TrainingSet(run.data, run.config.train)
    method = cls(run.net(), training)
    return why_eager(method, training, optimizer(method.parameters(), lr=0.1))


def test_what_stacks_or_says_so_is_captured_and_a_subclass_inherits_neither():
    class Plain(Method):
        pass

    class Says(Method):
        captures = True

    class Inherits(Says):
        pass

    assert {reason(cls) for cls in (Method, get_method("forward").method, Says)} == {None}
    assert "Plain does not declare" in reason(Plain)
    assert "Inherits does not declare" in reason(Inherits)


def test_a_step_or_batches_of_its_own_is_not_captured():
    class Stepping(Method):
        captures = True

        def step(self, batch, optimizer):
            return super().step(batch, optimizer)

    class Choosing(Method):
        captures = True

        def batches(self, data):
            return data.batches(self.views)

    assert "Stepping has a `step`" in reason(Stepping)
    assert "Choosing has a `step` or `batches`" in reason(Choosing)


def test_an_optimiser_that_cannot_be_captured_is_named():
    assert "RMSprop" in reason(get_method("cross-entropy").method, torch.optim.RMSprop)


def test_what_is_not_captured_is_trained_one_by_one_and_says_why(monkeypatch, capsys):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    class Own(Method):
        """Cross-entropy with a step of its own."""

        def step(self, batch, optimizer):
            return super().step(batch, optimizer)

    register("own", Own, "its own step")
    run, graphs = pretended("own")
    assert graphs.warmed == graphs.captured == 0
    assert capsys.readouterr().err.count("no CUDA graph: Own does not declare") == 1
    assert_same_runs(run, finish(small_run("own")))


def test_graphs_are_for_gpus_and_can_be_turned_off(monkeypatch):
    monkeypatch.delenv(SWITCH, raising=False)
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert graphs_wanted(gpu) and not graphs_wanted(cpu)
    assert updates_for(cpu) is one_by_one and isinstance(updates_for(gpu), GraphUpdates)
    monkeypatch.setenv(SWITCH, "1")
    assert not graphs_wanted(gpu) and updates_for(gpu) is one_by_one


def test_every_optimiser_there_is_has_a_captured_form():
    from lnl_core.config import OPTIMIZERS

    for name in OPTIMIZERS:
        made = make_optimizer([{"params": parameters()}], TrainConfig(optimizer=name))
        assert type(made) in capture.CAPTURABLE


# --- on a GPU -------------------------------------------------------------------------------------

on_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]
OPTIMIZERS = {**ON_CPU, "adam": {"optimizer": "adam", "lr": 0.01}}


def gpu_run(name: str = "cross-entropy", *, dataset: Dataset | None = None, **given) -> Run:
    given = {"batch_size": 8, "lr": 0.01} | given
    return Run(small_config(name, **given), device="cuda", dataset=dataset or random_dataset())


@pytest.fixture
def captures(monkeypatch) -> list:
    """Every capture that is made."""
    seen = []
    own = Graphs.capture
    monkeypatch.setattr(Graphs, "capture", lambda *a: seen.append(1) or own(*a))
    monkeypatch.delenv(SWITCH, raising=False)
    return seen


def eager(monkeypatch, make) -> Run:
    with monkeypatch.context() as patch:
        patch.setenv(SWITCH, "1")
        return finish(make())


ASKING = """
import dataclasses
import torch
from training_helpers import random_dataset, small_config
from lnl_core import InputError, Method, Run

class Asking(Method):
    captures = True
    def loss(self, batch):
        losses = super().loss(batch)
        return losses if losses.sum().item() > 0 else 2 * losses

run = Run(small_config(batch_size=8), device="cuda", dataset=random_dataset())
run.entry = dataclasses.replace(run.entry, recipe=lambda run: run.fit(run.build(Asking)))
try:
    list(run)
except InputError as error:
    print(error)
"""


class TestOnGpu:
    pytestmark = on_gpu

    @pytest.mark.parametrize("name", stacked_names())
    def test_captured_is_eager(self, name, captures, monkeypatch):
        """With dropout: the draws are the same. Accuracies exactly, losses to four digits."""
        given = TAME.get(name, {})
        run = finish(gpu_run(name, **given))
        assert captures
        count = len(captures)
        assert_close_runs(run, eager(monkeypatch, lambda: gpu_run(name, **given)))
        assert len(captures) == count  # the other one was eager

    @pytest.mark.parametrize("training", OPTIMIZERS.values(), ids=OPTIMIZERS)
    def test_captured_is_eager_with_every_optimiser(self, training, captures, monkeypatch):
        run = finish(gpu_run(**training))
        assert captures
        assert_close_runs(run, eager(monkeypatch, lambda: gpu_run(**training)))

    @pytest.mark.parametrize("augmentation", ["flip", "crop-flip", "shift-flip"])
    @pytest.mark.parametrize("net", ["lenet", "resnet14"])
    def test_captured_is_eager_for_images(self, net, augmentation, captures, monkeypatch):
        """Atomic additions in the convolutions' gradients come in any order: three digits."""
        draw = torch.Generator().manual_seed(0)
        x = torch.randint(0, 256, (80, 3, 16, 16), generator=draw, dtype=torch.uint8)
        y = torch.arange(80) % 2
        colour = Dataset("colour", x, y, x, y, ("a", "b"), "made by a test")
        config = configure(
            "forward", dataset=colour, noise="symmetric:0.2", net=net, epochs=2, batch_size=8,
            lr=0.001, optimizer="sgd", schedule="constant", augmentation=augmentation,
        )  # fmt: skip
        monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)

        def make():
            return Run(config, device="cuda", dataset=colour)

        run = finish(make())
        assert captures
        other = eager(monkeypatch, make)
        for one, two in zip(run.history, other.history, strict=True):
            assert one.train_loss == pytest.approx(two.train_loss, rel=1e-3)

    def test_the_order_of_the_samples_is_the_cpus(self):
        """And so, without dropout, is the training."""
        config = dataclasses.replace(small_config(), net_options={"hidden": (12,)})
        runs = [
            finish(Run(config, device=device, dataset=random_dataset()))
            for device in ("cpu", "cuda")
        ]
        for one, two in zip(*(run.history for run in runs), strict=True):
            assert one.train_loss == pytest.approx(two.train_loss, rel=1e-4)

    def test_the_same_config_gives_the_same_run_whatever_the_caller_draws(self, captures):
        plain = finish(gpu_run())
        disturbed = Run(plain.config, device="cuda", dataset=random_dataset(), steps=True)
        for _ in disturbed:
            torch.rand(7, device="cuda")
        assert captures
        assert_close_runs(plain, disturbed)

    def test_the_callers_random_state_is_left_alone(self):
        before = torch.cuda.get_rng_state()
        finish(gpu_run())
        assert torch.equal(before, torch.cuda.get_rng_state())

    def test_two_interleaved_runs_are_as_two_separate_ones(self, captures):
        config = gpu_run().config
        configs = [dataclasses.replace(config, seeds=type(config.seeds).all(s)) for s in (0, 1)]

        def make(config):
            return Run(config, device="cuda", dataset=random_dataset(), steps=True)

        pair = [make(config) for config in configs]
        for _ in zip(*pair, strict=True):
            pass
        for config, run in zip(configs, pair, strict=True):
            assert_close_runs(finish(make(config)), run)

    def test_stopped_and_resumed_is_as_if_never_stopped(self, captures, tmp_path):
        whole = finish(gpu_run())

        def make():
            return Run(whole.config, device="cuda", dataset=random_dataset(), checkpoints=tmp_path)

        for _ in make():
            break
        assert_close_runs(finish(make()), whole)

    @pytest.mark.parametrize("switch", ["", "1"], ids=["captured", "eager"])
    @pytest.mark.parametrize("augmentation", ["none", "flip", "crop-flip", "shift-flip"])
    @pytest.mark.parametrize("name", stacked_names())
    def test_nothing_waits_for_the_device_within_an_epoch(
        self, name, augmentation, switch, monkeypatch
    ):
        """From the second epoch of a stage on: the first one warms up and captures."""
        monkeypatch.setenv(SWITCH, switch)
        run = gpu_run(name, augmentation=augmentation, lr=0.001)
        guarded = []

        def updates(method, training, optimizer):
            if not guarded or guarded[-1][0] is not method:
                guarded.append((method, updates_for(run.device), []))
            _, own, epochs = guarded[-1]
            epochs.append(1)
            torch.cuda.set_sync_debug_mode("error" if len(epochs) > 1 else "default")
            try:
                yield from own(method, training, optimizer)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        config = run.config
        finish(Run(config, device="cuda", dataset=random_dataset(), updates=updates))
        assert all(len(epochs) == 3 for _, _, epochs in guarded)

    def test_what_a_graph_cannot_hold_is_an_error_that_names_the_way_out(self):
        """In a process of its own: CUDA may not recover from a capture that failed."""
        here = Path(__file__).parent
        answer = subprocess.run(
            [sys.executable, "-c", ASKING], capture_output=True, text=True, cwd=here,
            env=os.environ | {"PYTHONPATH": str(here.parent)},
        )  # fmt: skip
        assert "take `captures` and `stacks` from the method, or set LNL_EAGER=1" in answer.stdout

    @pytest.mark.parametrize("switch", ["", "1"], ids=["captured", "eager"])
    @pytest.mark.parametrize("name", stacked_names())
    def test_a_stack_is_the_runs_alone(self, name, switch, monkeypatch):
        monkeypatch.setenv(SWITCH, switch)
        noises = ("none", "symmetric:0.1", "symmetric:0.3")
        given = {"batch_size": 8, "lr": 0.01} | TAME.get(name, {})
        configs = [config_of(name, seed, noise, **given) for seed, noise in enumerate(noises)]
        group = members(configs, device="cuda")
        assert set(dict(train_together(group)).values()) == {None}
        for run, _ in group:
            alone = finish(Run(run.config, device="cuda", dataset=random_dataset()))
            assert_close_runs(run, alone)

    def test_peak_memory_is_the_runs_own(self):
        first = finish(gpu_run()).document()["peak_memory_mb"]
        big = torch.zeros(2**28, device="cuda", dtype=torch.uint8)
        del big
        assert finish(gpu_run()).document()["peak_memory_mb"] < first + 200
