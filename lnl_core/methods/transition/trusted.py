"""Training on the trusted samples, whose labels are clean: Patrini et al. 2017, Section 5.3.

Clothing1M has a million noisy labels and fifty thousand clean ones. Rows #7 and #8 of Table 3 are
cross-entropy on the clean ones, from ImageNet's weights and from those of forward correction on
the noisy ones. The stage on the trusted samples is named "trusted": settings of its own stand under
that name in `RunConfig.stages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lnl_core.data import NoisyData
from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.transition.correction import Forward

if TYPE_CHECKING:
    from lnl_core.run import Run

STAGE = "trusted"


def clean_only(run: Run) -> Iterator[Any]:
    """Cross-entropy on the trusted samples; the noisy ones are left out (Table 3, #7)."""
    data = run.data.trusted_only()
    yield from run.fit(run.build(CrossEntropy, data=data), stage=STAGE, data=data)


clean_only.nets = 1


def forward_fine_tuned(run: Run) -> Iterator[Any]:
    """Forward correction on the noisy samples, then cross-entropy on the trusted ones (#8).

    "We fine tune the networks with 50k, with the same learning parameters as in #7". Which epoch
    of the first stage is fine-tuned the text does not say: the last one. All of the net goes on,
    its output layer as well, with a new optimiser.
    """
    data = run.data.trusted_only()  # refused before a net has been trained, and not after
    first = run.build(Forward)
    yield from run.fit(first)
    yield from fine_tune(run, first, data)


def fine_tune(run: Run, first: Method, data: NoisyData) -> Iterator[Any]:
    """Cross-entropy on `data`, the trusted samples, from where the first method's net ended."""
    second = run.build(CrossEntropy, data=data)
    second.net.load_state_dict(first.net.state_dict())
    yield from run.fit(second, stage=STAGE, data=data)
