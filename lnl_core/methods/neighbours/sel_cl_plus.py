"""Sel-CL+: Sel-CL, whose confident samples the network is then fine-tuned on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from lnl_core.data import TrainingSet
from lnl_core.methods.neighbours.fine_tune import fine_tune
from lnl_core.methods.neighbours.sel_cl import SelCL
from lnl_core.methods.options import takes_options_of

if TYPE_CHECKING:
    from lnl_core.run import Run


@takes_options_of(SelCL)
def sel_cl_plus(run: Run, **options: Any) -> Iterator[Any]:
    """The stage `train`, `SelCL`, whose options these are; then, with the samples that it finds
    confident in the end, the stage `fine-tune`."""
    first = run.build(SelCL, **options)
    yield from run.fit(first)
    first.eval()
    with torch.no_grad():
        embedding = first.survey(TrainingSet(run.data, run.config.train))[1]
        first.trusted.select(embedding, first.num_classes)
    yield from fine_tune(run, first, first.trusted.samples, first.trusted.support)
