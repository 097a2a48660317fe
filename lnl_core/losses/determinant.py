"""Determinant-based mutual information of predictions and labels: Xu et al., *L_DMI: A Novel
Information-theoretic Loss Function for Training Deep Nets Robust to Label Noise*, NeurIPS 2019."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes


@takes(probabilities="... B K", labels="int ... B")
def joint(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The batch's joint distribution of predicted class and label, U[k, ỹ] → [..., K, K].

    `probabilities` [..., B, K], `labels` int64 [..., B]: U = mean_i p_i e_ỹiᵀ; it sums to 1.
    """
    given = F.one_hot(labels, probabilities.shape[-1]).to(probabilities.dtype)
    return probabilities.mT @ given / probabilities.shape[-2]


@takes(logits="... B K", labels="int ... B", floor="number")
def determinant_loss(logits: Tensor, labels: Tensor, floor: float = 1e-3) -> Tensor:
    """-log|det U|, one number a batch: [..., B, K], [..., B] → [...] in float64.

    With labels that noise T[clean, noisy] has made independently of the samples, U becomes U T and
    the loss grows by the constant -log|det T|: what minimises it does not change.

    `floor` is added to |det| of the counts, B U, as the authors' code does; with 0 it is the
    text's. A batch with no sample of some label has the determinant 0, and no gradient. What is
    returned is of U whatever the floor: of the counts' log determinant less K log B.
    """
    classes, count = logits.shape[-1], max(1, logits.shape[-2])
    # K U has entries of about 1 where predictions are right, so that few determinants underflow.
    # |det K U| = |det B U| (K/B)^K, and so for the floor.
    joint_times_k = classes * joint(logits.double().softmax(-1), labels)
    log_floor = (math.log(floor) if floor else -math.inf) + classes * math.log(classes / count)
    added = math.exp(min(max(log_floor, _LEAST), -_LEAST))
    determinant = torch.linalg.det(joint_times_k).abs()
    return classes * math.log(classes) - (determinant + added).log()


#: The logarithm of the least number that is added: -log 0 is no loss to report.
_LEAST = -700.0
