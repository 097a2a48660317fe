"""Whom Sel-CL trusts: samples whose labels the neighbours support, and pairs of samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core.methods.neighbours.knn import (
    balanced_selection,
    corrected_vote,
    nearest,
    similarity_quantile,
)


class Confident(nn.Module):
    """Confident samples are those that MOIT would keep (eq. 2 and 3; see there for the two votes of
    the `k` nearest neighbours, and `quantile` α). Confident pairs are of the same label, and either
    both samples are confident (eq. 4) or their similarity is at least γ (eq. 5), the quantile β =
    `pair_quantile` of the similarities of confident samples of the same label. The numbers are
    those of Sel-CL's paper, by a summary of it.

    `labels` int64 [N]; embeddings have `width` dimensions. Where no sample is confident, all are,
    and no pair is.
    """

    def __init__(
        self, labels: Tensor, width: int, k: int, quantile: float, pair_quantile: float
    ) -> None:
        super().__init__()
        self.k, self.quantile, self.pair_quantile = k, quantile, pair_quantile
        count = len(labels)
        self.register_buffer("labels", labels.clone())
        #: The samples' embeddings when they were last judged, who is confident, how far the
        #: neighbours support each label, γ, and how often all this was found.
        self.register_buffer("embedding", torch.zeros(count, width))
        self.register_buffer("samples", torch.ones(count, dtype=torch.bool))
        self.register_buffer("support", torch.zeros(count))
        self.register_buffer("threshold", torch.tensor(torch.inf))
        self.register_buffer("selections", torch.zeros((), dtype=torch.int64))

    def select(self, embedding: Tensor, num_classes: int) -> None:
        """Judge all samples by their embeddings, [N, D] of unit length."""
        shares = corrected_vote(nearest(embedding, self.k)[1], self.labels, num_classes)
        chosen = balanced_selection(shares, self.labels, self.quantile)
        found = similarity_quantile(embedding, self.labels, chosen, self.pair_quantile)
        self.embedding.copy_(embedding)
        self.support.copy_(shares.gather(1, self.labels[:, None]).squeeze(1))
        self.threshold.copy_(found)
        self.samples.copy_(chosen | ~chosen.any())
        self.selections += 1

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """Which of these samples (indices [A] and [B]) make confident pairs: bool [A, B]. A sample
        makes none with itself."""
        same = self.labels[first][:, None] == self.labels[second]
        both = self.samples[first][:, None] & self.samples[second] & self.threshold.isfinite()
        near = self.embedding[first] @ self.embedding[second].T >= self.threshold
        return same & (both | near) & (first[:, None] != second)

    def diagnostics(self) -> dict[str, float]:
        """`confident`: the share of the samples; `threshold`: γ, where there is one; nothing before
        samples were judged."""
        if not self.selections:
            return {}
        share, threshold = self.samples.double().mean().item(), self.threshold.item()
        found = {"threshold": threshold} if threshold < float("inf") else {}
        return {"confident": share} | found
