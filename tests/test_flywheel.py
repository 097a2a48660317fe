"""LNL-flywheel: a cycle by the book, whose turn it is, what the ablations leave out, bad splits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch.nn import functional as F
from training_helpers import assert_same_runs, finish, noisy_data, random_dataset, small_run

from lnl_core import DivergedError, InputError, Noise, Run, TrainingSet
from lnl_core.config import TrainConfig
from lnl_core.losses import flywheel as fw
from lnl_core.losses.contrastive import nt_xent
from lnl_core.methods import get_method
from lnl_core.methods.flywheel.flywheel import Flywheel
from lnl_core.methods.flywheel.main import MainEM
from lnl_core.methods.semi_supervised.mixing import mix
from lnl_core.nets import build_net

FLYWHEELS = ["flywheel", "flywheel-no-cr", "flywheel-fixed-epsilon", "flywheel-no-cl"]


class Table(torch.nn.Module):
    """A net whose logits are a table: row i for sample i."""

    def __init__(self, table: np.ndarray):
        super().__init__()
        self.table = torch.nn.Parameter(torch.tensor(table, dtype=torch.float32))

    def forward(self, x):
        return self.table[x[:, 0, 0, 0].round().long()]


def numbered(count: int = 12, classes: int = 3, epochs: int = 8) -> TrainingSet:
    """Samples that are their own numbers."""
    data = noisy_data("none", 0.0, n_train=count, classes=classes)
    x = torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1)
    labels = torch.randint(classes, (count,), generator=torch.Generator().manual_seed(1))
    split = dataclasses.replace(data.train, x=x, labels=labels, clean=labels)
    config = TrainConfig(epochs=epochs, batch_size=4, preprocess="none")
    return TrainingSet(dataclasses.replace(data, train=split, _fitted={}), config)


def tables(*seeds: int, shape: tuple[int, int] = (12, 3)) -> list[np.ndarray]:
    return [2 * np.random.default_rng(seed).normal(size=shape) for seed in seeds]


def in_tables(f: np.ndarray, g: np.ndarray, **options) -> tuple[Flywheel, TrainingSet]:
    data = numbered(*f.shape)
    options = {"warm_up": 0, "contrast": 0.0} | options
    return Flywheel(Table(f), Table(g), data, **options), data


def turn_once(method: Flywheel, data: TrainingSet, epoch: int) -> None:
    """A cycle in which the networks learn nothing."""
    with torch.no_grad():
        method.begin_epoch(epoch, data)
    for _ in method.batches(data):
        pass


def real(epochs: int = 8, **options) -> tuple[Flywheel, TrainingSet]:
    torch.manual_seed(0)
    data = TrainingSet(noisy_data(), TrainConfig(epochs=epochs, batch_size=12))
    nets = [build_net("mlp", (1, 8, 8), 4, hidden=(12,)) for _ in range(2)]
    return Flywheel(*nets, data, **options), data


# --- a cycle by the book ------------------------------------------------------------------------


@pytest.mark.parametrize("refine", [True, False])
def test_three_cycles_are_those_of_the_paper(refine):
    """Eq. 4, 6, 11, T, T_c and 14 in their order, in float64, for networks that stand still."""
    f, g = tables(0, 1)
    method, data = in_tables(f, g, refine_epsilon=refine)
    labels = data.labels.numpy()
    of_f, of_g = softmax(f, -1), softmax(g, -1)[np.arange(12), labels]
    gamma = (f.argmax(-1) == labels).mean()  # f's training accuracy
    epsilon = np.full(12, 1 / 3)
    for epoch in (1, 2, 3):
        q = gamma * of_g / (gamma * of_g + (1 - gamma) * epsilon)
        gamma = q.mean()
        posterior = q[:, None] * np.eye(3)[labels] + (1 - q[:, None]) * of_f
        corrupted = (1 - q[:, None]) * of_f
        t, t_c = (
            np.stack([mass[labels == k].sum(0) for k in range(3)], 1) / mass.sum(0)[:, None]
            for mass in (posterior, corrupted)
        )
        if refine:
            epsilon = (of_f * t_c[:, labels].T).sum(-1)
        turn_once(method, data, epoch)
        for found, expected in (
            (method.cleanness, q), (method.gamma, gamma), (method.posterior, posterior),
            (method.transition_matrix, t), (method.corruption_matrix, t_c),
            (method.epsilon, epsilon), (method.clean_probability(), q),
            (method.corrected_labels(), posterior),
        ):  # fmt: skip
            np.testing.assert_allclose(found, expected, atol=1e-5)
        assert method.diagnostics() == pytest.approx({"gamma": gamma, "epsilon": epsilon.mean()})
    assert {name: value.shape for name, value in method.estimates().items()} == {
        "transition_matrix": (3, 3), "corruption_matrix": (3, 3)
    }  # fmt: skip


def test_what_f_learns_in_its_pass_reaches_g_in_the_same_cycle_and_q_in_the_next():
    f, later, g = tables(0, 1, 2)
    method, data = in_tables(f, g)
    with torch.no_grad():
        method.begin_epoch(1, data)
    turns = []
    for batch in method.batches(data):
        if method.turn == "auxiliary":
            turns.append("f")
            method.net.table.data = torch.tensor(later, dtype=torch.float32)
        else:
            turns.append("g")
            loss = method.loss(batch)
            own = batch.index
            expected = fw.main_loss(
                torch.tensor(g, dtype=torch.float32)[own],
                torch.tensor(later).argmax(-1)[own],
                torch.bincount(torch.tensor(later).argmax(-1), minlength=3) / 12,
                floor=1e-3,
            )
            torch.testing.assert_close(loss, expected)
    assert turns == ["f"] * 3 + ["g"] * 3
    torch.testing.assert_close(method.prediction, torch.tensor(later).softmax(-1).float())
    old = fw.corruption_matrix(method.cleanness, data.labels, torch.tensor(f).softmax(-1))
    torch.testing.assert_close(method.corruption_matrix, old.float())  # of f before its pass


def test_the_prior_of_the_regulariser_may_be_uniform():
    f, g = tables(0, 1)
    f[:, 0] += 9  # all but class 0 vanish
    for prior, expected in (("resampled", [1, 0, 0]), ("uniform", [1 / 3] * 3)):
        method, data = in_tables(f, g, prior=prior)
        turn_once(method, data, 1)
        assert method.prior.tolist() == pytest.approx(expected)


def test_f_is_looked_at_in_two_weak_views_and_its_probabilities_averaged():
    class Wavering(Table):
        """Sure of class 0 and of class 1 in turns."""

        def forward(self, x):
            self.calls = getattr(self, "calls", 0) + 1
            return 20 * torch.eye(3)[self.calls % 2].expand(len(x), 3) + 0 * self.table[0]

    method, data = in_tables(*tables(0, 1))
    method.net = Wavering(tables(0)[0])
    seen = []
    scan = data.scan
    data.scan = lambda views=("plain",): (seen.append(views), scan(views))[1]
    with torch.no_grad():
        method._predict_all(data)
    torch.testing.assert_close(method.prediction, torch.tensor([[0.5, 0.5, 0]] * 12))
    assert seen == [("weak", "weak")]


def test_f_learns_the_refurbished_labels_by_mixup_and_its_features_by_contrast():
    method, data = real(mixup=0.7, contrast=0.5, temperature=0.2)
    with torch.no_grad():
        method.begin_epoch(3, data)
    batch = data.take(torch.arange(12), ("weak", "strong", "strong"))
    torch.manual_seed(5)
    found = method.loss(batch)
    torch.manual_seed(5)
    mixed, target = mix(batch.views[0], method.posterior[:12], 0.7)
    log_p = method.net(mixed).log_softmax(-1)
    one, two = (method.project(method.net.features(view)) for view in batch.views[1:])
    one, two = one / one.norm(dim=-1, keepdim=True), two / two.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(found, -(target * log_p).sum(-1) + 0.5 * nt_xent(one, two, 0.2))


def test_each_pass_trains_its_own_network():
    method, data = real()
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1, momentum=0.9)
    turn_once(method, data, 3)
    with torch.no_grad():
        method.begin_epoch(4, data)
    for batch in method.batches(data):
        own, other = method.net, method.main
        if method.turn == "main":
            own, other = other, own
        before = [[p.clone() for p in net.parameters()] for net in (own, other)]
        method.step(batch, optimizer)
        assert any(not torch.equal(a, b) for a, b in zip(before[0], own.parameters(), strict=True))
        assert all(torch.equal(a, b) for a, b in zip(before[1], other.parameters(), strict=True))


def test_the_auxiliary_network_predicts():
    run = finish(small_run("flywheel"))
    x = run.data.preprocess(run.config.train.preprocess)(run.data.test.x)
    run.method.eval()
    torch.testing.assert_close(run.method.predict(x), run.method.net(x).softmax(-1))


def test_g_may_go_without_augmentation():
    for view in ("weak", "plain"):
        method, data = real(main_view=view)
        asked = []
        batches = data.batches
        data.batches = lambda views, ask=asked, make=batches: (ask.append(views), make(views))[1]
        turn_once(method, data, 3)
        assert asked == [("weak", "strong", "strong"), (view,)]


# --- warm-up ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("epochs", "warm_up"), [(1, 1), (3, 1), (12, 3), (40, 10), (300, 10)])
def test_the_warm_up_is_the_printed_one_or_a_quarter(epochs, warm_up):
    assert real(epochs)[0].warm_up == warm_up


def test_in_the_warm_up_both_networks_learn_the_labels_and_nothing_is_judged():
    method, data = real(warm_up=2)
    method.begin_epoch(2, data)
    batch = next(method.batches(data))
    expected = sum(
        F.cross_entropy(net(batch.x), batch.labels, reduction="none")
        for net in (method.net, method.main)
    )
    torch.testing.assert_close(method.loss(batch), expected)
    assert method.clean_probability() is None and method.corrected_labels() is None
    assert method.diagnostics() == {}
    run = finish(small_run("flywheel", epochs=4, options={"warm_up": 2}))
    judged = ["selection_auc" in record.diagnostics for record in run.history]
    assert judged == [False, False, True, True]


# --- ablations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("flywheel-no-cr", {"regularisation": 0.0}),
        ("flywheel-fixed-epsilon", {"refine_epsilon": False}),
        ("flywheel-no-cl", {"contrast": 0.0}),
    ],
)
def test_an_ablation_is_the_whole_with_one_thing_set(name, options):
    ablated = finish(small_run(name, epochs=4))
    assert_same_runs(ablated, finish(small_run("flywheel", epochs=4, options=options)))
    whole = finish(small_run("flywheel", epochs=4))
    assert ablated.history[-1].train_loss != whole.history[-1].train_loss
    # What is left to choose is what the ablation does not fix.
    assert set(get_method(name).options) <= set(get_method("flywheel").options) - set(options)


def test_without_contrast_there_is_no_strong_view_and_no_head():
    method, data = real(contrast=0.0)
    assert method.project is None
    method.begin_epoch(3, data)
    assert len(next(method.batches(data)).views) == 1


def test_with_epsilon_fixed_it_stays_1_over_k():
    run = finish(small_run("flywheel-fixed-epsilon", epochs=4))
    assert run.method.epsilon.tolist() == [0.25] * 48
    assert finish(small_run("flywheel", epochs=4)).method.epsilon.std() > 0


def test_without_the_auxiliary_network_labels_are_reweighted():
    (table,), data = tables(3), numbered()
    method = MainEM(Table(table), data, regularisation=2.0, warm_up=1)
    with torch.no_grad():
        method.begin_epoch(2, data)
    labels, g = data.labels.numpy(), softmax(table, -1)
    gamma, at_label = (table.argmax(-1) == labels).mean(), g[np.arange(12), labels]
    q = gamma * at_label / (gamma * at_label + (1 - gamma) / 3)
    np.testing.assert_allclose(method.clean_probability(), q, rtol=1e-4)
    assert method.diagnostics() == pytest.approx({"gamma": q.mean(), "epsilon": 1 / 3})
    batch = data.take(torch.arange(12))
    shares = np.bincount(labels, minlength=3) / 12
    expected = -q * np.log(at_label) + 2 * (shares * np.log(g + 1e-3)).sum(-1)
    np.testing.assert_allclose(method.loss(batch).detach(), expected, rtol=1e-4, atol=1e-5)
    assert method.nets == 1 and method.corrected_labels() is None


# --- λ = 3 --------------------------------------------------------------------------------------


def test_at_the_printed_weight_training_needs_the_floor():
    """As printed the main network's loss runs away, to -inf in float32; with the floor, by default
    0.001, it is never below λ log floor."""
    given = {"epochs": 60, "lr": 0.05, "dataset": random_dataset(100)}
    run = finish(small_run("flywheel-no-cl", **given))
    assert all(record.train_loss > 3 * np.log(1e-3) for record in run.history)
    with pytest.raises(DivergedError, match="became -inf"):
        finish(small_run("flywheel-no-cl", options={"floor": 0.0, "mixup": 4.0}, **given))


# --- what it is for -----------------------------------------------------------------------------


PAIRS = np.array([[1, 0, 0, 0], [0.3, 0.7, 0, 0], [0, 0, 1, 0], [0, 0, 0.3, 0.7]])


@pytest.mark.parametrize(
    "noise", ["symmetric-inclusive:0.5", Noise("matrix", matrix=PAIRS)], ids=["even", "pairs"]
)
def test_it_finds_the_wrong_labels_and_replaces_them(noise):
    given = {"noise": noise, "dataset": random_dataset(400), "epochs": 24, "batch_size": 40}
    run, plain = (finish(small_run(name, **given)) for name in ("flywheel", "cross-entropy"))
    last = run.history[-1]
    assert last.diagnostics["selection_auc"] > 0.95
    assert last.diagnostics["recovered"] > 0.9
    assert last.test_accuracy >= plain.history[-1].test_accuracy
    truth = run.data.noise.realised_matrix
    error = np.abs(run.estimates["transition_matrix"] - np.asarray(truth)).mean()
    assert error < 0.05


# --- degenerate splits --------------------------------------------------------------------------


def all_finite(method: torch.nn.Module) -> bool:
    return all(torch.isfinite(value).all() for value in method.state_dict().values())


@pytest.mark.parametrize("sure", [-1.0, 1.0])
def test_no_label_judged_clean_or_none_judged_wrong(sure):
    """g gives every label next to nothing, or everything."""
    f, _ = tables(0, 1)
    labels = numbered().labels.numpy()
    method, data = in_tables(f, sure * 200 * np.eye(3)[labels])
    for epoch in (1, 2, 3):
        turn_once(method, data, epoch)
    assert all_finite(method)
    assert method.cleanness.round().tolist() == [float(sure > 0)] * 12
    expected = torch.tensor(f).softmax(-1).float() if sure < 0 else F.one_hot(data.labels, 3)
    torch.testing.assert_close(method.posterior, expected.float(), atol=0.2, rtol=0)
    batch = data.take(torch.arange(4))
    for method.turn in ("auxiliary", "main"):
        assert method.loss(batch).isfinite().all()


def test_a_class_that_f_never_predicts_and_no_label_names():
    f, g = tables(0, 1)
    f[:, 2] = -300.0
    method, data = in_tables(f, g)
    data.labels[data.labels == 2] = 0
    for epoch in (1, 2, 3):
        turn_once(method, data, epoch)
    assert all_finite(method)
    assert method.transition_matrix[2].tolist() == [0, 0, 1]
    assert method.corruption_matrix[2].tolist() == pytest.approx([1 / 3] * 3)
    assert method.prior[2] == 0


@pytest.mark.parametrize("name", [*FLYWHEELS, "flywheel-no-aux"])
@pytest.mark.parametrize("batch_size", [1, 47])
def test_batches_of_one(name, batch_size):
    run = finish(small_run(name, batch_size=batch_size, lr=0.01, epochs=2))
    assert all_finite(run.method)


def test_two_classes_where_the_printed_weight_lets_no_label_count():
    """With K = 2 every c_k of Lemma 1 is negative at λ = 3."""
    dataset = random_dataset(120, classes=2)
    run = finish(small_run("flywheel", epochs=20, dataset=dataset, noise="symmetric:0.2"))
    assert all_finite(run.method)
    assert run.history[-1].test_accuracy > 0.8


def test_with_batch_normalisation_and_colour_images():
    dataset = random_dataset(13)
    dataset = dataclasses.replace(
        dataset,
        **{
            name: F.interpolate(getattr(dataset, name).expand(-1, 3, -1, -1), (16, 16))
            for name in ("x_train", "x_test", "x_trusted")
        },
    )
    run = small_run("flywheel", dataset=dataset, batch_size=4, epochs=2)
    config = dataclasses.replace(run.config, net="preact-resnet18", net_options={})
    train = dataclasses.replace(config.train, augmentation="crop-flip")
    run = Run(dataclasses.replace(config, train=train), device="cpu", dataset=dataset)
    assert all_finite(finish(run).method)


def test_vectors():
    dataset = random_dataset()
    vectors = {
        name: getattr(dataset, name).flatten(1).float()
        for name in ("x_train", "x_test", "x_trusted")
    }
    run = finish(small_run("flywheel", dataset=dataclasses.replace(dataset, **vectors), lr=0.001))
    assert all_finite(run.method)


# --- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"regularisation": -1}, "from 0 to 1000"),
        ({"prior": "unifrm"}, "did you mean 'uniform'"),
        ({"main_view": "strong"}, "main_view"),
        ({"warm_up": 1.5}, "from 0 up"),
        ({"mixup": 0}, "from 0.01"),
        ({"floor": 0.5}, r"\[0, 0.1\)"),
        ({"temperature": 0}, "from 0.01"),
    ],
)
def test_options_outside_their_range_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        real(**options)


def test_a_net_without_features_is_refused_where_they_are_contrasted():
    with pytest.raises(InputError, match=r"or contrast=0"):
        in_tables(*tables(0, 1), contrast=0.025)
