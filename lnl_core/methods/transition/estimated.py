"""Loss correction with an estimated matrix: Patrini et al. 2017, Algorithm 1, both variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lnl_core import transition
from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.options import flag, number
from lnl_core.methods.transition.correction import CLIP, Backward, Forward, base_loss

if TYPE_CHECKING:
    from lnl_core.run import Run


def forward_estimated(
    run: Run,
    percentile: float | None = 97.0,
    view_bug: bool = False,
    warm_start: bool = False,
    base: str = "cross-entropy",
) -> Iterator[Any]:
    """Train with the base loss, estimate T̂ by eq. 12-13, train anew with forward correction.

    T̂ comes from the epoch of lowest noisy validation loss, on training and validation samples
    together (Section 5.1); without a validation split from the last epoch, by which a network may
    have learned wrong labels by heart: then the stage `estimate` wants few. `percentile` and
    `view_bug` as in `transition.estimate`. With `warm_start` the second network begins where the
    first one ended, which Algorithm 1 allows.
    """
    _check(percentile, view_bug, warm_start, base)
    estimated = yield from estimated_matrix(run, percentile, view_bug, base)
    yield from _correct(run, estimated, Forward, warm_start, base=base)


def backward_estimated(
    run: Run,
    percentile: float | None = 97.0,
    view_bug: bool = False,
    warm_start: bool = False,
    clip: float = 0.0,
    base: str = "cross-entropy",
) -> Iterator[Any]:
    """The same with backward correction; `clip` as in `Backward`.

    A T̂ that cannot be inverted is mixed with the identity, 1% at a time, until it can
    (Section 4.1 names the remedy, not the amount).
    """
    _check(percentile, view_bug, warm_start, base)
    number("clip", clip, *CLIP)
    estimated = yield from estimated_matrix(run, percentile, view_bug, base)
    yield from _correct(run, _invertible(estimated), Backward, warm_start, clip=clip, base=base)


def _check(percentile: float | None, view_bug: bool, warm_start: bool, base: str) -> None:
    """Before the first network is trained, and not after."""
    check_estimate(percentile, view_bug)
    flag("warm_start", warm_start)
    base_loss(base)


def check_estimate(percentile: float | None, view_bug: bool) -> None:
    """Raise `InputError` for what `transition.estimate` cannot use."""
    if percentile is not None:
        number("percentile", percentile, "in (0, 100], or None", lambda value: 0 < value <= 100)
    flag("view_bug", view_bug)


def estimated_matrix(
    run: Run, percentile: float | None, view_bug: bool, base: str = "cross-entropy"
) -> Iterator[Any]:
    """The stage `estimate`, and what it returns: T̂ by eq. 12-13, float64 [K, K], of a network
    trained with the base loss, at its best epoch where there is a validation split.

    Afterwards `run.method` is that network's method, and T̂ among the run's estimates."""
    if base == "cross-entropy":
        first = run.build(CrossEntropy)
    else:  # corrected by the identity, a loss is itself
        first = run.build(Forward, transition_matrix=np.eye(run.data.num_classes), base=base)
    yield from run.fit(first, stage="estimate", keep_best=len(run.data.val) > 0)
    estimated = transition.estimate(run.posteriors(first), percentile, view_bug=view_bug)
    run.estimates["transition_matrix"] = estimated
    return estimated


def _correct(
    run: Run,
    estimated: NDArray[np.float64],
    corrected: type[Method],
    warm_start: bool,
    **options: Any,
) -> Iterator[Any]:
    first = run.method
    second = run.build(corrected, transition_matrix=estimated, **options)
    if warm_start:
        second.net.load_state_dict(first.net.state_dict())
    yield from run.fit(second, stage="correct")


def _invertible(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    while np.linalg.cond(matrix) > transition.LARGEST_CONDITION_NUMBER:
        matrix = 0.99 * matrix + 0.01 * np.eye(len(matrix))
    return matrix


# Either stage is a loss a sample: the whole recipe can be stacked.
forward_estimated.stacks = backward_estimated.stacks = True
