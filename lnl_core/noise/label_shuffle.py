"""Label noise of label vectors: Yao et al. 2018, Section IV-C."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lnl_core.contract import takes


@takes(labels="vectors", rate="fraction", exact="flag", rng=np.random.Generator)
def shuffle_labels(
    labels: NDArray[np.integer], rate: float, exact: bool, rng: np.random.Generator
) -> NDArray[np.integer]:
    """Each vector [N, K], with probability `rate`, with its elements in a random order.

    "Randomly decide whether to shuffle elements of each clean label vector or not": a label vector
    keeps how many labels it has, and may come out as it was. `exact` shuffles ⌈rate · N⌉ of them.
    """
    count = len(labels)
    if exact:
        touched = rng.permutation(count)[: math.ceil(rate * count - 1e-9)]
    else:
        touched = np.flatnonzero(rng.random(count) < rate)
    noisy = labels.copy()
    noisy[touched] = rng.permuted(labels[touched], axis=1)
    return noisy


@takes(labels="vectors", rate="fraction")
def expected_rate(labels: NDArray[np.integer], rate: float) -> float:
    """The share of the N·K labels that shuffling should change: of a vector with the share p of
    labels there, 2 p (1-p) of them differ after a shuffle."""
    share = labels.mean(axis=1)
    return float(rate * (2 * share * (1 - share)).mean())
