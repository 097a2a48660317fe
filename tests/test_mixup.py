"""MixUp as a method: its loss, and that what it is trained on lies between samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from training_helpers import finish, small_run

from lnl_core import InputError, Run, TrainConfig, TrainingSet, configure, load_dataset
from lnl_core.methods.semi_supervised.mixup import MixUp


class Spy(torch.nn.Linear):
    def forward(self, x):
        self.seen = x
        return super().forward(x.flatten(1))


def test_the_loss_is_that_of_both_labels_by_their_shares():
    run = small_run()
    data = TrainingSet(run.data, TrainConfig(batch_size=10))
    net = Spy(64, 4).double()
    method = MixUp(net, data, alpha=1.0)
    torch.manual_seed(3)
    batch = next(data.batches())
    batch = type(batch)((batch.x.double(),), batch.labels, batch.index)
    found = method.loss(batch)
    # The shares and partners again from what the net saw: x̃_i = λ x_i + (1-λ) x_j.
    x, seen = batch.x.flatten(1), net.seen.flatten(1)
    logits = log_softmax(net(net.seen).detach().numpy(), axis=-1)
    shares = set()
    for i in range(10):
        fits = []
        for j in range(10):
            way = (x[i] - x[j]).square().sum()
            share = 1.0 if i == j else ((seen[i] - x[j]) @ (x[i] - x[j]) / way).item()
            gap = (seen[i] - share * x[i] - (1 - share) * x[j]).abs().max().item()
            fits.append((gap, j, share))
        gap, j, share = min(fits)
        assert gap < 1e-6
        if i != j:
            shares.add(round(share, 4))
        expected = -share * logits[i, batch.labels[i]] - (1 - share) * logits[i, batch.labels[j]]
        assert found[i].item() == pytest.approx(expected, abs=1e-5)
    assert len(shares) == 1  # one for the whole batch


def test_the_validation_loss_is_cross_entropy_on_samples_as_they_are():
    run = finish(small_run("mixup"))
    logits, labels = torch.randn(5, 4), torch.arange(5) % 4
    expected = -log_softmax(logits.numpy(), -1)[np.arange(5), labels.numpy()]
    np.testing.assert_allclose(run.method.criterion(logits, labels), expected, rtol=1e-5)


def test_token_ids_are_refused():
    reviews = load_dataset("reviews")
    config = configure("mixup", dataset=reviews, epochs=1)
    with pytest.raises(InputError, match="token ids"):
        finish(Run(config, device="cpu", dataset=reviews))
