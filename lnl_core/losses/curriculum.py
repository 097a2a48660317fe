"""How much a sample counts by how hard it is: Jiang et al., *MentorNet: Learning data-driven
curriculum for very deep neural networks on corrupted labels*, ICML 2018."""

from __future__ import annotations

import torch
from torch import Tensor

from lnl_core.contract import takes


@takes(loss="*", threshold="number", spread="number")
def curriculum_weight(loss: Tensor, threshold: Tensor | float, spread: float) -> Tensor:
    """v = 1 - (ℓ - λ₁)/λ₂, held in [0, 1]: 1 up to λ₁ = `threshold`, and from there falling to 0
    at λ₁ + λ₂, λ₂ = `spread` ≥ 0; with a spread of 0, self-paced learning, 1 or 0 (eq. 7).

    `loss` ℓ [...] → [...]. It is the v in [0, 1] of least v ℓ + ½ λ₂ v² - (λ₁ + λ₂) v, the
    paper's predefined curriculum (eq. 5). In the authors' code MentorNet PD has it self-paced at
    first, and with a spread of 1 in the last tenth of the epochs.
    """
    if not spread:
        return (loss <= threshold).to(loss.dtype)
    return (1 - (loss - threshold) / spread).clamp(0, 1)


@takes(values="B", dropped="fraction")
def random_subset(values: Tensor, dropped: float) -> Tensor:
    """1 for a random subset of the values [B], 0 for the others, of which there are a share
    `dropped` in [0, 1), rounded up, but never all; the same type as `values`."""
    # The little more keeps 10 · (1 - 0.7) from being 2.
    count = max(1, int(len(values) * (1 - dropped) + 1e-6))
    rank = torch.rand(len(values), device=values.device).argsort().argsort()
    return (rank < count).to(values.dtype)
