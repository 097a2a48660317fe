"""What every registered method must pass, and what single methods promise.

A new method is in here as soon as it is registered. What it cannot do without (an option that has
no default) goes into `training_helpers.OPTIONS`.
"""

from __future__ import annotations

import dataclasses
import inspect
import random
from itertools import zip_longest

import numpy as np
import pytest
import torch
from training_helpers import (
    OPTIONS,
    TRAINING,
    assert_same,
    assert_same_runs,
    finish,
    random_dataset,
    small_config,
    small_run,
    timeless,
    weights,
)

from lnl_core import InputError, Run, TrainingSet
from lnl_core.data import Split
from lnl_core.methods import get_method, method_names, register, registry

every_method = pytest.mark.parametrize("name", method_names())
NOISE = "symmetric:0.3"


def with_split(run: Run, **changes: torch.Tensor) -> Run:
    """The run with some of its training split's tensors replaced."""
    run.data = dataclasses.replace(run.data, train=dataclasses.replace(run.data.train, **changes))
    return run


def inputs(run: Run) -> torch.Tensor:
    return run.data.preprocess(run.config.train.preprocess)(run.data.test.x)


# --- training ---------------------------------------------------------------------------------


@every_method
def test_training_changes_the_weights_and_the_losses_are_numbers(name):
    run = small_run(name, epochs=2, batch_size=24)  # 48 samples: two steps an epoch
    records = iter(run)
    next(records)
    before = {key: value.clone() for key, value in run.method.named_parameters()}
    next(records)
    after = dict(run.method.named_parameters())
    assert any(not torch.equal(before[key], after[key]) for key in before)
    for record in run.history:
        assert np.isfinite([record.train_loss, record.val_loss, record.val_clean_loss]).all()
        assert 0 <= record.test_accuracy <= 1


@every_method
def test_every_net_is_trained(name):
    short, long = (finish(small_run(name, epochs=epochs)) for epochs in (1, 3))
    for key, value in short.method.named_parameters():
        if value.requires_grad:
            assert not torch.equal(value, dict(long.method.named_parameters())[key]), key


@every_method
def test_it_learns_what_can_be_learned(name):
    given = {"noise": "symmetric:0.1", "epochs": 25, "dataset": random_dataset(200)}
    run = finish(small_run(name, **given, **TRAINING.get(name, {})))
    assert run.history[-1].test_accuracy > 0.8  # chance is 0.25


@every_method
def test_predictions_are_probabilities(name):
    run = finish(small_run(name))
    run.method.eval()
    with torch.no_grad():
        rows = run.method.predict(inputs(run))
        largest = run.method.logits(inputs(run)).argmax(-1)
    assert rows.shape == (len(run.data.test), run.data.num_classes)
    assert (rows >= 0).all()
    assert torch.allclose(rows.sum(-1), torch.ones(len(rows)), atol=1e-5)
    assert torch.equal(rows.argmax(-1), largest)  # what is evaluated is what is predicted


# --- the same numbers again -------------------------------------------------------------------


@every_method
def test_the_same_config_gives_the_same_run(name):
    assert_same_runs(finish(small_run(name)), finish(small_run(name)))


@every_method
def test_iterating_a_run_again_trains_it_anew(name):
    run = finish(small_run(name))
    first_weights, first_history = weights(run), timeless(run.history)
    finish(run)
    assert_same(first_weights, weights(run))
    assert first_history == timeless(run.history)


def states(folder) -> dict:
    """Every stage's checkpoint, without what is never the same: seconds."""
    saved = {path.name: torch.load(path, weights_only=True) for path in sorted(folder.glob("*.pt"))}
    for state in saved.values():
        for record in state["history"]:
            record["seconds"] = 0.0
    return saved


@every_method
def test_stopped_at_any_epoch_and_resumed_is_as_if_never_stopped(name, tmp_path):
    plain = finish(small_run(name))
    whole = finish(small_run(name, checkpoints=tmp_path / "whole"))
    assert_same_runs(plain, whole)
    for stop in range(1, len(whole.history) + 1):
        folder = tmp_path / str(stop)
        for position, _ in enumerate(small_run(name, checkpoints=folder), 1):
            if position == stop:
                break
        torch.manual_seed(stop)  # another process has other random numbers
        resumed = finish(small_run(name, checkpoints=folder))
        assert_same_runs(whole, resumed)
        # Optimiser and random stream as well, to the last bit.
        assert_same(states(tmp_path / "whole"), states(folder))


@every_method
def test_stopped_within_an_epoch_and_resumed_is_as_if_never_stopped(name, tmp_path):
    whole = finish(small_run(name))
    for position, _ in enumerate(small_run(name, checkpoints=tmp_path, steps=True), 1):
        if position == 6:  # three steps, their record, two steps
            break
    assert_same_runs(whole, finish(small_run(name, checkpoints=tmp_path)))


@every_method
def test_the_callers_random_state_is_left_alone(name):
    def state():
        numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
        return torch.get_rng_state().tolist(), str(numpy_state), random.getstate()

    before = state()
    finish(small_run(name))
    assert state() == before


@every_method
def test_what_the_caller_draws_between_two_steps_changes_nothing(name):
    disturbed = small_run(name, steps=True)
    for position, _ in enumerate(disturbed):
        torch.manual_seed(position)
        torch.rand(position + 1)
        np.random.seed(position)  # noqa: NPY002
        random.seed(position)
    assert_same_runs(finish(small_run(name)), disturbed)


@every_method
def test_two_interleaved_runs_are_as_two_separate_ones(name):
    pair = [small_run(name, seed=seed, steps=True) for seed in (0, 1)]
    for _ in zip_longest(*pair):  # how many updates there are may go by what a run has learned
        pass
    for seed, run in enumerate(pair):
        assert_same_runs(finish(small_run(name, seed=seed)), run)


# --- clean labels -----------------------------------------------------------------------------


@every_method
def test_no_method_sees_a_clean_label(name):
    honest, lied_to = small_run(name), small_run(name)
    lies = {
        part: Split(split.x, split.labels, (split.clean + 1) % 4)
        for part, split in (("train", lied_to.data.train), ("val", lied_to.data.val))
    }
    test = lied_to.data.test
    lies["test"] = Split(test.x, (test.labels + 1) % 4, (test.clean + 1) % 4)
    lied_to.data = dataclasses.replace(lied_to.data, **lies)
    finish(honest), finish(lied_to)
    assert_same(weights(honest), weights(lied_to))
    # The lies did reach the evaluation.
    judged = [[record.test_accuracy for record in run.history] for run in (honest, lied_to)]
    assert judged[0] != judged[1]
    for true, false in zip(honest.history, lied_to.history, strict=True):
        assert (true.train_loss, true.val_loss) == (false.train_loss, false.val_loss)
        assert (true.val_accuracy, true.train_accuracy) == (
            false.val_accuracy,
            false.train_accuracy,
        )


@every_method
def test_validation_data_do_not_train(name):
    one, other = small_run(name), small_run(name)
    val = other.data.val
    other.data = dataclasses.replace(
        other.data, val=Split(255 - val.x, (val.labels + 1) % 4, val.clean)
    )
    finish(one), finish(other)
    # The first epoch alone: a recipe may choose its best epoch by the validation loss.
    first, second = one.history[0], other.history[0]
    assert (first.train_loss, first.test_accuracy) == (second.train_loss, second.test_accuracy)
    assert first.val_loss != second.val_loss


# --- degenerate data --------------------------------------------------------------------------


def fits_or_refuses(run: Run) -> None:
    """Trains with finite losses, or says in one sentence why not."""
    try:
        finish(run)
    except InputError as error:
        assert str(error).endswith((".", "?")) and "\n" not in str(error)
        pytest.skip(f"refused: {error}")
    for record in run.history:
        assert record.train_loss is None or np.isfinite(record.train_loss)


@every_method
def test_a_batch_larger_than_the_set(name):
    run = small_run(name, batch_size=1000)
    finish(run)
    assert all(np.isfinite(record.train_loss) for record in run.history)


@every_method
def test_two_training_samples(name):
    config = small_config(name, noise="none", dataset=random_dataset(2, classes=2))
    run = Run(
        dataclasses.replace(config, val_fraction=0.0),
        device="cpu",
        dataset=random_dataset(2, classes=2),
    )
    finish(run)
    assert len(run.data.train) == 2
    assert np.isfinite(run.history[-1].train_loss)


@every_method
def test_one_sample_a_class(name):
    config = small_config(name, noise="none", dataset=random_dataset(4))
    run = Run(
        dataclasses.replace(config, val_fraction=0.0), device="cpu", dataset=random_dataset(4)
    )
    finish(run)
    assert np.isfinite(run.history[-1].train_loss)


@every_method
def test_a_rest_of_one_sample(name):
    run = small_run(name, batch_size=47)  # 48 samples
    finish(run)
    assert np.isfinite(run.history[-1].train_loss)


@every_method
def test_a_class_that_no_noisy_label_names(name):
    run = small_run(name)
    labels = run.data.train.labels
    run = with_split(run, labels=torch.where(labels == 0, 1, labels))
    fits_or_refuses(run)
    assert (run.data.train.labels != 0).all()


@every_method
def test_all_noisy_labels_alike(name):
    run = small_run(name)
    fits_or_refuses(with_split(run, labels=torch.full_like(run.data.train.labels, 2)))


@every_method
def test_without_a_validation_split(name):
    run = Run(
        dataclasses.replace(small_config(name), val_fraction=0.0),
        device="cpu",
        dataset=random_dataset(),
    )
    fits_or_refuses(run)
    last = run.history[-1]
    assert last.val_loss is last.val_accuracy is last.val_clean_loss is None
    assert last.val_clean_accuracy is None
    assert run.document()["metrics"]["best_val"] is None


@every_method
def test_multi_label_data_are_refused_in_one_sentence_or_handled(name):
    dataset = random_dataset(multi_label=True)
    run = Run(small_config(name, noise="none", dataset=dataset), device="cpu", dataset=dataset)
    method = get_method(name).method
    try:
        finish(run)
    except InputError as error:
        assert "multi-label" in str(error) and "\n" not in str(error)
        assert method is None or not method.multi_label
        return
    assert method is None or method.multi_label
    run.method.eval()
    with torch.no_grad():
        answers = run.method.predict(inputs(run))
    assert ((answers >= 0) & (answers <= 1)).all()
    assert not torch.allclose(answers.sum(-1), torch.ones(len(answers)))  # no softmax
    assert 0 <= run.history[-1].test_accuracy <= 1
    assert np.isfinite(run.history[-1].val_loss)


# --- stacks -----------------------------------------------------------------------------------

stacking = [
    name for name in method_names() if (get_method(name).method or object).__dict__.get("stacks")
]


@pytest.mark.parametrize("name", stacking)
def test_the_criterion_of_a_stack_is_that_of_each_model(name):
    run = finish(small_run(name, epochs=1))
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 9, 4, generator=draw) * 4
    labels = torch.randint(0, 4, (3, 9), generator=draw)
    stacked = run.method.criterion(logits, labels)
    assert stacked.shape == (3, 9)
    for m in range(3):
        assert torch.allclose(stacked[m], run.method.criterion(logits[m], labels[m]), atol=1e-6)


# --- options ----------------------------------------------------------------------------------


@every_method
def test_an_unknown_option_is_refused_and_the_known_ones_named(name):
    with pytest.raises(InputError, match="no option 'zeal'") as caught:
        small_run(name, options={"zeal": 1})
    for option in get_method(name).options:
        assert option in str(caught.value)


every_option = pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in method_names() for option in get_method(name).options],
)


@every_option
@pytest.mark.parametrize("value", ["no such value", -7.5, float("nan"), (1, "x")], ids=repr)
def test_an_option_refuses_what_it_cannot_use(name, option, value):
    run = small_run(name, options={option: value})
    with pytest.raises(InputError) as caught:
        finish(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("forward", "base", []), ("backward", "base", {}), ("dropout-layer", "layer", []),
        ("forward", "transition_matrix", 10**400), ("mixup", "alpha", 10**400),
        ("joint", "alpha", 1e300), ("joint", "memory", 10**18), ("can", "dimensions", 10**18),
        ("can", "hidden", 10**18), ("dividemix", "average_losses", 10**18),
        ("unicon", "projection", 10**18), ("sft", "memory", 10**18),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_an_option_refuses_what_is_no_name_and_what_is_beyond_all_use(name, option, value):
    with pytest.raises(InputError) as caught:
        finish(small_run(name, options={option: value}))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["unhinged", "sigmoid"])
@pytest.mark.parametrize(("samples", "batch_size"), [(60, 1), (1, 16)])
def test_what_normalises_batches_refuses_batches_of_one(name, samples, batch_size):
    run = small_run(name, batch_size=batch_size)
    run.data = dataclasses.replace(run.data, train=run.data.train.head(samples))
    with pytest.raises(InputError, match=r"over a batch, .* 1 sample"):
        finish(run)


@every_option
def test_an_option_at_its_default_may_be_given(name, option):
    default = get_method(name).defaults[option]
    if default is inspect.Parameter.empty:
        default = OPTIONS[name][option]
    assert_same_runs(finish(small_run(name)), finish(small_run(name, options={option: default})))


#: Values that are not the default: these options, dropped on their way, would go unnoticed.
OTHER = {
    "l-dmi": {"floor": 5.0, "batch_size": 24},
    "peer-loss": {"floor": 0.1},
    "cores2": {"floor": 0.1},
    "t-revision": {"percentile": 80.0, "cumulative": True},
    "pencil": {"alpha": 0.1, "beta": 0.8, "label_rate": 100.0, "double_softmax": False},
    "m-correction": {"alpha": 1.0},
    "mentornet": {"early": 0.9},
    "nct": {"most_random": 0.9, "settled": 0},
    "iterative-cv": {"warm_up": 0, "ramp": 1, "evaluated": "mean"},
    "instancegm": {"generative": 0.2, "rate": 0.2},
    "ngc": {"spread": 0.9, "high": 0.1},
    "sft": {"memory": 4, "threshold": 0.9},
}


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, given in OTHER.items() for option in given]
)
def test_an_option_does_something(name, option):
    losses = []
    for options in ({}, {option: OTHER[name][option]}):
        run = finish(small_run(name, noise="symmetric:0.4", epochs=6, options=options))
        losses.append([(record.train_loss, record.val_loss) for record in run.history])
    assert losses[0] != losses[1]


# --- single methods ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("forward", {"transition_matrix": np.eye(4)}),
        ("backward", {"transition_matrix": np.eye(4)}),
        ("bootstrap-soft", {"beta": 1}),
    ],
)
def test_where_there_is_nothing_to_correct_it_is_cross_entropy_weight_for_weight(name, options):
    plain = finish(small_run("cross-entropy", epochs=4))
    corrected = finish(small_run(name, epochs=4, options=options))
    for key, value in plain.method.net.state_dict().items():
        assert torch.allclose(value, corrected.method.net.state_dict()[key], atol=1e-6), key
    for one, other in zip(plain.history, corrected.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-6)
        assert one.test_accuracy == other.test_accuracy


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_the_matrix_that_made_the_noise_is_the_default(name):
    given = (0.7 * np.eye(4) + 0.1 * (1 - np.eye(4))).tolist()
    assert_same_runs(
        finish(small_run(name)), finish(small_run(name, options={"transition_matrix": given}))
    )


def test_the_weight_of_a_label_in_bootstrapping_is_095_unless_given():
    default, given = (
        small_run("bootstrap-soft"),
        small_run("bootstrap-soft", options={"beta": 0.95}),
    )
    assert_same_runs(finish(default), finish(given))


def test_forward_uses_the_matrix_and_not_its_transpose():
    t = np.eye(4)
    t[0] = [0.2, 0.8, 0, 0]  # class 0 is often called 1
    run = finish(small_run("forward", epochs=1, options={"transition_matrix": t}))
    sure_of_class_0 = torch.tensor([[20.0, 0, 0, 0]])
    losses = [run.method.criterion(sure_of_class_0, torch.tensor([k])).item() for k in (0, 1)]
    assert losses == pytest.approx([-np.log(0.2), -np.log(0.8)], abs=1e-4)


def test_backward_is_unbiased_for_the_clean_loss():
    t = np.array([[0.6, 0.4, 0, 0], [0.1, 0.9, 0, 0], [0, 0, 0.7, 0.3], [0.2, 0, 0, 0.8]])
    run = finish(small_run("backward", epochs=1, options={"transition_matrix": t}))
    logits = torch.tensor([[2.0, -1.0, 0.5, 0.0]])
    on_each = torch.stack([run.method.criterion(logits, torch.tensor([k])) for k in range(4)])
    clean = -torch.log_softmax(logits, -1)[0]
    assert torch.allclose(torch.tensor(t, dtype=torch.float32) @ on_each[:, 0], clean, atol=1e-4)


def test_the_matrix_option_is_checked_against_the_classes():
    with pytest.raises(InputError, match="3x3 but the data have 4"):
        finish(small_run("forward", options={"transition_matrix": np.eye(3)}))


def test_backward_refuses_a_singular_matrix_and_names_the_way_out():
    with pytest.raises(InputError, match=r"cannot be inverted.*forward"):
        finish(small_run("backward", options={"transition_matrix": np.full((4, 4), 0.25)}))


# --- the registry -----------------------------------------------------------------------------


@pytest.fixture
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


@every_method
def test_every_method_says_what_it_is(name):
    entry = get_method(name)
    assert entry.name == name and entry.summary and entry.version >= 1


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'forward'"):
        get_method("foward")


def test_a_recipe_of_two_stages_runs_and_resumes(own_registry, tmp_path):
    def twice(run, beta=0.9):
        yield from run.fit(run.build(get_method("cross-entropy").method), stage="first")
        yield from run.fit(
            run.build(get_method("bootstrap-soft").method, beta=beta), stage="second"
        )

    register("twice", twice, "two stages")
    assert get_method("twice").options == ("beta",)
    whole = finish(small_run("twice"))
    assert [record.stage for record in whole.history] == ["first"] * 3 + ["second"] * 3
    for stop in range(1, 6):
        for position, _ in enumerate(small_run("twice", checkpoints=tmp_path / str(stop)), 1):
            if position == stop:
                break
        assert_same_runs(whole, finish(small_run("twice", checkpoints=tmp_path / str(stop))))


def test_the_nets_of_one_run_start_differently(own_registry):
    run = small_run()
    one, other = run.net(), run.net()
    assert not torch.equal(one.head.weight, other.head.weight)


def test_a_method_may_have_two_nets(own_registry):
    base = get_method("cross-entropy").method

    class Pair(base):
        """Two nets, averaged."""

        nets = 2

        def __init__(self, net, peer, data: TrainingSet, weight: float = 0.5):
            super().__init__(net, data)
            self.peer, self.weight = peer, weight

        def logits(self, x):
            return self.weight * self.net(x) + (1 - self.weight) * self.peer(x)

        def loss(self, batch):
            both = (net(batch.x) for net in (self.net, self.peer))
            return sum(self.criterion(logits, batch.labels) for logits in both)

    register("pair", Pair, "two nets")
    assert get_method("pair").options == ("weight",)
    run = finish(small_run("pair"))
    assert not torch.equal(run.method.net.head.weight, run.method.peer.head.weight)


def test_registering_a_name_again_replaces_it(own_registry):
    before = method_names()
    register("forward", get_method("cross-entropy").method, "not forward")
    assert method_names() == before
    assert get_method("forward").summary == "not forward"
