"""Average precision, the measure of multi-label classification, as PASCAL VOC defines it.

Samples are ranked by their score for one class; of each beginning of that ranking, precision is the
share of it that has the label, recall the share of those that have the label which is in it. From
scikit-learn's curve, three numbers of it are in use:

* `eleven-point` (VOC 2007): the mean over recall 0, 0.1 … 1 of the best precision at that recall or
  more;
* `area` (VOC 2010 and later): the area under the best precision at each recall or more;
* `steps`: the area under the curve as it is, scikit-learn's `average_precision_score`.

Yao et al. 2018 go by VOC 2007 and VOC 2012, without a word on which of the two where.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.errors import InputError, unknown_name

KINDS = ("area", "eleven-point", "steps")
#: What a test set was published with; any other has `area`.
KIND_OF = {"voc2007": "eleven-point", "web-voc2007": "eleven-point"}


@takes(scores=np.ndarray, labels=np.ndarray, kind="text")
def average_precision(
    scores: NDArray[np.floating], labels: NDArray[np.integer], kind: str = "area"
) -> float:
    """Average precision in [0, 1] of one class: any increasing scores [N], labels 0 or 1 [N].

    Samples of equal score enter the ranking together. NaN where no sample has the label. Raises
    `InputError` for an unknown kind, lengths that differ and scores that are no numbers.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve  # slow to import

    if kind not in KINDS:
        raise unknown_name("kind of average precision", kind, KINDS)
    if scores.shape != labels.shape or scores.ndim != 1 or not np.isfinite(scores).all():
        raise InputError(
            f"scores {list(scores.shape)} and labels {list(labels.shape)} must both be [N], and "
            "the scores finite."
        )
    if not labels.any():
        return float("nan")
    if kind == "steps":
        return float(average_precision_score(labels, scores))
    precision, recall, _ = precision_recall_curve(labels, scores)
    # Recall falls from 1 to 0 here: the best precision at that recall or more is a running maximum.
    # The curve's last point, precision 1 at recall 0, is scikit-learn's and no ranking's.
    best = np.maximum.accumulate(precision[:-1])
    if kind == "area":
        return float(np.sum(-np.diff(recall) * best))
    # Recall is a fraction of whole numbers: 3/10 is to count as 0.3.
    reached = [best[recall[:-1] >= level / 10 - 1e-9][-1] for level in range(11)]
    return float(np.sum(reached) / 11)


@takes(logits="N K", labels="any N K", classes=tuple, kind="text")
def average_precisions(
    logits: Tensor, labels: Tensor, classes: tuple[str, ...], kind: str = "area"
) -> dict[str, float]:
    """`test_map`, and `test_ap_CLASS` of each class, for logits and label vectors [N, K].

    A class that no sample has has no average precision, and is left out of the mean. Nothing for
    logits that are no numbers.
    """
    if not logits.isfinite().all():
        return {}
    scores, truth = logits.cpu().numpy(), labels.cpu().numpy()
    each = {
        f"test_ap_{name}": average_precision(scores[:, k], truth[:, k], kind)
        for k, name in enumerate(classes)
    }
    each = {name: value for name, value in each.items() if value == value}
    return {"test_map": float(np.mean(list(each.values()))), **each} if each else {}
