"""Joint optimization: Tanaka et al., *Joint Optimization Framework for Learning with Noisy Labels*,
CVPR 2018. The labels are variables like the weights, and the two are optimised in turns.

A network that learns fast (a high learning rate) does not fit the wrong labels; so its predictions
are better than the labels, and take their place (Algorithm 1). Step 1 does that; step 2 trains a
fresh network on the labels that come out (Section 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lnl_core.methods.options import takes_options_of
from lnl_core.methods.relabelling.relabel import Relabel, Retrain

if TYPE_CHECKING:
    from lnl_core.run import Run


@takes_options_of(Relabel)
def joint(run: Run, **options: Any) -> Iterator[Any]:
    """Step 1, the stage `relabel`, then step 2, `retrain`. The options are `Relabel`'s.

    With hard labels (not `soft`) an epoch changes `top` of them (Section 5.4). That L_e is
    "required when we use the soft-label" may mean that hard labels went without it; the authors'
    code has no hard labels. Here they have it: β = 0 leaves it out.
    """
    first = run.build(Relabel, **options)
    yield from run.fit(first, stage="relabel")
    yield from run.fit(run.build(Retrain, labels=first.labels), stage="retrain")
