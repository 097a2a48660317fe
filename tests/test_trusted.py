"""Stages on the trusted samples: which samples, which settings, which weights to begin with."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from training_helpers import assert_same_runs, finish, random_dataset, small_config, small_run

from lnl_core import InputError, Run, TrainConfig
from lnl_core.methods import get_method

OWN = TrainConfig(epochs=2, batch_size=10, lr=0.02, train_eval=50)


def run_with_stage(method: str, dataset=None, checkpoints=None) -> Run:
    """Three epochs on the noisy samples, two of other settings on the trusted ones."""
    dataset = dataset or random_dataset()
    config = dataclasses.replace(small_config(method, dataset=dataset), stages={"trusted": OWN})
    return Run(config, device="cpu", dataset=dataset, checkpoints=checkpoints, steps=False)


def stages(run: Run) -> list[tuple[str, float]]:
    return [(record.stage, record.lr) for record in run.history]


def test_clean_only_never_sees_a_noisy_sample():
    one, other = small_run("clean-only"), small_run("clean-only")
    train = other.data.train
    other.data = dataclasses.replace(
        other.data,
        train=dataclasses.replace(train, x=255 - train.x, labels=(train.labels + 1) % 4),
    )
    # Pixels are scaled by 1/255 here: nothing is fitted to the noisy samples.
    assert_same_runs(finish(one), finish(other))
    assert {record.stage for record in one.history} == {"trusted"}
    assert one.history[-1].train_accuracy == one.history[-1].train_clean_accuracy
    assert one.history[-1].memorised is None  # there is no wrong label to memorise


def test_clean_only_trains_on_all_trusted_samples_with_their_labels():
    seen = []
    run = finish(run_with_stage("clean-only"))
    method = get_method("cross-entropy").method

    class Watching(method):
        """Notes its batches."""

        def loss(self, batch):
            seen.append(batch)
            return super().loss(batch)

    data = run.data.trusted_only()
    for _ in run.fit(run.build(Watching, data=data), stage="trusted", data=data):
        pass
    first = seen[: len(seen) // 2]
    index = torch.cat([batch.index for batch in first])
    assert index.sort().values.tolist() == list(range(30))
    assert torch.equal(torch.cat([batch.labels for batch in first]), run.data.trusted.clean[index])


def test_fine_tuning_begins_with_forwards_last_weights_and_its_own_settings():
    run = run_with_stage("forward-fine-tuned")
    forward = finish(run_with_stage("forward"))
    records = iter(run)
    for _ in range(3):
        next(records)
    for key, value in forward.method.net.state_dict().items():
        assert torch.equal(value, run.method.net.state_dict()[key]), key
    first = run.method
    begins = {key: value.clone() for key, value in first.net.state_dict().items()}
    tuning = run.fit
    entered = []

    def note(method, stage="train", **given):
        entered.append({key: value.clone() for key, value in method.net.state_dict().items()})
        return tuning(method, stage, **given)

    run.fit = note
    for _ in records:
        pass
    assert type(run.method) is get_method("cross-entropy").method and run.method is not first
    assert stages(run) == [("train", 0.1)] * 3 + [("trusted", 0.02)] * 2
    (entered,) = entered
    assert all(torch.equal(entered[key], begins[key]) for key in begins)
    assert not torch.equal(run.method.net.head.weight, begins["head.weight"])


def test_nnaqc_with_clean_trains_on_both_kinds_of_sample():
    run = finish(run_with_stage("nnaqc-with-clean"))
    noisy, trusted = run.data.train, run.data.trusted
    both = run.data.with_trusted()
    assert len(both.train) == len(noisy) + len(trusted)
    assert torch.equal(both.train.labels[len(noisy) :], trusted.clean)
    assert torch.equal(both.train.x[: len(noisy)], noisy.x)
    share = len(trusted) / len(both.train)
    wrong = 1 - run.data.transition_matrix.diagonal()
    torch.testing.assert_close(1 - both.transition_matrix.diagonal(), (1 - share) * wrong)
    assert stages(run) == [("train", 0.1)] * 3
    alone = finish(run_with_stage("nnaqc"))
    assert run.history[0].train_loss != alone.history[0].train_loss


def test_the_result_is_the_last_stages():
    run = finish(run_with_stage("forward-fine-tuned"))
    assert run.document()["metrics"]["last"] == run.history[-1].test_accuracy
    best = max(run.history[3:], key=lambda record: record.val_clean_accuracy)
    assert run.document()["metrics"]["best_val_clean"] == best.test_accuracy


@pytest.mark.parametrize("name", ["clean-only", "forward-fine-tuned", "nnaqc-with-clean"])
def test_without_trusted_samples_nothing_is_trained(name):
    dataset = dataclasses.replace(random_dataset(), x_trusted=None, y_trusted=None)
    run = small_run(name, dataset=dataset)
    with pytest.raises(InputError, match="no trusted samples"):
        finish(run)
    assert run.history == []
