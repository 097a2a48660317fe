"""Nearest neighbours in an embedding, and what their labels say of a sample's own.

In blocks of rows on the data's device: all similarities at once would be 10 GB for 50,000 samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lnl_core.data import TrainingSet
from lnl_core.losses import divide
from lnl_core.methods.options import whole

#: Similarities held at a time.
BLOCK = 2**25
#: Bins of [-1, 1] that similarities of pairs are counted in.
BINS = 20_000


def neighbour_count(k: int | None, usual: int, data: TrainingSet) -> int:
    """k as given, a whole number from 1 up; if None the `usual` one, but at most half of a class's
    mean size, at least 1: with more neighbours than a class has members, the largest class wins
    every vote."""
    if k is None:
        return max(1, min(usual, len(data) // (2 * data.num_classes)))
    return whole("k", k, 1)


def row_blocks(count: int) -> Iterator[slice]:
    """Rows of a `count` x `count` matrix, so many at a time that a block holds `BLOCK` values."""
    size = max(1, BLOCK // max(1, count))
    return (slice(begin, min(begin + size, count)) for begin in range(0, count, size))


def nearest(embedding: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k other samples of largest ⟨z_i, z_j⟩: similarities and indices, [N, k] each, the
    nearest first. No sample is its own neighbour; where there are fewer than k others, all of them.

    `embedding` z [N, D], of unit length for cosines.
    """
    count = len(embedding)
    k = min(k, count - 1)
    values, indices = [], []
    for rows in row_blocks(count):
        similarity = embedding[rows] @ embedding.T
        own = torch.arange(rows.start, rows.stop, device=embedding.device)
        similarity.scatter_(1, own[:, None], -torch.inf)
        found = similarity.topk(k)
        values.append(found.values)
        indices.append(found.indices)
    return torch.cat(values), torch.cat(indices)


def vote(neighbours: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """The share of each class among the neighbours' labels: indices [N, k] and int64 [N] → [N, K],
    float32; all 0 where nobody has a neighbour."""
    counts = torch.zeros(len(neighbours), num_classes, device=labels.device)
    ones = torch.ones_like(neighbours, dtype=counts.dtype)
    return counts.scatter_add_(1, labels[neighbours], ones) / max(1, neighbours.shape[1])


def corrected_vote(neighbours: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """The vote on the labels that a first vote has given each sample (MOIT, eq. 6 and 7)."""
    corrected = vote(neighbours, labels, num_classes).argmax(-1)
    return vote(neighbours, corrected, num_classes)


def balanced_selection(shares: Tensor, labels: Tensor, quantile: float = 0.5) -> Tensor:
    """Of each class the samples whose labels the vote supports best, as many of each class.

    `shares` [N, K] of a vote, `labels` int64 [N] → bool [N]. How many is the `quantile` in [0, 1],
    over the classes that occur, of how many samples of a class the vote gives their own label (0.5:
    the median, of two the lower one). A class with fewer samples gives all that it has. Samples of
    equal support are taken in their order.
    """
    num_classes = shares.shape[1]
    agree = torch.bincount(labels[shares.argmax(-1) == labels], minlength=num_classes)
    occurs = torch.bincount(labels, minlength=num_classes) > 0
    count = agree[occurs].double().quantile(quantile, interpolation="lower").long()
    support = shares.gather(1, labels[:, None]).squeeze(1)
    return divide.uniform_selection(-support, labels, count * num_classes, num_classes)


def similarity_quantile(
    embedding: Tensor, labels: Tensor, chosen: Tensor, quantile: float
) -> Tensor:
    """The `quantile` in [0, 1] of ⟨z_i, z_j⟩ over all pairs i ≠ j of the `chosen` samples (bool
    [N]) that have the same label: scalar, rounded down by at most 1e-4; ∞ if there is no such pair.

    `embedding` z [N, D] of unit length, `labels` int64 [N]. Counted in bins, because there may be
    a quarter of a billion pairs.
    """
    counts = torch.zeros(BINS, dtype=torch.int64, device=embedding.device)
    for label in labels[chosen].unique():
        z = embedding[chosen & (labels == label)]
        for rows in row_blocks(len(z)):
            similarity = (z[rows] @ z.T).clamp(-1, 1)
            later = torch.ones_like(similarity, dtype=torch.bool).triu(1 + rows.start)
            place = ((similarity[later] + 1) * (BINS / 2)).long().clamp(max=BINS - 1)
            counts += torch.bincount(place, minlength=BINS)
    total = counts.sum()
    place = (counts.cumsum(0) >= (quantile * total).clamp_min(1)).int().argmax()
    return torch.where(total > 0, place / (BINS / 2) - 1, torch.inf)
