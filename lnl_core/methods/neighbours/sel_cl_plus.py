"""Sel-CL+: Sel-CL, whose confident samples the network is then fine-tuned on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from lnl_core.data import TrainingSet
from lnl_core.methods.neighbours.fine_tune import fine_tune
from lnl_core.methods.neighbours.sel_cl import SelCL

if TYPE_CHECKING:
    from lnl_core.run import Run


def sel_cl_plus(
    run: Run,
    k: int | None = None,
    quantile: float = 0.5,
    pair_quantile: float = 0.25,
    temperature: float = 0.1,
    alpha: float = 1.0,
    memory: int = 1000,
    negatives: int = 10_000,
    momentum: float = 0.999,
    weight_c: float = 1.0,
    weight_s: float = 0.01,
    warm_up: int | None = None,
    view: str = "strong",
    projection: int = 128,
) -> Iterator[Any]:
    """The stage `train`, `SelCL`, whose options these are; then, with the samples that it finds
    confident in the end, the stage `fine-tune`."""
    first = run.build(
        SelCL, k=k, quantile=quantile, pair_quantile=pair_quantile, temperature=temperature,
        alpha=alpha, memory=memory, negatives=negatives, momentum=momentum, weight_c=weight_c,
        weight_s=weight_s, warm_up=warm_up, view=view, projection=projection,
    )  # fmt: skip
    yield from run.fit(first)
    first.eval()
    with torch.no_grad():
        first.select(TrainingSet(run.data, run.config.train))
    yield from fine_tune(run, first, first.confident, first.support)
