"""`Run`: the four seeds, and the document that a run leaves behind."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
import torch
from training_helpers import assert_same, finish, random_dataset, small_config, small_run, weights

from lnl_core import Dataset, InputError, Method, Run, RunConfig, Seeds, configure
from lnl_core.data import data_folder
from lnl_core.ledger.record_check import BadRecord, check_record
from lnl_core.methods import get_method, register, registry

# --- a seed each ----------------------------------------------------------------------------------


class Watching(Method):
    """Cross-entropy that remembers the order of the samples."""

    def __init__(self, net, data):
        super().__init__(net, data)
        self.start = [p.detach().clone() for p in net.parameters()]
        self.order = []

    def loss(self, batch):
        self.order += batch.index.tolist()
        return super().loss(batch)


def traces(seeds: Seeds) -> dict[str, object]:
    """What each seed decides, from one run."""
    run = finish(small_run("watching", seeds=seeds))
    dataset = random_dataset()
    # Noisy labels by sample, whatever the split made of their order.
    both = [
        torch.cat([getattr(s, part) for s in (run.data.train, run.data.val)])
        for part in ("x", "labels")
    ]
    by_pixels = {x.numpy().tobytes(): int(y) for x, y in zip(*both, strict=True)}
    return {
        "noise": [by_pixels[x.numpy().tobytes()] for x in dataset.x_train],
        "split": run.data.train.x,
        "init": run.method.start,
        "order": run.method.order,
        "trained": weights(run),
    }


def same(left: object, right: object) -> bool:
    try:
        assert_same(left, right)
    except AssertionError:
        return False
    return True


@pytest.fixture
def watching(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    register("watching", Watching, "watches")


@pytest.mark.parametrize("changed", ["noise", "split", "init", "order"])
def test_each_seed_decides_its_own_and_nothing_else(watching, changed):
    base, other = traces(Seeds()), traces(dataclasses.replace(Seeds(), **{changed: 1}))
    for what in ("noise", "split", "init", "order"):
        assert same(base[what], other[what]) is (what != changed), what
    assert not same(base["trained"], other["trained"])


def test_equal_seeds_for_different_purposes_draw_differently(watching):
    trace = traces(Seeds.all(5))
    assert trace["order"][:48] != list(range(48))
    assert not same(trace["init"], traces(Seeds.all(6))["init"])


def test_a_second_net_of_a_run_is_another_draw_of_the_same_seed():
    first, second = (small_run() for _ in range(2))
    assert_same(
        [n.state_dict() for n in (first.net(), first.net())],
        [n.state_dict() for n in (second.net(), second.net())],
    )


# --- the document ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict:
    run = finish(small_run("forward", noise="symmetric:0.3", seed=4))
    return json.loads(json.dumps(run.document(), allow_nan=False))


def test_the_document_is_plain_json_and_complete(document):
    assert document["metrics"].keys() == {
        "last",
        "last10",
        "best_val",
        "best_val_clean",
        "best_test",
    }
    assert all(0 <= value <= 1 for value in document["metrics"].values())
    assert document["config"]["method"] == "forward"
    assert document["config"]["seeds"] == {"noise": 4, "split": 4, "init": 4, "order": 4}
    assert document["config"]["noise"]["protocol"] == "symmetric:0.3"
    assert document["seconds"] > 0
    assert document["dataset"]["name"] == "random"
    assert [document["dataset"][split] for split in ("train", "val", "test")] == [48, 12, 30]
    assert document["versions"]["torch"] == torch.__version__
    assert document["device"]


def test_the_metrics_are_those_of_the_history(document):
    tests = [record["test_accuracy"] for record in document["history"]]
    losses = [record["val_loss"] for record in document["history"]]
    assert len(tests) == 3
    assert document["metrics"]["last"] == tests[-1]
    assert document["metrics"]["last10"] == pytest.approx(sum(tests) / 3)
    assert document["metrics"]["best_test"] == max(tests)
    assert document["metrics"]["best_val"] == tests[losses.index(min(losses))]


def test_the_realised_noise_is_counted_on_the_training_split(document):
    run = small_run("forward", noise="symmetric:0.3", seed=4)
    wrong = (run.data.train.labels != run.data.train.clean).double().mean().item()
    assert document["realised_noise"] == wrong
    assert document["noise"]["nominal_rate"] == 0.3


def test_the_document_without_a_validation_split_is_still_json():
    run = Run(
        dataclasses.replace(small_config(), val_fraction=0.0),
        device="cpu",
        dataset=random_dataset(),
    )
    text = json.dumps(finish(run).document(), allow_nan=False)
    assert json.loads(text)["metrics"]["best_val"] is None


def test_a_run_that_was_left_early_does_not_say_that_it_has_finished():
    run = small_run()
    said = [run.document()["status"]]
    for _ in run:
        said.append(run.document()["status"])
    assert said == ["stopped"] * 4
    record = run.document()
    check_record(record)
    assert record["status"] == "finished"
    next(iter(run))
    with pytest.raises(BadRecord, match="stopped"):
        check_record(run.document())


def test_options_of_any_array_kind_are_written_down():
    for matrix in (torch.eye(4), torch.eye(4).numpy(), torch.eye(4).tolist()):
        run = finish(small_run("forward", options={"transition_matrix": matrix}))
        plain = json.loads(json.dumps(run.document()))
        assert plain["config"]["options"]["transition_matrix"] == torch.eye(4).tolist()


# --- iterating ------------------------------------------------------------------------------------


def test_a_run_is_lazy_and_keeps_what_was_yielded():
    run = small_run()
    assert run.history == [] and run.method is None
    for record in run:
        if record.epoch == 2:
            break
    assert [record.epoch for record in run.history] == [1, 2]
    assert run.document()["metrics"]["last"] == run.history[-1].test_accuracy


def test_stages_may_have_settings_of_their_own(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    def stages(run):
        for stage in ("first", "second"):
            yield from run.fit(run.build(get_method("cross-entropy").method), stage=stage)

    register("stages", stages, "two")
    config = small_config("stages")
    config = dataclasses.replace(
        config, stages={"first": dataclasses.replace(config.train, epochs=1, lr=0.5)}
    )
    run = finish(Run(config, device="cpu", dataset=random_dataset()))
    assert [(r.stage, r.epoch, r.lr) for r in run.history] == [
        ("first", 1, 0.5), ("second", 1, 0.1), ("second", 2, 0.1), ("second", 3, 0.1),
    ]  # fmt: skip


@pytest.mark.parametrize("keeps", [False, True])
def test_a_stage_of_a_name_that_the_run_has_had_is_refused(monkeypatch, tmp_path, keeps):
    """Its checkpoint would be taken for the first one's, and nothing be trained."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    def twice(run):
        yield from run.fit(run.build(Method))
        yield from run.fit(run.build(Method))

    register("twice", twice, "two")
    run = small_run("twice", checkpoints=tmp_path if keeps else None)
    for _ in range(2):  # what an earlier pass fitted does not count
        with pytest.raises(InputError, match=r"'train' is fitted twice.*stage=\"another name\""):
            finish(run)
        assert len(run.history) == 3


# --- what is refused ------------------------------------------------------------------------------


def test_a_config_made_by_hand_is_checked_before_training():
    with pytest.raises(InputError, match="no option 'zeal'"):
        Run(RunConfig("forward", options={"zeal": 1}), dataset=random_dataset())
    with pytest.raises(InputError, match="did you mean 'forward'"):
        Run(RunConfig("forwards"), dataset=random_dataset())


def test_bad_options_of_the_net_are_refused():
    for options in ({"dropout": 1.5}, {"hidden": (0,)}, {"width": 3}):
        with pytest.raises(InputError):
            finish(
                Run(
                    dataclasses.replace(small_config(), net_options=options),
                    device="cpu",
                    dataset=random_dataset(),
                )
            )


def test_images_for_a_net_that_reads_larger_ones_are_refused():
    config = dataclasses.replace(small_config(), net="lenet", net_options={})
    with pytest.raises(InputError, match="at least 16x16"):
        finish(Run(config, device="cpu", dataset=random_dataset()))


def token_ids() -> Dataset:
    x, y = torch.arange(100).reshape(20, 5), torch.arange(20) % 2
    return Dataset("own words", x, y, x % 7, y, ("a", "b"), "made by a test")


def test_token_ids_of_ones_own_are_trained_on():
    """The embedding has a row for every id there is, not only for those of the training split."""
    config = configure("forward", dataset=token_ids(), noise="symmetric:0.2", epochs=2)
    run = finish(Run(config, device="cpu", dataset=token_ids()))
    assert config.net == "word-embedding"
    assert run.method.net.embedding.weight.shape == (100, 50)
    assert len(run.history) == 2


def test_a_net_that_does_not_read_the_data_is_refused_in_a_sentence():
    tokens = token_ids()
    with pytest.raises(InputError, match=r"'mlp' reads images or vectors, but the data are seq.*"):
        finish(Run(configure("forward", dataset=tokens, net="mlp"), device="cpu", dataset=tokens))
    config = dataclasses.replace(small_config(), net="lstm", net_options={})
    with pytest.raises(InputError, match="'lstm' reads sequences of token ids, but the data are i"):
        finish(Run(config, device="cpu", dataset=random_dataset()))


def test_augmenting_vectors_is_refused():
    x, y = torch.randn(20, 5), torch.arange(20) % 2
    vectors = Dataset("table", x, y, x, y, ("a", "b"), "made by a test")
    config = configure("forward", dataset=vectors, augmentation="crop-flip")
    with pytest.raises(InputError, match="is for images"):
        finish(Run(config, device="cpu", dataset=vectors))


@pytest.mark.parametrize("share", [-0.1, 1.0, 0.999])
def test_a_validation_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(InputError, match="validation share"):
        Run(
            dataclasses.replace(small_config(), val_fraction=share),
            device="cpu",
            dataset=random_dataset(),
        )


# --- real data ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(
    "LNL_DATA" not in os.environ or not Path(data_folder() / "MNIST" / "raw").is_dir(),
    reason="LNL_DATA names no folder that holds MNIST",
)
def test_two_epochs_of_forward_correction_on_mnist():
    config = configure(
        "forward", "mnist", "mnist-asymmetric:0.6", profile="paper", protocol="code", epochs=2
    )
    run = finish(Run(config, device="cpu"))
    assert len(run.data.train) == 54_000
    assert run.data.noise.realised_rate == pytest.approx(run.data.noise.expected_rate, abs=0.01)
    assert run.history[-1].test_accuracy > 0.90
