"""How well a method has seen through the noise: its corrected labels and its trust in the given
ones, against the clean labels that it never sees."""

from __future__ import annotations

import torch
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data import NoisyData
from lnl_core.methods.base import Method

#: Tanaka et al. 2018, Tables 12 and 13: name → least and largest probability of a soft label.
CONFIDENCES: dict[str, tuple[float, float]] = {
    "0.99-1": (0.99, 2.0),
    "0.95-0.99": (0.95, 0.99),
    "0.9-0.95": (0.9, 0.95),
    "0-0.9": (0.0, 0.9),
}


@takes(method=Method, data=NoisyData)
@torch.no_grad()
def recovery(method: Method, data: NoisyData) -> dict[str, float]:
    """Of the training split, for the diagnostics of an epoch; fractions:

    * `recovered`: the share of samples whose corrected label is the true one; of distributions,
      whose largest class is. Then also `share_B` and `recovered_B` of each B in `CONFIDENCES`, the
      share of samples whose largest probability lies in it, and the share recovered among them.
    * `selection_auc`: the probability that of two samples, one rightly and one wrongly labelled,
      `clean_probability` puts the right one above. Left out where all labels are right, or none.

    Of multi-label data `recovered` is the share of samples whose whole label vector is right, each
    label being there if its probability is above one half; so is right a labelling for
    `selection_auc`.

    Nothing for a method that judges no label, and for data whose true labels nobody knows.
    """
    train, found = data.train, {}
    if train.labels.dim() == 1 and data.noise.realised_matrix is None:
        return found
    corrected, trust = method.corrected_labels(), method.clean_probability()
    if corrected is not None:
        soft = corrected.is_floating_point() and train.labels.dim() == 1
        hard = corrected.argmax(-1) if soft else corrected
        if train.labels.dim() == 2:
            hard = corrected > 0.5
        right = _right(hard, train.clean).double()
        found["recovered"] = right.mean()
        if soft:
            found |= _by_confidence(corrected.amax(-1), right)
    if trust is not None:
        found["selection_auc"] = area_under_curve(trust, _right(train.labels, train.clean))
    # One transfer from the device for all; NaN is a share of nothing.
    values = torch.stack(list(found.values())).tolist() if found else []
    return {name: v for name, v in zip(found, values, strict=True) if v == v}


def _right(labels: Tensor, clean: Tensor) -> Tensor:
    """Which samples [N] have the true label, or the true label vector."""
    same = labels == clean
    return same.all(-1) if same.dim() == 2 else same


@takes(scores="any N", positive="bool N")
def area_under_curve(scores: Tensor, positive: Tensor) -> Tensor:
    """P(score of a positive > score of a negative) + ½ P(equal), by ranks; NaN without both kinds.

    `scores` [N], `positive` bool [N] → float64 scalar.
    """
    scores = scores.double()
    ordered = scores.sort().values
    below = torch.searchsorted(ordered, scores, right=False)
    up_to = torch.searchsorted(ordered, scores, right=True)
    rank = (below + up_to + 1).double() / 2  # from 1, the mean rank among equals
    positives, negatives = positive.sum().double(), (~positive).sum().double()
    above = (rank * positive).sum() - positives * (positives + 1) / 2
    return above / (positives * negatives)


def _by_confidence(confidence: Tensor, right: Tensor) -> dict[str, Tensor]:
    found = {}
    for name, (least, largest) in CONFIDENCES.items():
        inside = ((confidence >= least) & (confidence < largest)).double()
        found[f"share_{name}"] = inside.mean()
        found[f"recovered_{name}"] = (right * inside).sum() / inside.sum()
    return found
