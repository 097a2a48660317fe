"""CAN as a method: its layers, whose gradient goes where, and what it lets one look at."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F
from training_helpers import assert_same_runs, finish, noisy_data, random_dataset, small_run

from lnl_core import InputError, TrainingSet
from lnl_core.config import TrainConfig
from lnl_core.data import Split
from lnl_core.losses import quality_embedding as qe
from lnl_core.methods.latent.can import CAN
from lnl_core.methods.latent.can_layers import Decoder, Encoder
from lnl_core.nets import build_net


def made(multi_label: bool = True, epochs: int = 4, **options) -> tuple[CAN, TrainingSet]:
    torch.manual_seed(0)
    noise = "label-shuffle:0.3"
    data = TrainingSet(
        noisy_data(noise, multi_label=multi_label), TrainConfig(epochs=epochs, batch_size=12)
    )
    method = CAN(build_net("mlp", (1, 8, 8), 4, hidden=(12,)), data, **options)
    return method, data


def classifier_gradients(method: CAN, loss: torch.Tensor) -> list[torch.Tensor]:
    parameters = list(method.net.parameters())
    return list(torch.autograd.grad(loss.mean(), parameters, retain_graph=True))


# --- layers -------------------------------------------------------------------------------------


def test_the_layers_are_those_of_the_paper():
    torch.manual_seed(0)
    encoder = Encoder(4, 3, 5)
    y, predicted = torch.rand(6, 4), torch.rand(6, 4)
    posterior, mean, log_variance = encoder(predicted, y)

    def dense(layer, x):
        return x @ layer.weight.T + layer.bias

    contrast = dense(encoder.shared, y).relu() - dense(encoder.shared, predicted).relu()
    torch.testing.assert_close(
        torch.cat([mean, log_variance], -1), dense(encoder.quality, contrast)
    )
    added = dense(encoder.of_label, y) + dense(encoder.of_prediction, predicted)
    torch.testing.assert_close(posterior, dense(encoder.latent, added))


def test_the_additive_layer_begins_near_the_sum_of_label_and_prediction():
    torch.manual_seed(0)
    labels, predicted = torch.eye(4), torch.tensor([[0.9, 0.0, 0.1, 0.0]]).expand(4, 4)
    q = Encoder(4, 3, 128, start=6.0)(predicted, labels)[0].sigmoid()
    expected = (6 * (labels + predicted - 1)).sigmoid()
    torch.testing.assert_close(q, expected, atol=0.15, rtol=0)
    assert (q[0, 0] > 0.95) and 0.2 < q[1, 1] < 0.8 and (q[1, 3] < 0.05)


def test_a_label_that_is_as_predicted_has_one_and_the_same_quality():
    encoder = Encoder(4, 3, 5)
    torch.nn.init.normal_(encoder.quality.bias)
    labels = torch.eye(4)
    _, mean, log_variance = encoder(labels, labels)
    assert (mean == mean[0]).all() and (log_variance == log_variance[0]).all()


def test_the_decoder_can_say_that_a_label_is_absent():
    """As printed, with a ReLU before the sigmoid, no label has a probability below one half."""
    torch.manual_seed(0)
    decoder = Decoder(4, 3, 8)
    assert [type(layer).__name__ for layer in decoder] == [
        "Linear", "ReLU", "Linear", "ReLU", "Linear"
    ]  # fmt: skip
    out = decoder(torch.randn(50, 7)).sigmoid()
    assert out.min() < 0.5 < out.max()


# --- the objective ------------------------------------------------------------------------------


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("through", [True, False])
def test_the_gradients_are_those_of_equation_7(multi_label, progress, through):
    """The classifier has (1-ρ) ∇L̂ + ρ ∇L_temp, everything else ∇L̂ whatever ρ is."""
    method, data = made(multi_label, through=through, share=1.0)
    method.eval()
    batch = data.take(torch.arange(12))
    method.seen += progress * method.samples
    rho = 0.01**progress

    torch.manual_seed(1)
    found = method.loss(batch)
    torch.manual_seed(1)  # the same draws once more, now without ρ
    encoding = method.encode(batch.x, batch.labels)
    z = qe.relaxed_labels(encoding.posterior, qe.gumbel_noise(encoding.posterior), 1.0)
    s = qe.quality_sample(encoding.mean, encoding.log_variance, torch.randn_like(encoding.mean))
    labels = batch.labels if multi_label else F.one_hot(batch.labels, 4).float()
    bound = qe.objective(
        decoded=method.decoder(torch.cat([z, s], -1)),
        labels=labels,
        posterior=encoding.posterior,
        prior=method.net(batch.x) if not through else encoding.prior,
        mean=encoding.mean,
        log_variance=encoding.log_variance,
        weight=0.3,
    )
    plain = F.binary_cross_entropy_with_logits(method.net(batch.x), labels, reduction="none").sum(
        -1
    )

    torch.testing.assert_close(found, bound + rho * plain)
    of_bound, of_plain = (classifier_gradients(method, value) for value in (bound, plain))
    for ours, one, other in zip(
        classifier_gradients(method, found), of_bound, of_plain, strict=True
    ):
        torch.testing.assert_close(ours, (1 - rho) * one + rho * other)
    rest = [*method.encoder.parameters(), *method.decoder.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(found.mean(), rest, retain_graph=True),
        torch.autograd.grad(bound.mean(), rest),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_the_classifiers_part_is_cross_entropy_with_the_latent_label():
    """Eq. 6's last line, (P - q) / (P (1 - P)) ∇P: nothing of it passes through ŷ."""
    method, data = made()
    method.seen += method.samples * 100  # ρ is 0
    batch = data.take(torch.arange(12))
    q = method.latent_labels(batch.x, batch.labels).detach()
    soft = F.binary_cross_entropy_with_logits(method.net(batch.x), q, reduction="none").sum(-1)
    ours, theirs = (classifier_gradients(method, loss) for loss in (method.loss(batch), soft))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
    through, _ = made(through=True)
    through.seen += through.samples * 100
    others = classifier_gradients(through, through.loss(batch))
    assert not torch.allclose(ours[0], others[0], atol=1e-4)


def test_the_printed_variance_is_another_model():
    assert_same_runs(
        finish(small_run("can")), finish(small_run("can", options={"printed_variance": False}))
    )
    runs = [small_run("can", options={"printed_variance": flag}) for flag in (True, False)]
    losses = [[record.train_loss for record in finish(run).history] for run in runs]
    assert losses[0] != losses[1]


# --- annealing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rho", "temperature"])
def test_annealing_is_over_at_its_share_of_training_or_as_printed(name):
    run = finish(small_run("can", epochs=4, options={name: "vanishing", "share": 0.5}))
    found = [record.diagnostics[name] for record in run.history]
    expected = [0.1, 0.01, 0.001, 0.0001]
    if name == "temperature":
        expected = [0.5] * 4
    assert found == pytest.approx(expected)
    run = finish(small_run("can", epochs=2, options={name: "printed"}))
    found = [record.diagnostics[name] for record in run.history]
    assert found == pytest.approx([0.99991, 0.99982])  # three updates an epoch


def test_at_the_printed_rho_the_classifier_learns_as_by_cross_entropy():
    """What the paper's schedule means on small data: the gradients all but coincide."""
    method, data = made(rho="printed")
    batch = data.take(torch.arange(12))
    method.steps += 100
    ours = classifier_gradients(method, method.loss(batch))
    theirs = classifier_gradients(method, method.criterion(method.net(batch.x), batch.labels))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=0.01, rtol=0.01)


# --- what is inferred ---------------------------------------------------------------------------


@pytest.mark.parametrize("multi_label", [True, False])
def test_a_survey_is_what_is_inferred_of_each_sample(multi_label):
    method, data = made(multi_label, dimensions=2)
    found = method.survey(data)
    assert method.training
    method.eval()
    batch = data.take(torch.arange(len(data)), ("plain",))
    with torch.no_grad():
        torch.testing.assert_close(found.mean, method.quality(batch.x, batch.labels))
        latent = method.latent_labels(batch.x, batch.labels)
    assert found.mean.shape == found.log_variance.shape == (len(data), 2)
    assert latent.shape == (len(data), 4)
    as_labels = found.posterior.sigmoid() if multi_label else found.posterior.softmax(-1)
    torch.testing.assert_close(latent, as_labels)


@pytest.mark.parametrize("multi_label", [True, False])
def test_each_epoch_says_how_well_labels_and_trust_recover(multi_label):
    run = finish(
        small_run("can", noise="label-shuffle:0.5", dataset=random_dataset(multi_label=multi_label))
    )
    found = run.history[-1].diagnostics
    latent, train = run.method.corrected_labels(), run.data.train
    if multi_label:
        right = ((latent > 0.5) == train.clean).all(-1)
    else:
        right = latent.argmax(-1) == train.clean
    assert found["recovered"] == pytest.approx(right.double().mean().item())
    assert 0 <= found["selection_auc"] <= 1
    assert (run.method.clean_probability() <= 0).all()


def test_it_finds_wrong_labels_and_learns_in_spite_of_them():
    """Label vectors of which half are shuffled; a label that differs from what the classifier
    predicts lies elsewhere in the embedding."""
    dataset = random_dataset(400, multi_label=True)
    given = {"noise": "label-shuffle:0.4", "dataset": dataset, "epochs": 40, "lr": 0.02}
    run = finish(small_run("can", **given))
    last = run.history[-1]
    assert last.diagnostics["selection_auc"] > 0.8
    assert last.diagnostics["test_map"] > 0.9
    trusted, other = run.method.transition_patterns(TrainingSet(run.data, run.config.train))
    diagonals = [pattern.diagonal().nanmean() for pattern in (trusted, other)]
    assert diagonals[0] > diagonals[1]


def test_label_vectors_of_one_label_are_trained_as_class_indices_are():
    """AMT and SD4 in the paper: the same losses and weights, whichever way labels are written."""
    dataset = random_dataset()
    vectors = dataclasses.replace(
        dataset,
        y_train=F.one_hot(dataset.y_train, 4).to(torch.uint8),
        y_test=F.one_hot(dataset.y_test, 4).to(torch.uint8),
        y_trusted=F.one_hot(dataset.y_trusted, 4).to(torch.uint8),
    )
    one, other = (
        finish(small_run("can", noise="none", dataset=data)) for data in (dataset, vectors)
    )
    for key, value in one.method.net.state_dict().items():
        assert torch.equal(value, other.method.net.state_dict()[key]), key
    for left, right in zip(one.history, other.history, strict=True):
        assert (left.train_loss, left.val_loss) == (right.train_loss, right.val_loss)


# --- degenerate data ----------------------------------------------------------------------------


@pytest.mark.parametrize("fill", [0, 1])
def test_label_vectors_that_are_all_empty_or_all_full_do_no_harm(fill):
    run = small_run("can", noise="none", dataset=random_dataset(multi_label=True))
    train = run.data.train
    run.data = dataclasses.replace(
        run.data, train=Split(train.x, torch.full_like(train.labels, fill), train.clean)
    )
    finish(run)
    assert all(torch.isfinite(value).all() for value in run.method.state_dict().values())
    for pattern in run.method.transition_patterns(TrainingSet(run.data, run.config.train)):
        assert pattern.shape == (4, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rho": "printd"}, "did you mean 'printed'"),
        ({"share": 0}, r"\(0, 1\]"),
        ({"dimensions": 0}, "from 1 up"),
        ({"hidden": 3}, "4 at least"),
        ({"start": -1}, "from 0 to 100"),
        ({"regularisation": -1}, "from 0 to 1000"),
    ],
)
def test_options_outside_their_range_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        made(**options)
