"""Which labels to trust, and how latent labels become noisy ones."""

from __future__ import annotations

import torch

from lnl_core.measures.quality_patterns import agreement, transition_pattern, trustworthy


def test_a_prediction_agrees_where_every_label_is_as_given():
    predicted = torch.tensor([[0.9, 0.1], [0.9, 0.6], [0.4, 0.4]])
    labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert agreement(predicted, labels).tolist() == [True, False, True]


def test_of_two_clusters_the_one_that_agrees_is_trustworthy():
    torch.manual_seed(0)
    where = torch.arange(200) % 3 == 0
    mean = torch.randn(200, 4) + 10 * where[:, None]
    agrees = where.clone()
    agrees[:20] = ~agrees[:20]  # not all of them
    assert torch.equal(trustworthy(mean, agrees), where)
    assert torch.equal(trustworthy(mean, ~agrees), ~where)


def test_samples_that_are_all_alike_are_one_cluster():
    assert trustworthy(torch.ones(5, 2), torch.zeros(5, dtype=torch.bool)).all()


def test_of_one_label_a_sample_transitions_are_counted():
    latent = torch.eye(3)[[0, 0, 0, 0, 1, 1]]
    labels = torch.eye(3)[[0, 0, 0, 1, 1, 2]]
    found = transition_pattern(latent, labels)
    expected = torch.tensor([[0.75, 0.25, 0], [0, 0.5, 0.5]]).double()
    torch.testing.assert_close(found[:2], expected)
    assert found[2].isnan().all()


def test_of_several_labels_a_kept_one_goes_to_itself_and_a_lost_one_to_the_new_ones():
    latent = torch.tensor([[1.0, 1, 0, 0]])
    labels = torch.tensor([[1.0, 0, 1, 1]])
    found = transition_pattern(latent, labels)
    assert found[0].tolist() == [1, 0, 0, 0] and found[1].tolist() == [0, 0, 0.5, 0.5]
