"""MixUp: Zhang et al., *mixup: Beyond Empirical Risk Minimization*, ICLR 2018. Between two samples
the labels are to change linearly.

The loss of a mixed batch is `losses.cross_entropy`, which takes distributions as well as classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lnl_core.errors import InputError


def mix(x: Tensor, targets: Tensor, alpha: float, largest: bool = False) -> tuple[Tensor, Tensor]:
    """λ x + (1 - λ) x' and λ t + (1 - λ) t', where x' and t' are the batch in another order.

    `x` float [B, ...], `targets` distributions float [B, K]; both come back in their shapes.
    λ ~ Beta(α, α), α > 0, one number for the whole batch, as in the authors' code (the text draws
    one a pair). With `largest` it is max(λ, 1 - λ): each mixed sample is more its own than the
    other's (MixMatch and DivideMix). Drawn from torch's generators on the samples' device, where
    nothing waits for it. Raises `InputError` for token ids, between which there is nothing.
    """
    share, order = pairing(x, alpha, largest)
    return blend(x, share, order), blend(targets, share, order)


def pairing(x: Tensor, alpha: float, largest: bool = False) -> tuple[Tensor, Tensor]:
    """What `mix` draws for a batch: λ, a number, and the other order of its samples, int64 [B]."""
    if not x.is_floating_point():
        raise InputError(
            f"MixUp takes means of samples, but these are {x.dtype}, such as token ids: use images "
            "or vectors, or a method without MixUp."
        )
    share = torch._sample_dirichlet(torch.full((2,), float(alpha), device=x.device))
    share = share.max() if largest else share[0]
    return share, torch.rand(len(x), device=x.device).argsort()


def blend(values: Tensor, share: Tensor, order: Tensor) -> Tensor:
    """λ v + (1 - λ) v', v' being the values [B, ...] in the other order."""
    return values[order].lerp(values, share.to(values.dtype))
