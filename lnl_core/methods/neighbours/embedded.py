"""What MOIT, Sel-CL and NGC share: a network with a second head, whose embedding tells which
samples are alike, and a memory of embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lnl_core.accel import autocast
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError, unknown_name
from lnl_core.losses.contrastive import unit
from lnl_core.methods.base import Method
from lnl_core.methods.options import WIDEST, whole
from lnl_core.methods.semi_supervised.mixing import blend, pairing

TEMPERATURE = "a number from 0.01 to 100", lambda temperature: 0.01 <= temperature <= 100
MIXUP = "a number from 0.01 to 1000", lambda alpha: 0.01 <= alpha <= 1000
#: The contrastive views: RandAugment stands for SimCLR's crops, colours and greys; of vectors and
#: images that are not augmented otherwise it is all the augmentation there is.
VIEWS = ("strong", "weak")


def checked_view(view: Any) -> str:
    """The contrastive view if it is one of `VIEWS`."""
    if view not in VIEWS:
        raise unknown_name("view", view, VIEWS)
    return view


class Embedded(Method):
    """A method whose network has, beside its classifier, a linear head to `width` dimensions."""

    def __init__(self, net: nn.Module, data: TrainingSet, width: int) -> None:
        super().__init__(net, data)
        whole("projection", width, 1, WIDEST)
        if not hasattr(net, "feature_dim"):
            raise InputError(
                f"{type(self).__name__} needs a net with features and a head: take one from `lnl "
                "list nets`, or your own `Net` (see lnl_core/nets/base.py)."
            )
        self.project = nn.Linear(net.feature_dim, width)
        self.num_classes = data.num_classes

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, K] and embeddings of unit length [B, D], float32, in one pass."""
        return both_heads(self.net, self.project, x)

    def survey(self, data: TrainingSet) -> tuple[Tensor, Tensor]:
        """Logits [N, K] and embeddings [N, D] of all samples, plain and in the stored order."""
        found = [self.both(batch.x) for batch in data.scan()]
        logits, embedding = zip(*found, strict=True)
        return torch.cat(logits), torch.cat(embedding)


def both_heads(net: nn.Module, project: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """As `Embedded.both`, with that network and that second head."""
    with autocast(x.device, getattr(net, "precision", "float32")):
        features = net.features(x)
        logits, embedding = net.head(features), project(features)
    return logits.float(), unit(embedding.float())


@dataclass(frozen=True)
class MixedViews:
    """Two views of a batch of B samples, each mixed with itself in an order and by a λ of its own.

    `x` [2B, ...]; `main` and `minor` int64 [2B], the positions in the batch of the two samples in
    each, `share` [2B], λ ≥ ½, the first one's part.
    """

    x: Tensor
    main: Tensor
    minor: Tensor
    share: Tensor

    def blend(self, targets: Tensor) -> Tensor:
        """λ t_main + (1 - λ) t_minor of the batch's targets [B, K] → [2B, K]."""
        return targets[self.minor].lerp(targets[self.main], self.share[:, None].to(targets.dtype))


def mixed_views(batch: Batch, alpha: float) -> MixedViews:
    """The first two views of the batch, mixed with λ ~ max(Beta(α, α), 1 - it)."""
    drawn = [pairing(view, alpha, largest=True) for view in batch.views[:2]]
    x = [blend(view, *each) for view, each in zip(batch.views[:2], drawn, strict=True)]
    shares, orders = zip(*drawn, strict=True)
    count = len(batch.index)
    return MixedViews(
        torch.cat(x),
        torch.arange(count, device=batch.index.device).repeat(2),
        torch.cat(orders),
        torch.stack(shares).repeat_interleave(count),
    )


class Memory(nn.Module):
    """The last `size` embeddings with the samples that they are of, oldest overwritten first.

    `embedding` [S, D], `index` int64 [S] and, with classes, `predicted` [S, K]; `known` says which
    of the places hold something yet.
    """

    def __init__(self, size: int, width: int, classes: int = 0) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("embedding", torch.zeros(size, width))
        self.register_buffer("predicted", torch.zeros(size, classes))
        self.register_buffer("index", torch.zeros(size, dtype=torch.int64))
        #: How many were ever stored.
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @property
    def known(self) -> Tensor:
        return torch.arange(self.size, device=self.count.device) < self.count

    def recall(self) -> Tensor:
        """The embeddings, copied: what is stored before the gradient is taken must not change
        them."""
        return self.embedding.clone()

    @torch.no_grad()
    def store(self, embedding: Tensor, index: Tensor, predicted: Tensor | None = None) -> None:
        """Add embeddings [B, D] of the samples in `index` [B]; of more than fit, the last ones."""
        embedding, index = embedding[-self.size :], index[-self.size :]
        places = (self.count + torch.arange(len(index), device=index.device)) % self.size
        self.embedding.index_copy_(0, places, embedding.detach())
        self.index.index_copy_(0, places, index)
        if predicted is not None:
            self.predicted.index_copy_(0, places, predicted[-self.size :].detach())
        self.count += len(index)
