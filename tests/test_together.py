"""Stacked runs: each is the run that it would have been alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from stack_helpers import (
    TAME,
    alone,
    assert_close_runs,
    config_of,
    configs,
    members,
    stacked,
    stacked_names,
)
from training_helpers import assert_same, assert_same_runs, finish, random_dataset, weights

from lnl_core import Dataset, InputError, Method, Run, TrainingSet, configure
from lnl_core.accel.stack import Stack, stacks
from lnl_core.accel.together import Deferred, Group, train_together
from lnl_core.methods import get_method, method_names, register, registry

# --- every method that stacks ---------------------------------------------------------------------


def test_the_methods_of_patrinis_table_all_stack():
    patrini = {name for name in method_names() if get_method(name).paper == "patrini2017"}
    assert patrini & set(stacked_names()) >= {
        "cross-entropy", "unhinged", "sigmoid", "savage", "bootstrap-soft", "bootstrap-hard",
        "backward", "backward-estimated", "forward", "forward-estimated",
    }  # fmt: skip


@pytest.mark.parametrize("name", stacked_names())
def test_a_stacked_run_is_the_run_alone(name):
    group = configs(name, **TAME.get(name, {}))
    assert len({config.seeds for config in group}) == 3
    for together, separate in zip(stacked(group), alone(group), strict=True):
        assert_close_runs(together, separate)


@pytest.mark.parametrize("name", stacked_names())
def test_it_was_the_stack_that_made_the_updates(name, monkeypatch):
    """Else the test above could not fail: no method steps by itself."""

    def refuse(self, batch, optimizer):
        raise AssertionError("a step by itself")

    steps = []
    own = Method.step
    monkeypatch.setattr(Stack, "step", lambda *a: steps.append(1) or own(*a), raising=False)
    monkeypatch.setattr(Method, "step", refuse)
    monkeypatch.setattr(
        "lnl_core.accel.together.stacks", lambda method, data: _stacks_with(refuse, method, data)
    )
    (first, *_) = stacked(configs(name, **TAME.get(name, {})))
    assert len(steps) == 3 * len(first.history)  # three updates an epoch, of all at once


def _stacks_with(step, method, data) -> bool:
    return vars(type(method)).get("stacks", False) and type(method).step is step


# --- nets, optimisers, data -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "options"),
    [("lenet", {}), ("resnet14", {}), ("resnet14", {"norm": "keras"}), ("preact-resnet32", {})],
)
def test_convolutions_and_running_statistics(net, options):
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (24, 3, 16, 16), generator=draw, dtype=torch.uint8)
    y = torch.arange(24) % 2
    colour = Dataset("colour", x, y, x, y, ("a", "b"), "made by a test")
    group = [
        dataclasses.replace(
            configure(
                "forward", dataset=colour, noise=f"symmetric:{rate}", net=net, net_options=options,
                seed=seed, epochs=2, batch_size=8, lr=0.01, preprocess="pixel-mean",
                optimizer="sgd", schedule="constant",
            ),
            val_fraction=0.25,
        )
        for seed, rate in ((0, 0.1), (1, 0.2))
    ]  # fmt: skip
    for together, separate in zip(
        stacked(group, dataset=colour), alone(group, colour), strict=True
    ):
        # Twenty layers of normalisation magnify the last digits.
        assert_close_runs(together, separate, rtol=5e-3, atol=5e-4)
        counts = [v for k, v in weights(together).items() if k.endswith("num_batches_tracked")]
        assert all(count.item() == 6 for count in counts) and (counts or net == "lenet")


def test_token_ids():
    x, y = torch.arange(200).reshape(40, 5) % 50, torch.arange(40) % 2
    words = Dataset("own words", x, y, x, y, ("a", "b"), "made by a test")
    group = [
        configure("forward", dataset=words, noise="symmetric:0.2", seed=seed, epochs=2,
                  net_options={"dropout": 0.0})
        for seed in range(2)
    ]  # fmt: skip
    for together, separate in zip(stacked(group, dataset=words), alone(group, words), strict=True):
        assert_close_runs(together, separate)


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "adam", "lr": 0.01},
        {"optimizer": "adagrad", "lr": 0.01, "weight_decay": 0.01},
        {"optimizer": "sgd", "nesterov": True, "schedule": "step", "lr_drops": (1, 2)},
        {"weight_decay": 0.1, "decay": "kernels", "penalised_val_loss": True},
        {"schedule": "cosine", "epoch_length": "with-validation"},
        {"batch_size": 47, "preprocess": "pixel-mean"},
        {"batch_size": 20, "preprocess": "standardise"},
    ],
    ids=lambda training: ",".join(training),
)
def test_however_it_is_trained(training):
    group = configs(**training)
    for together, separate in zip(stacked(group), alone(group), strict=True):
        assert_close_runs(together, separate)
        assert len({record.lr for record in together.history}) == (
            1 if together.config.train.schedule == "constant" else 3
        )


def test_multi_label_data():
    dataset = random_dataset(multi_label=True)
    group = [config_of("cross-entropy", seed, "none", dataset=dataset) for seed in range(3)]
    for together, separate in zip(
        stacked(group, dataset=dataset), alone(group, dataset), strict=True
    ):
        assert_close_runs(together, separate)


def test_in_bfloat16():
    """Rounded to three digits at each product, so not equal to more than two."""
    group = configs(precision="bfloat16")
    try:
        separate = alone(group)
    except InputError as error:
        pytest.skip(str(error))
    for together, other in zip(stacked(group), separate, strict=True):
        for one, two in zip(together.history, other.history, strict=True):
            assert one.train_loss == pytest.approx(two.train_loss, rel=0.02)
    full = stacked(configs())
    assert full[0].history[-1].train_loss != together.history[-1].train_loss


def test_a_group_of_one():
    (config, *_) = configs()
    assert_close_runs(*stacked([config]), *alone([config]))


# --- what is random -------------------------------------------------------------------------------


def test_with_dropout_each_model_draws_its_own():
    """Three models alike in everything but their draws come out different, and none is favoured."""
    same = [config_of("cross-entropy", 0, "none", dropout=0.5, epochs=1)] * 3
    runs = stacked(same)
    kernels = [weights(run)["net.head.weight"] for run in runs]
    assert not torch.equal(kernels[0], kernels[1]) and not torch.equal(kernels[1], kernels[2])
    again = [weights(run)["net.head.weight"] for run in stacked(same)]
    assert_same(kernels, again)


def test_each_epoch_draws_anew(monkeypatch):
    seeds = []
    own = Group.train
    monkeypatch.setattr(Group, "train", lambda *a: seeds.append(a[-1]) or own(*a))
    stacked(configs("forward-estimated"))
    stacked(configs("forward-estimated"))
    assert len(set(seeds)) == 6 and seeds[:6] == seeds[6:]


def test_with_dropout_runs_learn_as_well_as_alone():
    dataset = random_dataset(200)
    group = [
        config_of("cross-entropy", seed, "symmetric:0.1", dropout=0.25, epochs=25, dataset=dataset)
        for seed in range(3)
    ]
    for run in stacked(group, dataset=dataset):
        assert run.history[-1].test_accuracy > 0.8  # chance is 0.25


def test_the_callers_random_state_is_left_alone():
    before = torch.get_rng_state()
    stacked(configs(dropout=0.25))
    assert torch.equal(before, torch.get_rng_state())


# --- stopping, diverging --------------------------------------------------------------------------


def stop_at(together: list[tuple[Run, Deferred]], run: Run, epochs: int) -> None:
    """Break off as soon as that run has so many epochs."""

    class Stop(Exception):
        pass

    own = run.entry.recipe

    def recipe(run, **options):
        for event in own(run, **options):
            yield event
            if len(run.history) == epochs:
                raise Stop

    run.entry = dataclasses.replace(run.entry, recipe=recipe)
    with pytest.raises(Stop):
        list(train_together(together))


@pytest.mark.parametrize("name", ["cross-entropy", "forward-estimated"])
def test_stopped_and_resumed_is_as_if_never_stopped(name, tmp_path):
    """Bit for bit, dropout included: the last one of the group has its record as well."""
    group = configs(name, dropout=0.25)
    whole = stacked(group)
    for epochs in range(1, len(whole[0].history)):
        folder = tmp_path / str(epochs)
        together = members(group, checkpoints=folder)
        stop_at(together, together[-1][0], epochs)
        torch.manual_seed(epochs)  # another process has other random numbers
        for one, other in zip(whole, stacked(group, checkpoints=folder), strict=True):
            assert_same_runs(one, other)


@pytest.mark.parametrize("which", [0, 1])
def test_resumed_at_different_epochs_each_is_still_the_run_alone(which, tmp_path):
    """Stopped before the last one of the group has its record: the others are an epoch ahead,
    and at another learning rate."""
    group = configs(epochs=4, schedule="step", lr_drops=(1, 2, 3))
    together = members(group, checkpoints=tmp_path)
    stop_at(together, together[which][0], 2)
    epochs = [
        len(torch.load(file, weights_only=True)["history"])
        for file in sorted(tmp_path.glob("*/train.pt"))
    ]
    assert epochs == [2] * (which + 1) + [1] * (2 - which)
    resumed = stacked(group, checkpoints=tmp_path)
    for one, other in zip(resumed, alone(group), strict=True):
        assert_close_runs(one, other)


def test_a_stacked_run_may_be_finished_alone(tmp_path):
    group = configs()
    together = members(group, checkpoints=tmp_path)
    stop_at(together, together[2][0], 1)
    separate = alone(group)
    for number, config in enumerate(group):
        run = Run(
            config, device="cpu", dataset=random_dataset(), checkpoints=tmp_path / str(number)
        )
        assert_close_runs(finish(run), separate[number])


def test_a_run_that_diverges_leaves_the_others_as_they_are():
    group = configs(epochs=4)
    together = members(group)
    spoilt = together[1][0]
    own = spoilt.build

    def build(*args, **options):
        method = own(*args, **options)
        with torch.no_grad():
            method.net.head.weight.fill_(float("inf"))
        return method

    spoilt.build = build
    ended = dict(train_together(together))
    assert "epoch 1" in str(ended[spoilt])
    assert spoilt.history == []
    assert spoilt.document(ended[spoilt])["status"] == "diverged"
    separate = alone(group)
    for number in (0, 2):
        assert ended[together[number][0]] is None
        assert_close_runs(together[number][0], separate[number])


# --- what does not stack --------------------------------------------------------------------------


def test_a_recurrent_net_does_not_stack_and_trains_all_the_same():
    x, y = torch.arange(100).reshape(20, 5), torch.arange(20) % 2
    words = Dataset("own words", x, y, x, y, ("a", "b"), "made by a test")
    sizes = {"dimensions": 4, "units": 4, "hidden": 4}
    group = [
        configure("forward", dataset=words, noise="symmetric:0.2", net="lstm", net_options=sizes,
                  seed=seed, epochs=2)
        for seed in range(2)
    ]  # fmt: skip
    runs = stacked(group, dataset=words)
    assert not stacks(runs[0].method, TrainingSet(runs[0].data, group[0].train))
    for one, other in zip(runs, alone(group, words), strict=True):
        assert_same_runs(one, other)


def test_what_a_method_changes_between_two_epochs_reaches_the_stack(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    class Fading(Method):
        """Cross-entropy that counts for less in each epoch, and for less in the run with more
        noise."""

        stacks = True

        def __init__(self, net, data):
            super().__init__(net, data)
            self.register_buffer("weight", torch.ones(()))
            self.noise = 1 - data.transition_matrix.diagonal().mean()

        def begin_epoch(self, epoch, data):
            self.weight.mul_(0.7 - self.noise)

        def loss(self, batch):
            return self.weight * super().loss(batch)

    register("fading", Fading, "fades")
    group = configs("fading")
    runs = stacked(group)
    assert len({run.method.weight.item() for run in runs}) == 3
    for together, separate in zip(runs, alone(group), strict=True):
        assert_close_runs(together, separate)


def test_a_recipe_that_stacks_in_one_stage_alone(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    class Own(Method):
        def step(self, batch, optimizer):
            return super().step(batch, optimizer)

    def half(run):
        yield from run.fit(run.build(get_method("cross-entropy").method), stage="first")
        yield from run.fit(run.build(Own), stage="second")

    register("half", half, "two stages")
    group = configs("half")
    for together, separate in zip(stacked(group), alone(group), strict=True):
        assert [record.stage for record in together.history] == ["first"] * 3 + ["second"] * 3
        assert_close_runs(together, separate)


def test_one_method_fitted_twice_has_the_data_and_the_optimiser_of_each_stage(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    def again(run):
        method = run.build(Method)
        yield from run.fit(method, stage="first")
        yield from run.fit(method, stage="half", data=_halved(run.data))
        yield from run.fit(method, stage="adam", data=_halved(run.data))

    again.stacks = True
    register("again", again, "three stages")
    group = configs("again", momentum=0.9)
    adam = dataclasses.replace(group[0].train, optimizer="adam", lr=0.01)
    group = [dataclasses.replace(config, stages={"adam": adam}) for config in group]
    for together, separate in zip(stacked(group), alone(group), strict=True):
        assert_close_runs(together, separate)


def _halved(data):
    """The same data with half of the labels one class on."""
    labels = data.train.labels.clone()
    labels[::2] = (labels[::2] + 1) % data.num_classes
    return dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels))
