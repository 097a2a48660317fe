"""A record's number for a table's cell: what is measured, at the epoch that a rule selects."""

from __future__ import annotations

from statistics import median
from typing import Any

from lnl_core.contract import takes
from lnl_core.errors import unknown_name
from lnl_core.measures.selection import RULES

Epoch = dict[str, Any]

#: Metric → one line. All are fractions.
METRICS: dict[str, str] = {
    "accuracy": "on the test data",
    "top1": "the same, as it is printed beside top5",
    "top5": "share of the test data whose label is among the five likeliest",
    "map": "mean average precision on the test data, multi-label",
    "ap": "average precision of one class on the test data, multi-label",
    "selection-auc": "how well a method's trust in the training labels tells right from wrong ones",
    "val-accuracy": "on the validation split, against its clean labels",
    "recovery-accuracy": "of the labels that a method puts in the noisy ones' place, against the "
    "clean ones; of a method that relabels nothing, its predictions on the training split",
    "count": "the share of training samples whose soft label is so confident",
    "seconds": "an epoch takes, its evaluation included: no fraction, and the machine's own",
}

#: Metric → its name among an epoch's diagnostics, which for `ap` has the class in it.
IN_DIAGNOSTICS = {"map": "test_map", "ap": "test_ap", "selection-auc": "selection_auc"}


@takes(record=dict, metric="text", rule="text", part="text")
def measured(record: dict[str, Any], metric: str, rule: str, part: str = "") -> float | None:
    """The record's number, a fraction (but seconds), or None where it has none.

    Accuracy is the record's own, under any rule; for the other metrics the rule is `last` or
    `best_val_clean`. Recovery is read off the stage that relabels: its last
    epoch, or its best, whose labels are not those that a later stage was given. `part` is a range
    of confidence (`recovery.CONFIDENCES`), for recovery and count, and for `ap` the class, which
    only a last epoch has.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    if rule not in RULES:
        raise unknown_name("selection rule", rule, RULES)
    if metric in ("accuracy", "top1"):
        return record["metrics"][rule]
    history: list[Epoch] = record["history"]
    if metric == "seconds":
        # The first half is warm-up in part, and the first epoch compiles and allocates.
        return median(epoch["seconds"] for epoch in history[len(history) // 2 :])
    if metric == "top5":
        epoch = _selected(_stage(history, history[-1]["stage"]), rule)
        return None if epoch is None else epoch.get("test_top5")
    if metric in IN_DIAGNOSTICS:
        epoch = _selected(_stage(history, history[-1]["stage"]), rule)
        name = f"test_ap_{part}" if metric == "ap" else IN_DIAGNOSTICS[metric]
        return None if epoch is None else epoch["diagnostics"].get(name)
    relabels = [epoch for epoch in history if "recovered" in epoch["diagnostics"]]
    if metric == "val-accuracy" or not relabels:
        epoch = _selected(_stage(history, history[-1]["stage"]), rule)
        field = "val_clean_accuracy" if metric == "val-accuracy" else "train_clean_accuracy"
        return None if epoch is None or metric == "count" else epoch[field]
    epoch = _selected(_stage(history, relabels[0]["stage"]), rule)
    name = "share" if metric == "count" else "recovered"
    return None if epoch is None else epoch["diagnostics"].get(f"{name}_{part}" if part else name)


def _stage(history: list[Epoch], stage: str) -> list[Epoch]:
    return [epoch for epoch in history if epoch["stage"] == stage]


def _selected(epochs: list[Epoch], rule: str) -> Epoch | None:
    if rule == "last":
        return epochs[-1]
    if any(epoch["val_clean_accuracy"] is None for epoch in epochs):
        return None
    return max(epochs, key=lambda epoch: epoch["val_clean_accuracy"])
