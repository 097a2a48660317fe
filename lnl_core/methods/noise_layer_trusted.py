"""NNAQC where some labels are known to be clean: Jindal et al. 2019, Table 4 (Clothing1M).

The stage on the trusted samples is named as in `trusted.py`, so that the same settings apply.
Row #9, the million and the trusted 50,000 together, is not built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.noise_layer import NNAQC
from lnl_core.methods.trusted import STAGE

if TYPE_CHECKING:
    from lnl_core.run import Run


def nnaqc_clean_only(run: Run) -> Iterator[Any]:
    """NNAQC on the trusted samples; the noisy ones are left out (#7)."""
    data = run.data.trusted_only()
    yield from run.fit(run.build(NNAQC, data=data), stage=STAGE, data=data)


def nnaqc_fine_tuned(run: Run) -> Iterator[Any]:
    """NNAQC on the noisy samples (#8), then cross-entropy on the trusted ones (#10).

    As in `trusted.forward_fine_tuned`: the last epoch of the first stage goes on, all of the net.
    The noise layer is left behind.
    """
    data = run.data.trusted_only()  # refused before a net has been trained, and not after
    first = run.build(NNAQC)
    yield from run.fit(first)
    run.estimates["transition_matrix"] = first.noise_matrix().cpu().numpy()
    second = run.build(CrossEntropy, data=data)
    second.net.load_state_dict(first.net.state_dict())
    yield from run.fit(second, stage=STAGE, data=data)
