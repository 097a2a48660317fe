"""Bold, star and dagger in a column of our own results, by the caption of Patrini et al.'s Table 2.

> Average accuracy with standard deviation (5 runs, left part) is bold faced when statistically
> far from the others, by means of passing a Welch's t-test with p-value < 5%; in case the highest
> accuracy is due to ℓ← or ℓ→ with the ground truth T, we denote those by * and highlight the next
> highest accuracy as well. For experiments with no standard deviation (right part), the same rule
> is applied, but bold face is given to the all accuracies in a range of 0.5 points from the
> highest. […] On the first columns with no injected noise, † indicates when the noise estimation
> recovers some natural noise and beats "loss correction" with T = I.

We read it so:

- *bold*: the leaders, which are the highest mean and all that cannot be told from it: by Welch's
  t-test (p ≥ 5%) where there are several runs, by 0.5 points where there is one. Where no method
  of several runs is statistically far, none is bold. (Only the leader as such cannot be meant: of
  the two cells that are bold in the text we have, sigmoid at 71.4 ± 1.3 stands beside unhinged at
  71.2 ± 1.0.)
- *star*: a correction that knows T, in a column with noise, whose mean is above that of every
  method that does not know T. Then the leaders among the latter are bold as well.
- *dagger*: in the column without added noise, over several runs, a correction with T̂ whose mean
  is above that of the same correction with T = I.

Star and dagger so read give the stars and daggers of all 24 printed columns (a test says so).
"""

from __future__ import annotations

from collections.abc import Mapping

from lnl_core.ledger.verdicts import Comparison

KNOWS_T = ("backward", "forward")
ESTIMATES_T = {"backward-estimated": "backward", "forward-estimated": "forward"}
P_VALUE = 0.05
RANGE = 0.5  # points
MARKS = ("bold", "star", "dagger")


def column_marks(
    results: Mapping[str, Comparison], *, noisy: bool, several_runs: bool
) -> dict[str, str]:
    """Method → its marks in one column of a table, joined by "+"; methods without any are left out.

    Of a column in which a result is missing, or of several runs only one is there, nothing is
    said: who leads is not known yet.
    """
    if any(c.mean is None or (several_runs and c.std is None) for c in results.values()):
        return {}
    told = {name: c for name, c in results.items() if name in KNOWS_T}
    untold = {name: c for name, c in results.items() if name not in KNOWS_T}
    bold = _leaders(results, several_runs)
    star: set[str] = set()
    dagger: set[str] = set()
    if noisy:
        star = {name for name, c in told.items() if all(_above(c, d) for d in untold.values())}
        if star and untold:
            bold |= _leaders(untold, several_runs)
    elif several_runs:
        pairs = ((name, ESTIMATES_T[name]) for name in untold if name in ESTIMATES_T)
        dagger = {
            name for name, same in pairs if same in results and _above(results[name], results[same])
        }
    given = dict(zip(MARKS, (bold, star, dagger), strict=True))
    joined = {name: "+".join(m for m in MARKS if name in given[m]) for name in results}
    return {name: marks for name, marks in joined.items() if marks}


def _leaders(results: Mapping[str, Comparison], several_runs: bool) -> set[str]:
    best = max(results.values(), key=lambda c: c.mean)
    leaders = {name for name, c in results.items() if not _far(best, c, several_runs)}
    return set() if several_runs and len(leaders) == len(results) else leaders


def _above(left: Comparison, right: Comparison) -> bool:
    return left.mean > right.mean + 1e-9  # equal sums of accuracies may differ in their last bit


def _far(left: Comparison, right: Comparison, several_runs: bool) -> bool:
    """Whether two means differ by more than chance, or for single runs by more than the range."""
    distance = abs(left.mean - right.mean)
    if not several_runs:
        return distance > RANGE + 1e-9
    # Without any spread p is 0, or for equal means NaN, which is not far.
    from scipy.stats import ttest_ind_from_stats  # takes half a second to import

    test = ttest_ind_from_stats(
        left.mean, left.std, left.n, right.mean, right.std, right.n, equal_var=False
    )
    return bool(test.pvalue < P_VALUE)
