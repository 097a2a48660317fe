"""Joint optimization: when and how labels change, what a pass remembers, what the terms are for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from training_helpers import finish, random_dataset, small_config, small_run, softmax

from lnl_core import InputError, Run, TrainConfig, TrainingSet
from lnl_core.methods.relabelling.relabel import Relabel, Retrain


class Fixed(torch.nn.Module):
    """A net whose logits are a table that no training changes: row i for sample i."""

    def __init__(self, table: torch.Tensor):
        super().__init__()
        self.table = table
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.table[x[:, 0, 0, 0].round().long()] * self.scale


def relabel(epochs: int = 6, count: int = 8, classes: int = 3, **options):
    """Step 1 on samples that are their own numbers, with a net that says what the test tells it;
    and a function that trains it for an epoch in which the net says `table`."""
    run = small_run(dataset=random_dataset(count, classes=classes))
    x = torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1)
    labels = torch.arange(count) % classes
    split = dataclasses.replace(run.data.train, x=x, labels=labels, clean=labels)
    config = TrainConfig(epochs=epochs, batch_size=3, lr=1e-12, preprocess="none")
    data = TrainingSet(dataclasses.replace(run.data, train=split, _fitted={}), config)
    net = Fixed(torch.zeros(count, classes))
    method = Relabel(net, data, **options)
    optimizer = torch.optim.SGD(method.parameters(), lr=1e-12)

    def train(epoch: int, table: np.ndarray) -> np.ndarray:
        net.table = torch.tensor(table, dtype=torch.float32)
        method.begin_epoch(epoch, data)
        method.train()
        for batch in method.batches(data):
            method.step(batch, optimizer)
        return method.labels.double().numpy()

    train.data = data
    return method, train


def tables(count: int, shape=(8, 3), seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [3 * rng.normal(size=shape) for _ in range(count)]


GIVEN = np.eye(3)[np.arange(8) % 3]

# --- which labels, and when ----------------------------------------------------------------------


def test_soft_labels_are_the_mean_of_the_last_epochs_outputs():
    said = tables(6)
    _, train = relabel(start_epoch=2, memory=3)
    for epoch, table in enumerate(said, 1):
        labels = train(epoch, table)
        past = [softmax(t) for t in said[max(0, epoch - 3) : epoch]]
        expected = GIVEN if epoch < 2 else np.mean(past, 0)
        np.testing.assert_allclose(labels, expected, atol=1e-6)


def test_without_a_bound_the_mean_is_that_of_all_epochs():
    said = tables(6)
    _, train = relabel(start_epoch=1, memory=None)
    for epoch, table in enumerate(said, 1):
        labels = train(epoch, table)
        np.testing.assert_allclose(
            labels, np.mean([softmax(t) for t in said[:epoch]], 0), atol=1e-6
        )


def test_zero_filled_divides_by_the_whole_memory_as_the_authors_code_does():
    said = tables(6)
    _, train = relabel(start_epoch=0, memory=4, zero_filled=True)
    for epoch, table in enumerate(said, 1):
        labels = train(epoch, table)
        expected = np.sum([softmax(t) for t in said[max(0, epoch - 4) : epoch]], 0) / 4
        np.testing.assert_allclose(labels, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("epochs", "options", "changed"),
    [
        (20, {}, range(7, 21)),  # 35%: 70 of 200
        (3, {}, range(1, 4)),
        (6, {"start_epoch": 0}, range(1, 7)),
        (6, {"start_epoch": 3, "stop_epoch": 4}, range(3, 5)),
        (6, {"start_epoch": 9}, range(0)),
        (6, {"start_epoch": 1, "stop_epoch": 0}, range(0)),
    ],
)
def test_labels_change_after_the_epochs_from_start_to_stop(epochs, options, changed):
    _, train = relabel(epochs, memory=1, **options)
    before, found = GIVEN, []
    for epoch, table in enumerate(tables(epochs), 1):
        labels = train(epoch, table).copy()
        if not np.allclose(labels, before):
            found.append(epoch)
        before = labels
    assert found == list(changed)


def test_the_start_is_counted_in_step_1s_own_epochs():
    """And not in those of step 2, which may be fewer: 70 of 200, and not 42 of 120."""
    config = dataclasses.replace(
        small_config("joint"),
        train=TrainConfig(epochs=2, batch_size=16),
        stages={"relabel": TrainConfig(epochs=20, batch_size=16)},
    )
    run = finish(Run(config, device="cpu", dataset=random_dataset()))
    noisy = 1 - run.data.noise.realised_rate
    recovered = [r.diagnostics["recovered"] for r in run.history if r.stage == "relabel"]
    assert recovered[:6] == pytest.approx([noisy] * 6)
    assert recovered[6] != pytest.approx(noisy)


def test_hard_labels_are_the_largest_class_of_the_mean():
    said = tables(6)
    _, train = relabel(start_epoch=2, memory=3, soft=False)
    for epoch, table in enumerate(said, 1):
        labels = train(epoch, table)
        mean = np.mean([softmax(t) for t in said[max(0, epoch - 3) : epoch]], 0)
        np.testing.assert_array_equal(labels, GIVEN if epoch < 2 else np.eye(3)[mean.argmax(-1)])


def test_of_hard_labels_the_most_unlikely_change_first():
    said = tables(1)[0]
    likely = softmax(said)[np.arange(8), np.arange(8) % 3]
    differ = [i for i in np.argsort(likely) if said[i].argmax() != i % 3]
    assert len(differ) > 3
    for top in (1, 3, 8, 500):
        _, train = relabel(start_epoch=1, memory=1, soft=False, top=top)
        labels = train(1, said)
        moved = np.flatnonzero((labels != GIVEN).any(-1))
        assert set(moved) == set(differ[:top])
        np.testing.assert_array_equal(labels[moved], np.eye(3)[said[moved].argmax(-1)])


def test_an_agreeing_label_does_not_take_a_place_among_the_top():
    """Sample 0 agrees with a hesitant network, sample 1 does not with a surer one."""
    said = np.full((8, 3), 0.0)
    said[0, 0] = 0.01
    said[1] = [1.0, 0.9, -9]
    said[2:, 2] = 9.0
    said[np.arange(2, 8), np.arange(2, 8) % 3] = 20.0
    _, train = relabel(start_epoch=1, memory=1, soft=False, top=1)
    labels = train(1, said)
    assert np.flatnonzero((labels != GIVEN).any(-1)).tolist() == [1]


def test_outputs_of_a_pass_of_their_own_are_taken_in_evaluation_mode():
    """In training mode dropout makes outputs differ from what the network then predicts."""
    runs = {
        outputs: small_run("joint", epochs=3, options={"outputs": outputs, "memory": 1})
        for outputs in ("training", "evaluation")
    }
    distance = {}
    for outputs, run in runs.items():
        for record in run:
            if (record.stage, record.epoch) == ("relabel", 3):
                break
        run.method.eval()
        with torch.no_grad():
            said = run.method.predict(run.data.preprocess("unit")(run.data.train.x))
        distance[outputs] = float((said - run.method.labels).abs().max())
    assert distance["evaluation"] < 1e-6 < 1e-3 < distance["training"]


def test_a_sample_that_a_pass_leaves_out_keeps_its_last_output():
    _, train = relabel(start_epoch=1, memory=1)
    said = tables(2)
    train(1, said[0])
    whole = train.data.batches
    train.data.batches = lambda views: whole(views, index=torch.arange(1, 8))
    labels = train(2, said[1])
    expected = np.concatenate([softmax(said[0])[:1], softmax(said[1])[1:]])
    np.testing.assert_allclose(labels, expected, atol=1e-6)


def test_the_prior_is_uniform_or_the_noisy_labels():
    uniform, _ = relabel()
    labels, _ = relabel(prior="labels")
    assert uniform.prior.tolist() == pytest.approx([1 / 3] * 3)
    assert labels.prior.tolist() == pytest.approx([3 / 8, 3 / 8, 2 / 8])


def test_the_loss_is_equation_5():
    method, train = relabel(alpha=0.7, beta=0.3, prior="labels", start_epoch=1, memory=1)
    soft = train(1, tables(1)[0]).copy()
    now = tables(1, seed=5)[0]
    method.net.table = torch.tensor(now, dtype=torch.float32)
    index = torch.tensor([4, 0, 7])
    batch = type("Batch", (), {"x": index.view(-1, 1, 1, 1).float(), "index": index})
    with torch.no_grad():
        found = method.loss(batch).double().numpy()
    s, y, p = softmax(now)[index], soft[index], np.array([3, 3, 2]) / 8
    l_c = (y * np.log(y / s)).sum(-1)
    l_p = (p * np.log(p / s.mean(0))).sum()
    l_e = -(s * np.log(s)).sum(-1)
    np.testing.assert_allclose(found, l_c + 0.7 * l_p + 0.3 * l_e, atol=1e-5)


# --- two steps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["joint", "joint-hard"])
def test_step_2_starts_anew_on_the_labels_of_step_1(name):
    run = small_run(name)
    first = None
    for record in run:
        if record.stage == "relabel":
            first = run.method
    assert [r.stage for r in run.history] == ["relabel"] * 3 + ["retrain"] * 3
    assert isinstance(first, Relabel) and isinstance(run.method, Retrain)
    assert torch.equal(first.labels, run.method.labels)
    assert first.net is not run.method.net
    hard = torch.equal(first.labels, first.labels.round())
    assert hard == (name == "joint-hard")


def test_recovery_of_the_labels_is_in_the_records():
    run = finish(small_run("joint", epochs=25, noise="symmetric:0.3", dataset=random_dataset(200)))
    right = (run.method.labels.argmax(-1) == run.data.train.clean).double().mean().item()
    last = run.history[-1].diagnostics
    assert last["recovered"] == pytest.approx(right)
    assert right > 0.9 > 1 - run.data.noise.realised_rate
    shares = [value for name, value in last.items() if name.startswith("share_")]
    assert sum(shares) == pytest.approx(1)


# --- what the terms are for (Section 4.2) --------------------------------------------------------


def terms(alpha: float, beta: float, epochs: int = 60) -> torch.Tensor:
    """Labels of step 1 from the first epoch on, where a network of one bias a class can only be
    constant: what the loss alone makes of it."""
    run = small_run(dataset=random_dataset(60, classes=3), noise="symmetric:0.3")
    data = TrainingSet(run.data, TrainConfig(epochs=epochs, batch_size=60, lr=1.0))

    class Bias(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = torch.nn.Parameter(torch.tensor([0.5, 0.0, 0.0]))

        def forward(self, x):
            return self.bias.expand(len(x), -1)

    # Outputs of a pass of their own are those of the weights as the epoch leaves them.
    options = {"start_epoch": 0, "memory": 1, "outputs": "evaluation"}
    method = Relabel(Bias(), data, alpha=alpha, beta=beta, **options)
    optimizer = torch.optim.SGD(method.parameters(), lr=1.0)
    for epoch in range(1, epochs + 1):
        method.begin_epoch(epoch, data)
        for batch in method.batches(data):
            method.step(batch, optimizer)
    return method.labels


def test_without_l_p_all_labels_become_one_class():
    collapsed = terms(alpha=0.0, beta=0.8)
    assert (collapsed.mean(0).max() > 0.95) and (collapsed.argmax(-1) == 0).all()
    kept = terms(alpha=1.2, beta=0.8)
    assert kept.mean(0).max() < 0.6


def test_without_l_p_and_l_e_updated_labels_leave_nothing_to_learn():
    """At y = s the gradient of KL(y ‖ s) is zero: weights and labels are stuck where they are."""
    stuck, later = terms(alpha=0.0, beta=0.0, epochs=2), terms(alpha=0.0, beta=0.0, epochs=40)
    torch.testing.assert_close(stuck, later, atol=1e-5, rtol=0)
    assert stuck.max() < 0.9
    moving = terms(alpha=0.0, beta=0.8, epochs=40)
    assert moving.max() > stuck.max() + 0.2


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("alpha", -0.1, "alpha is -0.1"),
        ("beta", float("inf"), "beta is inf"),
        ("start_epoch", -1, "start_epoch is -1, but it must be a whole number from 0 up"),
        ("stop_epoch", 2.5, "stop_epoch is 2.5"),
        ("memory", 0, "memory is 0, but it must be a whole number from 1 up"),
        ("outputs", "eval", "did you mean 'evaluation'"),
        ("prior", "label", "did you mean 'labels'"),
        ("zero_filled", 1, "zero_filled is 1"),
    ],
)
def test_bad_options_are_named_with_their_range(option, value, words):
    for name in ("joint", "joint-hard"):
        with pytest.raises(InputError, match=words.replace("(", r"\(")):
            finish(small_run(name, options={option: value}))


def test_top_is_for_hard_labels_alone():
    with pytest.raises(InputError, match="no option 'top'"):
        small_run("joint", options={"top": 5})
    with pytest.raises(InputError, match="top is 0"):
        finish(small_run("joint-hard", options={"top": 0}))
