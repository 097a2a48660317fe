"""MoCo's keys: He et al., *Momentum contrast for unsupervised visual representation learning*, CVPR
2020. Sel-CL learns from them where it trusts no pair."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lnl_core.losses.supervised_contrastive import supervised_contrastive
from lnl_core.methods.neighbours.embedded import Embedded, Memory, both_heads


class Keys(nn.Module):
    """A copy of an `Embedded` method's network and second head, whose weights follow as a moving
    average with `momentum` (eq. 2), and the last `negatives` embeddings by it."""

    def __init__(self, method: Embedded, momentum: float, negatives: int) -> None:
        super().__init__()
        self.momentum = momentum
        self.net, self.project = copy.deepcopy(method.net), copy.deepcopy(method.project)
        self.requires_grad_(False)
        self.negatives = Memory(negatives, method.project.out_features)

    @torch.no_grad()
    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, K] and embeddings [B, D] by the copy."""
        return both_heads(self.net, self.project, x)

    def instance(self, query: Tensor, view: Tensor, index: Tensor, temperature: float) -> Tensor:
        """-log P(the other view's key), of that key and the negatives (eq. 1): [B]. The keys of
        this `view` [B, ...] are then negatives themselves.

        `query` [B, D]: the embeddings of the first view; `index` int64 [B]: the samples.
        """
        key = self.both(view)[1]
        own = (query * key).sum(-1, keepdim=True)
        similarity = torch.cat([own, query @ self.negatives.recall().T], 1)
        candidates = torch.cat([torch.ones_like(own[0]).bool(), self.negatives.known])
        candidates = candidates.expand_as(similarity)
        positives = torch.zeros_like(candidates)
        positives[:, 0] = True
        self.negatives.store(key, index)
        return supervised_contrastive(similarity, positives, candidates, temperature)

    @torch.no_grad()
    def follow(self, method: Embedded) -> None:
        """One step of the average."""
        for own, key in ((method.net, self.net), (method.project, self.project)):
            for now, mean in zip(own.parameters(), key.parameters(), strict=True):
                mean.lerp_(now, 1 - self.momentum)
