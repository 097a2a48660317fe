"""What the tests of MOIT and Sel-CL share: embeddings, whom their neighbours keep, found sample by
sample, and what a method has mixed."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

from lnl_core.losses.contrastive import unit
from lnl_core.methods.neighbours.embedded import MixedViews


def clusters(labels: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Points [N, 4] around an axis a class, a third of them around the next one's."""
    draw = torch.Generator().manual_seed(seed)
    axis = torch.where(torch.rand(len(labels), generator=draw) < 0.3, (labels + 1) % 4, labels)
    return unit(torch.eye(4)[axis] + 0.5 * torch.randn(len(labels), 4, generator=draw))


def two_votes(
    z: torch.Tensor, labels: torch.Tensor, k: int, quantile: float, classes: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """MOIT's eq. 6-9: who is kept, and how far each label is supported, [N] both."""
    z, labels = z.double().numpy(), labels.numpy()
    near = [[j for j in np.argsort(-(z @ row)) if j != i][:k] for i, row in enumerate(z)]
    first = np.array([np.bincount(labels[row], minlength=classes).argmax() for row in near])
    second = np.array([np.bincount(first[row], minlength=classes) / k for row in near])
    own = second[np.arange(len(z)), labels]
    agree = [int((second.argmax(1) == labels)[labels == c].sum()) for c in range(classes)]
    count = int(np.quantile(agree, quantile, method="lower"))
    kept = np.zeros(len(z), dtype=bool)
    for c in range(classes):
        members = np.flatnonzero(labels == c)
        kept[members[np.argsort(-own[members], kind="stable")[:count]]] = True
    return kept, own


def seen_mixing(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[MixedViews]:
    """What `mixed_views` gives the module from now on."""
    seen, real = [], module.mixed_views

    def recorded(*given):
        seen.append(real(*given))
        return seen[-1]

    monkeypatch.setattr(module, "mixed_views", recorded)
    return seen
