"""NNAQC where some labels are known to be clean: Jindal et al. 2019, Table 4 (Clothing1M).

The stage on the trusted samples is named as in `trusted.py`, so that the same settings apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lnl_core.data import NoisyData
from lnl_core.methods.noise_layers.nnaqc import NNAQC
from lnl_core.methods.transition.trusted import STAGE, fine_tune

if TYPE_CHECKING:
    from lnl_core.run import Run


def nnaqc_clean_only(run: Run) -> Iterator[Any]:
    """NNAQC on the trusted samples; the noisy ones are left out (#7)."""
    data = run.data.trusted_only()
    yield from run.fit(run.build(NNAQC, data=data), stage=STAGE, data=data)


def nnaqc_with_clean(run: Run) -> Iterator[Any]:
    """NNAQC on the noisy and the trusted samples together (#9).

    The text says no more than "1M, 50K": here each sample counts alike, the clean labels are noisy
    ones that happen to be right, and the settings are those of the million.
    """
    yield from _layer(run, run.data.with_trusted())


nnaqc_clean_only.nets = nnaqc_with_clean.nets = 1


def nnaqc_fine_tuned(run: Run) -> Iterator[Any]:
    """NNAQC on the noisy samples (#8), then cross-entropy on the trusted ones (#10).

    As in `trusted.forward_fine_tuned`: the last epoch of the first stage goes on, all of the net.
    The noise layer is left behind.
    """
    data = run.data.trusted_only()  # refused before a net has been trained, and not after
    first = yield from _layer(run, run.data)
    yield from fine_tune(run, first, data)


def _layer(run: Run, data: NoisyData) -> Iterator[Any]:
    """NNAQC on those data; returns the method."""
    method = run.build(NNAQC, data=data)
    yield from run.fit(method, data=data)
    run.estimates["transition_matrix"] = method.noise_matrix().cpu().numpy()
    return method
