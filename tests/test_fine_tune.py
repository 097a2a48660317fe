"""The fine-tuning of MOIT+ and Sel-CL+: its targets, when they change, on whom, and from where."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from training_helpers import random_dataset, small_config, small_run

from lnl_core import Run, TrainConfig, TrainingSet
from lnl_core.methods.neighbours import fine_tune
from lnl_core.methods.neighbours.fine_tune import FineTuned


def made(kept: int = 20) -> tuple[FineTuned, TrainingSet]:
    """The method with so many of 48 samples, in evaluation mode so that a formula can follow."""
    run = small_run()
    data = TrainingSet(run.data, run.config.train)
    chosen = torch.arange(len(data)) < kept
    method = run.build(FineTuned, kept=chosen, support=torch.zeros(len(data)))
    return method.eval(), data


def two_stages(method: str, **fine_tuning) -> Run:
    """An epoch of the first stage, and then a fine-tuning of its own length and rate."""
    options = {"moit": {"plus": True}, "sel-cl-plus": {}}[method]
    config = dataclasses.replace(
        small_config(method, epochs=1, options=options),
        stages={"fine-tune": TrainConfig(batch_size=16, **fine_tuning)},
    )
    return Run(config, device="cpu", dataset=random_dataset())


@pytest.mark.parametrize("method", ["moit", "sel-cl-plus"])
def test_labels_are_mixed_with_predictions_after_30_of_70_of_its_own_epochs(method):
    run, found = two_stages(method, epochs=7, lr=0.01), []
    for record in run:
        if record.stage == "fine-tune":
            found.append(run.method.bootstrapping)
    assert found == [False] * 3 + [True] * 4


@pytest.mark.parametrize("bootstrapping", [False, True])
def test_a_target_is_the_label_and_a_fifth_of_the_prediction(bootstrapping, monkeypatch):
    seen = {}

    def mix(x, target, alpha, largest):
        seen.update(x=x, target=target, alpha=alpha, largest=largest)
        return x.flip(0), target

    monkeypatch.setattr(fine_tune, "mix", mix)
    method, data = made()
    method.bootstrapping = bootstrapping
    batch = next(iter(method.batches(data)))
    found = method.loss(batch)
    label, predicted = (
        torch.eye(4)[each] for each in (batch.labels, method.net(batch.views[1]).argmax(-1))
    )
    assert not torch.equal(label, predicted)
    wanted = 0.8 * label + 0.2 * predicted if bootstrapping else label
    assert torch.allclose(seen["target"], wanted)
    assert torch.equal(seen["x"], batch.x) and seen["alpha"] == 1 and seen["largest"]
    log_p = method.net(batch.x.flip(0)).log_softmax(-1)
    assert torch.allclose(found, -(log_p * wanted).sum(-1), atol=1e-5)


@pytest.mark.parametrize(("kept", "learned"), [(0, 48), (1, 48), (2, 2), (20, 20)])
def test_with_fewer_than_two_samples_kept_it_learns_from_all(kept, learned):
    method, data = made(kept)
    seen = torch.cat([batch.index for batch in method.batches(data)])
    assert sorted(seen.tolist()) == list(range(learned)) and method.kept.sum() == learned


def test_the_body_goes_on_and_the_classifier_is_drawn_anew():
    # So slow that the weights are those that it began with.
    run, nets = two_stages("moit", epochs=1, lr=1e-12), {}
    for record in run:
        nets[record.stage] = run.method.net.state_dict()
    first, second = nets["train"], nets["fine-tune"]
    for name in first:
        same = torch.allclose(first[name], second[name], atol=1e-6)
        assert same != name.startswith("head."), name
    assert {"head.weight", "head.bias"} < set(first)
