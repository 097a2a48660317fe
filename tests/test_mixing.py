"""MixUp's batch: which pairs, which λ, and that samples and targets have the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from lnl_core.errors import InputError
from lnl_core.methods.semi_supervised.mixing import mix


def batch(count: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample i is 8 in one place of its own, so that a mean tells what it is of."""
    targets = torch.eye(count, dtype=torch.float64)
    return targets.view(count, 1, count).repeat(1, 2, 1) * 8, targets


def shares(count: int, alpha: float, largest: bool = False) -> np.ndarray:
    """λ of so many batches of two samples, of which the second is the other's half the time."""
    x, targets = torch.tensor([[1.0], [0.0]]), torch.eye(2)
    found = []
    while len(found) < count:
        mixed, _ = mix(x, targets, alpha, largest)
        if mixed[0] != 1:  # the order was not the same
            found.append(mixed[0].item())
    return np.array(found)


def test_samples_and_targets_are_mixed_with_the_same_partner_and_share():
    torch.manual_seed(0)
    x, targets = batch()
    kept = x.clone(), targets.clone()
    mixed, mixed_targets = mix(x, targets, 1.0)
    assert torch.equal(x, kept[0]) and torch.equal(targets, kept[1])
    assert mixed.shape == x.shape and mixed.dtype == x.dtype
    torch.testing.assert_close(mixed, 8 * mixed_targets[:, None].expand_as(mixed))
    torch.testing.assert_close(mixed_targets.sum(-1), torch.ones(9, dtype=torch.float64))
    own = mixed_targets.diagonal()
    alone = own > 1 - 1e-9  # a sample that is its own partner
    assert own[~alone].unique().numel() <= 1  # one share a batch
    partners = (mixed_targets - torch.diag(own)).sum(0)  # each is one sample's partner
    torch.testing.assert_close(partners[~alone], 1 - own[~alone])


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
def test_the_share_is_of_the_beta_distribution(alpha):
    torch.manual_seed(0)
    assert stats.kstest(shares(1500, alpha), stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_with_largest_a_sample_is_mostly_its_own():
    torch.manual_seed(0)
    found = shares(1500, 4.0, largest=True)
    folded = stats.beta(4.0, 4.0)
    assert found.min() >= 0.5
    assert stats.kstest(found, lambda v: folded.cdf(v) - folded.cdf(1 - v)).pvalue > 1e-3


def test_the_same_seed_gives_the_same_batch():
    x, targets = batch()
    seen = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        seen.append(mix(x, targets, 1.0)[1])
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[0], seen[2])


def test_a_batch_of_one_is_itself_and_of_none_is_empty():
    x, targets = batch()
    one, target = mix(x[:1], targets[:1], 1.0)
    torch.testing.assert_close(one, x[:1])
    torch.testing.assert_close(target, targets[:1])
    assert len(mix(x[:0], targets[:0], 1.0)[0]) == 0


def test_token_ids_are_refused():
    with pytest.raises(InputError, match="token ids") as caught:
        mix(torch.arange(6).view(2, 3), torch.eye(2), 1.0)
    assert "\n" not in str(caught.value)
