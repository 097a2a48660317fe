"""`configure`: where settings come from, what bounds them, and what wins."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from training_helpers import random_dataset

from lnl_core import Dataset, InputError, Seeds, TrainConfig, configure, parse_noise
from lnl_core.papers import PAPERS, paper_settings
from lnl_core.profiles import GENERIC, PROFILES


def named(name: str, n_train: int = 40, shape: tuple[int, ...] = (1, 8, 8)) -> Dataset:
    """A dataset that calls itself by that name: the settings go by the name, not the pixels."""
    x = torch.zeros((n_train, *shape), dtype=torch.uint8)
    y = torch.arange(n_train) % 2
    return Dataset(name, x, y, x, y, ("a", "b"), "made by a test")


MNIST, CIFAR10 = named("mnist"), named("cifar10", shape=(3, 8, 8))


# --- settings of a paper, and of nobody's --------------------------------------------------------


def test_the_code_protocol_is_the_default_where_the_authors_code_is_known():
    config = configure("forward", dataset=MNIST, profile="paper")
    assert (config.paper, config.protocol, config.profile) == ("patrini2017", "code", "paper")
    assert config.train == TrainConfig(
        epochs=40, batch_size=128, optimizer="adagrad", lr=0.01, epsilon=1e-6, preprocess="unit"
    )
    assert config.net == "mlp"
    assert config.net_options == {"dropout": 0.2, "init": "keras"}


def test_text_and_code_differ_in_dropout_and_the_last_layer_alone():
    text, code = (
        configure("forward", dataset=MNIST, profile="paper", protocol=protocol)
        for protocol in ("text", "code")
    )
    assert text.net_options == {"dropout": 0.5, "init": "text"}
    assert dataclasses.replace(text, protocol="code", net_options=code.net_options) == code


def test_cifar10_as_printed():
    config = configure("forward", dataset=CIFAR10, profile="paper", protocol="text")
    assert (config.net, config.protocol) == ("resnet14", "text")
    train = config.train
    assert (train.epochs, train.optimizer, train.lr, train.momentum) == (120, "sgd", 0.01, 0.9)
    assert (train.schedule, train.lr_drops, train.lr_gamma) == ("step", (40, 80), 0.1)
    assert (train.weight_decay, train.augmentation) == (1e-4, "crop-flip")
    assert (train.epoch_length, train.decay, train.penalised_val_loss) == ("pass", "all", False)


KERAS = {"init": "keras", "norm": "keras"}


def test_cifar10_as_the_authors_code_ran_it():
    text, code = (
        configure("forward", dataset=CIFAR10, profile="paper", protocol=protocol)
        for protocol in ("text", None)
    )
    assert (code.protocol, code.net, code.net_options) == ("code", "resnet14", KERAS)
    # At `epoch > 40` and `epoch > 80`, counted from 0; l2(1e-4) is a gradient of 2e-4 w.
    assert code.train == dataclasses.replace(
        text.train, lr=0.1, lr_drops=(41, 81), weight_decay=2e-4, decay="kernels",
        penalised_val_loss=True, preprocess="pixel-mean-raw", augmentation="shift-flip",
        epoch_length="with-validation",
    )  # fmt: skip


def test_cifar100_differs_from_cifar10_in_schedule_decay_and_percentile():
    cifar100 = named("cifar100", shape=(3, 8, 8))
    for protocol, drops, decay in (("code", (81, 121), 2e-3), ("text", (80, 120), 1e-4)):
        ten, hundred = (
            configure("forward-estimated", dataset=data, profile="paper", protocol=protocol)
            for data in (CIFAR10, cifar100)
        )
        assert hundred.net == "resnet44" and hundred.net_options == ten.net_options
        assert hundred.train == dataclasses.replace(
            ten.train, epochs=150, lr_drops=drops, weight_decay=decay
        )
        assert hundred.options == {"percentile": None}
        assert ten.options == ({"view_bug": True} if protocol == "code" else {})


def test_the_second_net_of_cifar10_is_trained_and_initialised_as_the_first():
    for protocol, options in (("code", KERAS), ("text", {"init": "text"})):
        first, second = (
            configure("forward", dataset=CIFAR10, profile="paper", protocol=protocol, net=net)
            for net in (None, "resnet32")
        )
        assert second == dataclasses.replace(first, net="resnet32")
        assert second.net_options == options


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_data_of_no_paper_get_settings_by_what_a_sample_is(profile):
    grey = configure("forward", "digits", profile=profile)
    assert (grey.net, grey.paper, grey.protocol) == ("mlp", None, None)
    colour = configure("forward", dataset=named("own", shape=(3, 32, 32)), profile=profile)
    assert colour.net == "lenet"
    small = configure("forward", dataset=named("own", shape=(3, 8, 8)), profile=profile)
    assert small.net == "mlp"  # a LeNet needs 16 pixels
    x = torch.randn(8, 5)
    y = torch.arange(8) % 2
    vectors = Dataset("own", x, y, x, y, ("a", "b"), "made by a test")
    assert configure("forward", dataset=vectors).train.preprocess == "standardise"


@pytest.mark.parametrize("net", ["lstm", None])
def test_token_ids_get_the_word_embedding_unless_a_net_is_named(net):
    ids, y = torch.arange(40).reshape(8, 5), torch.arange(8) % 2
    tokens = Dataset("own", ids, y, ids, y, ("a", "b"), "made by a test")
    config = configure("forward", dataset=tokens, net=net)
    assert config.net == (net or "word-embedding")
    assert config.train.optimizer == "adagrad"


def test_imdb_in_code_and_text_with_either_net():
    """Where the authors' code and the paper's text differ, and nothing else."""
    train = TrainConfig(
        epochs=50, batch_size=128, optimizer="adagrad", lr=0.01, epsilon=1e-6, preprocess="none"
    )
    found = {
        (protocol, net): configure("forward", "imdb", profile="paper", protocol=protocol, net=net)
        for protocol in ("code", "text")
        for net in (None, "lstm")
    }
    nets = {key: config.net for key, config in found.items()}
    assert nets == {key: key[1] or "word-embedding" for key in found}
    lr = {key: config.train.lr for key, config in found.items()}
    assert lr.pop(("code", "lstm")) == 0.001 and set(lr.values()) == {0.01}
    assert {dataclasses.replace(c.train, lr=0.01) for c in found.values()} == {train}
    options = {key: config.net_options for key, config in found.items()}
    assert options["code", None] == {
        "dimensions": 50, "dropout": 0.8, "spatial": True, "init": "keras",
    }  # fmt: skip
    assert options["text", None] == options["code", None] | {"spatial": False, "init": "text"}
    assert options["code", "lstm"] == {
        "dimensions": 512, "units": 512, "hidden": 512, "embedding_dropout": 0.8, "dropout": 0.5,
        "init": "keras",
    }  # fmt: skip
    printed = {"dimensions": 256, "embedding_dropout": 0.0, "init": "text"}
    assert options["text", "lstm"] == options["code", "lstm"] | printed


def test_what_a_net_does_not_say_for_itself_is_the_default_nets(monkeypatch):
    settings = {
        "net": "mlp",
        "net_options": {"dropout": 0.2},
        "train": TrainConfig(epochs=7),
        "options": {"backward": {"clip": 0.1}},
        "nets": {
            "lenet": {"train": TrainConfig(epochs=9)},
            "resnet14": {"net_options": {"init": "keras"}},
        },
    }
    monkeypatch.setitem(PAPERS["patrini2017"].SETTINGS, "mnist", {"text": settings})
    found = {
        net: configure("backward", dataset=MNIST, net=net)
        for net in (None, "mlp", "lenet", "resnet14", "resnet32")
    }
    assert {net: config.net for net, config in found.items() if net} == {n: n for n in found if n}
    assert found[None] == found["mlp"]
    assert [c.train.epochs for c in found.values()] == [7, 7, 9, 7, 7]
    assert [c.net_options for c in found.values()] == [
        {"dropout": 0.2}, {"dropout": 0.2}, {}, {"init": "keras"}, {},
    ]  # fmt: skip
    assert {str(c.options) for c in found.values()} == {"{'clip': 0.1}"}
    assert "nets" in settings  # read, not taken away


def test_the_paper_profile_is_refused_on_data_of_no_paper():
    with pytest.raises(InputError, match=r"no paper here trains on digits.*'smoke' or 'laptop'"):
        configure("forward", "digits", profile="paper")


def test_a_protocol_is_refused_on_data_of_no_paper():
    with pytest.raises(InputError, match=r"no protocol 'text'.*'smoke' or 'laptop'"):
        configure("forward", "digits", protocol="text")


def test_a_paper_can_be_named():
    assert configure("forward", dataset=MNIST, paper="patrini2017").paper == "patrini2017"
    with pytest.raises(InputError, match=r"no settings for 'digits'"):
        configure("forward", "digits", paper="patrini2017")


def test_every_paper_states_settings_that_can_be_used():
    for name, module in PAPERS.items():
        for data, protocols in module.SETTINGS.items():
            assert set(protocols) <= {"text", "code"} and protocols
            first, _ = paper_settings(name, data, None)
            assert first == ("code" if "code" in protocols else "text")


# --- budgets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "epochs", "drops"),
    [("smoke", 40, (13, 27)), ("laptop", 10, (3, 7)), ("paper", 120, (40, 80))],
)
def test_a_schedule_is_squeezed_into_the_budget(profile, epochs, drops):
    train = configure("forward", dataset=CIFAR10, profile=profile, protocol="text").train
    assert (train.epochs, train.lr_drops) == (epochs, drops)


@pytest.mark.parametrize(("epochs", "period"), [(None, 280), (175, 140), (1, 1)])
def test_a_period_is_squeezed_with_the_epochs(monkeypatch, epochs, period):
    train = TrainConfig(epochs=350, schedule="cosine", lr_period=280)
    monkeypatch.setitem(
        PAPERS["patrini2017"].SETTINGS, "mnist", {"text": {"net": "mlp", "train": train}}
    )
    given = {"dataset": MNIST, "profile": "paper"} | ({} if epochs is None else {"epochs": epochs})
    assert configure("forward", **given).train.lr_period == period
    assert configure("forward", lr_period=7, **given).train.lr_period == 7
    assert configure("forward", dataset=MNIST, profile="laptop").train.lr_period == 8


def test_what_goes_by_method_and_noise_may_be_the_training_and_the_net(monkeypatch):
    def by_noise(method, noise):
        own = {"train": TrainConfig(epochs=3), "net": "lenet"}
        return own if (method, noise.name) == ("forward", "symmetric") else {}

    settings = {"net": "mlp", "train": TrainConfig(epochs=9), "by_noise": by_noise}
    monkeypatch.setitem(PAPERS["patrini2017"].SETTINGS, "mnist", {"text": settings})
    own = configure("forward", dataset=MNIST, noise="symmetric:0.2")
    assert (own.train.epochs, own.net) == (3, "lenet")
    for method, noise in (("backward", "symmetric:0.2"), ("forward", "none")):
        other = configure(method, dataset=MNIST, noise=noise)
        assert (other.train.epochs, other.net) == (9, "mlp")


def test_a_schedule_within_the_budget_is_left_alone():
    assert configure("forward", dataset=MNIST, profile="smoke").train.epochs == 40


@pytest.mark.parametrize(
    ("profile", "samples", "limit"),
    [
        ("smoke", 2001, 2000),
        ("smoke", 2000, None),
        ("laptop", 20_001, 20_000),
        ("paper", 20_001, None),
    ],
)
def test_a_budget_bounds_the_training_samples(profile, samples, limit):
    data = named("mnist", samples, shape=(1, 2, 2))
    assert configure("forward", dataset=data, profile=profile).limit == limit


def test_each_profile_has_its_default_data():
    assert configure("forward").data == "digits"
    assert [profile.data for profile in PROFILES.values()] == ["digits", "mnist", "mnist"]


def test_a_dataset_at_hand_is_named_in_the_config():
    assert configure("forward", dataset=random_dataset()).data == "random"
    assert configure("forward", "elsewhere.npz", dataset=random_dataset()).data == "elsewhere.npz"


def test_a_papers_config_can_be_written_down_where_its_data_are_not(monkeypatch, tmp_path):
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    config = configure("forward", "mnist", profile="paper")
    assert config == configure("forward", dataset=MNIST, profile="paper")
    assert configure("forward", profile="paper").data == "mnist"
    with pytest.raises(InputError, match="lnl data fetch mnist"):
        configure("forward", "mnist", profile="laptop")  # its size decides the limit


# --- what is given wins --------------------------------------------------------------------------


def test_what_is_given_wins_over_paper_and_budget():
    config = configure(
        "forward", dataset=named("mnist", 3000), profile="smoke", epochs=77, batch_size=5, lr=0.5,
        limit=2500, optimizer="adam", options={"transition_matrix": [[1, 0], [0, 1]]},
    )  # fmt: skip
    train = config.train
    assert (train.epochs, train.batch_size, train.lr, train.optimizer) == (77, 5, 0.5, "adam")
    assert config.limit == 2500
    assert config.options == {"transition_matrix": [[1, 0], [0, 1]]}
    assert train.epsilon == 1e-6  # what is not given stays


def test_another_net_leaves_the_options_of_the_papers_net_behind():
    assert configure("forward", dataset=MNIST, net="lenet").net_options == {}
    same = configure("forward", dataset=MNIST, net="mlp")
    assert same.net_options == {"dropout": 0.2, "init": "keras"}


def test_net_options_are_added_to_the_papers():
    config = configure("forward", dataset=MNIST, net_options={"dropout": 0.0})
    assert config.net_options == {"dropout": 0.0, "init": "keras"}
    other = configure("forward", dataset=MNIST, net="resnet14", net_options={"init": "keras"})
    assert other.net_options == {"init": "keras"}


def test_nothing_that_is_given_changes_the_papers_settings():
    before = configure("forward", dataset=MNIST)
    configure("forward", dataset=MNIST, net_options={"dropout": 0.9}, epochs=3, net="lenet")
    assert configure("forward", dataset=MNIST) == before


def test_changing_a_configs_options_changes_no_later_config(monkeypatch):
    matrix = [[0.9, 0.1], [0.2, 0.8]]
    shared = GENERIC["grey"] | {
        "net_options": {"hidden": [12]}, "options": {"forward": {"transition_matrix": matrix}},
    }  # fmt: skip
    monkeypatch.setitem(GENERIC, "grey", shared)
    before = copy.deepcopy(configure("forward", "digits"))
    changed = configure("forward", "digits")
    changed.net_options["dropout"] = 0.5
    changed.net_options["hidden"][0] = 7
    changed.options["transition_matrix"][0][0] = 7
    assert configure("forward", "digits") == before


def test_one_seed_is_all_four_and_four_are_four():
    assert configure("forward", seed=3).seeds == Seeds.all(3)
    assert configure("forward", seed=3, seeds=Seeds(init=9)).seeds == Seeds(init=9)


def test_noise_may_be_text_or_a_value():
    noise = parse_noise("symmetric:0.2", "exact")
    assert configure("forward", noise=noise).noise == noise
    assert configure("forward", noise="symmetric:0.2").noise == parse_noise("symmetric:0.2")


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"method": "foward"}, "forward"),
        ({"data": "digit"}, "digits"),
        ({"data": "minst"}, "mnist"),
        ({"noise": "symetric:0.2"}, "symmetric"),
        ({"profile": "labtop"}, "laptop"),
        ({"net": "resnet15"}, "resnet14"),
        ({"optimizer": "sgdd"}, "sgd"),
        ({"epoch": 3}, "epochs"),
        ({"learning_rate": 3}, "lr"),
    ],
    ids=str,
)
def test_an_unknown_name_is_answered_with_the_nearest(given, nearest):
    with pytest.raises(InputError, match="unknown") as caught:
        configure(**{"method": "forward"} | given)
    assert nearest in str(caught.value)


@pytest.mark.parametrize("name", ["patrini", "x"])
def test_an_unknown_paper_is_refused(name):
    with pytest.raises(InputError, match="unknown paper"):
        configure("forward", dataset=MNIST, paper=name)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(InputError, match=r"no protocol 'printed' for mnist.*'code' or 'text'"):
        configure("forward", dataset=MNIST, protocol="printed")


@pytest.mark.parametrize("epochs", [0, -3, 1.5, "2"])
def test_bad_values_are_refused_before_anything_is_trained(epochs):
    with pytest.raises(InputError, match="epochs is"):
        configure("forward", epochs=epochs)


def test_asking_for_fewer_epochs_squeezes_the_schedule_unless_the_drops_are_given():
    paper = {"data": "cifar10", "profile": "paper", "protocol": "text"}
    assert configure("forward", **paper, epochs=30).train.lr_drops == (10, 20)
    assert configure("forward", **paper, epochs=30, lr_drops=(5,)).train.lr_drops == (5,)
