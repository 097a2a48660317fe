"""Which epoch's test accuracy is *the* result: selection rules, read off a finished history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from lnl_core.contract import takes
from lnl_core.errors import InputError
from lnl_core.train import EpochRecord

#: Rule → one line. `best_test` looks at the answer: an upper bound, never a headline.
RULES: dict[str, str] = {
    "last": "after the last epoch",
    "last10": "mean of the last ten epochs",
    "best_val": "at the lowest loss on the noisy validation labels (Patrini et al.)",
    "best_val_clean": "at the highest accuracy on clean validation labels (Tanaka et al.'s code)",
    "best_test": "highest of all epochs: an oracle",
}


@takes(history=Sequence)
def select(history: Sequence[EpochRecord]) -> dict[str, float | None]:
    """Test accuracy under each rule, a fraction; None where there is no validation split.

    Only the epochs of the last stage count: earlier stages prepare it. All are None for a run
    that finished no epoch.
    """
    if not all(isinstance(record, EpochRecord) for record in history):
        raise InputError("a history holds epoch records, as a run yields them, and nothing else.")
    if not history:
        return dict.fromkeys(RULES)
    epochs = [record for record in history if record.stage == history[-1].stage]
    accuracy = [record.test_accuracy for record in epochs]
    return {
        "last": accuracy[-1],
        "last10": fmean(accuracy[-10:]),
        "best_val": _at_best(epochs, lambda record: record.val_loss, min),
        "best_val_clean": _at_best(epochs, lambda record: record.val_clean_accuracy, max),
        "best_test": max(accuracy),
    }


def _at_best(
    epochs: Sequence[EpochRecord], score: Callable[[EpochRecord], float | None], best: Callable
) -> float | None:
    """Test accuracy at the first epoch with the best score."""
    if any(score(record) is None for record in epochs):
        return None
    return best(epochs, key=score).test_accuracy
