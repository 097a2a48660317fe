"""Whether a probability that a label is right means what it says, and how well it sorts labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.errors import InputError


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: of each bin that holds any samples, how many, their mean probability
    and the share that is right."""

    count: Tensor
    stated: Tensor
    observed: Tensor

    @property
    def error(self) -> float:
        """Expected calibration error, Σ_b (n_b / N) |observed_b - stated_b| (Naeini et al. 2015;
        Guo et al. 2017, eq. 3): in [0, 1]."""
        weight = self.count / self.count.sum()
        return (weight * (self.observed - self.stated).abs()).sum().item()


@takes(probability="any *", right="any *")
def reliability(probability: Tensor, right: Tensor, bins: int = 10) -> Reliability:
    """Samples by stated probability [N] in [0, 1], in `bins` bins of equal width, against which are
    `right`, bool [N]. A bin holds its lower edge, the last one both.

    Raises `InputError` for probabilities that are none: a score of another range has no
    calibration.
    """
    p = probability.detach().double()
    if not p.numel() or p.shape != right.shape or p.dim() != 1:
        raise InputError(
            f"probability {list(p.shape)} and right {list(right.shape)} must both be [N], N at "
            "least 1."
        )
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise InputError(f"bins is {bins!r}, but it must be a whole number from 1 up.")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError(
            f"the probabilities lie in [{p.min():.3g}, {p.max():.3g}], but must lie in [0, 1]: a "
            "score has an order, which `area_under_curve` judges, and no calibration."
        )
    place = (p * bins).long().clamp_max(bins - 1)
    count = torch.bincount(place, minlength=bins).double()
    sums = [
        torch.zeros_like(count).scatter_add_(0, place, values) for values in (p, right.double())
    ]
    held = count > 0
    return Reliability(count[held], *(total[held] / count[held] for total in sums))


@takes(kept="bool N", right="bool N")
def precision_recall(kept: Tensor, right: Tensor) -> tuple[float, float]:
    """Of the labels that are kept the share that is right, and of the right ones the share that is
    kept: bool [N] each → fractions, NaN for a share of nothing."""
    both = (kept & right).sum().double()
    return (both / kept.sum()).item(), (both / right.sum()).item()
