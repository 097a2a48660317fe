"""Noisy labels [N] drawn from clean ones: each on its own, or with counts that are prescribed.

Labels and matrices are checked by `Noise.corrupt`, which calls these.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def draw_each(
    labels: NDArray[np.int64], t: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """One draw a label from its class's row of T, by inverting the row's distribution."""
    threshold = np.cumsum(t, axis=1)[:, :-1]  # the last bound is 1, whatever rounding made of it
    draw = rng.random(len(labels))
    noisy = np.empty(len(labels), np.int64)
    # In blocks: ImageNet's 1.3 million labels by 999 bounds at once would fill 10 GB.
    for start in range(0, len(labels), 50_000):
        part = slice(start, start + 50_000)
        noisy[part] = (draw[part, None] >= threshold[labels[part]]).sum(axis=1)
    return noisy


def draw_counts(
    labels: NDArray[np.int64], t: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """In each clean class, the counts that T prescribes, rounded by largest remainder."""
    noisy = labels.copy()
    for clean in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == clean))
        share = t[clean] * len(members)
        counts = np.floor(share + 1e-9).astype(int)
        rest = len(members) - counts.sum()
        counts[np.argsort(counts - share, kind="stable")[:rest]] += 1
        noisy[members] = np.repeat(np.arange(len(t)), counts)
    return noisy


def draw_symmetric_count(
    labels: NDArray[np.int64],
    num_classes: int,
    rate: float,
    inclusive: bool,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Touch exactly ⌈rN⌉ labels, whatever their class, as Tanaka et al.'s code does: to any class
    where `inclusive`, else to any other."""
    # 0.7 * 45000 is 31499.999…: the subtraction keeps such a product from rounding up twice.
    count = math.ceil(rate * len(labels) - 1e-9)
    touched = rng.permutation(len(labels))[:count]
    noisy = labels.copy()
    if inclusive:
        noisy[touched] = rng.integers(num_classes, size=count)
    else:
        shift = rng.integers(1, num_classes, size=count)
        noisy[touched] = (labels[touched] + shift) % num_classes
    return noisy
