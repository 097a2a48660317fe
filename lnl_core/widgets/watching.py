"""Compute and render of the train-and-watch explorer: one run, and its curves beside a ghost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lnl_core import plots
from lnl_core.data import Dataset
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step
from lnl_core.widgets.choice import Choice, config_of
from lnl_core.widgets.relabelling_terms import plain
from lnl_core.widgets.training import Stand

#: Panel → the fields of its curves.
PANELS = (
    ("on clean test labels", ("test_accuracy",)),
    ("on the training labels", ("train_accuracy", "train_clean_accuracy", "memorised")),
)
#: How the fields are named in the legend.
NAMES = {
    "test_accuracy": "test accuracy",
    "train_accuracy": "noisy labels fitted",
    "train_clean_accuracy": "true ones fitted",
    "memorised": "wrong ones memorised",
}


@dataclass(frozen=True)
class Watched:
    """A run so far: what was chosen, and the records of its epochs."""

    choice: Choice
    history: tuple[EpochRecord, ...] = ()


def train_choice(choice: Choice, dataset: Dataset) -> Iterator[Stand | Step]:
    """Train it, on the CPU: a `Step` an update, a `Stand` an epoch. The total grows when a recipe
    begins another stage, which nobody knows before."""
    run = Run(config_of(choice, dataset), device="cpu", dataset=dataset, steps=True)
    stage, total = None, 0
    for item in run:
        if isinstance(item, EpochRecord):
            if item.stage != stage:
                stage = item.stage
                total += run.stage_config(stage).epochs
            yield Stand(Watched(choice, tuple(run.history)), len(run.history), total)
        else:
            yield item


def render_watched(watched: Watched, ghost: Watched | None = None) -> Figure:
    """Accuracies and memorisation over the epochs; the ghost pale and dashed behind."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(10.4, 3.6), dpi=80)
    longest = max([watched.choice.epochs, *(len(run.history) for run in (watched, ghost) if run)])
    k = 0
    for place, (title, fields) in zip((0.06, 0.55), PANELS, strict=True):
        axis = figure.add_axes((place, 0.15, 0.42, 0.63))
        for name in fields:
            if ghost is not None:
                _draw(axis, ghost, name, k, ls="--", marker=".", alpha=0.45, lw=1.3)
            _draw(axis, watched, name, k, label=NAMES[name], marker=plots.MARKERS[k], lw=1.8)
            k += 1
        axis.set(xlim=(0.5, longest + 0.5), ylim=(0, 1.02), xlabel="epoch", ylabel=title)
        axis.grid(alpha=0.3)
        plain(axis)
        if any(line.get_label()[0] != "_" for line in axis.lines):
            axis.legend(  # above, where it covers no curve
                fontsize="small", frameon=False, ncols=3, loc="lower left",
                bbox_to_anchor=(-0.03, 0.99), columnspacing=0.8, handlelength=1.5, borderpad=0,
            )  # fmt: skip
    figure.text(0.06, 0.93, watched.choice.title, fontsize="medium", weight="bold")
    if ghost is not None:
        figure.text(0.55, 0.93, f"dashed: {ghost.choice.title}", fontsize="medium", color="0.35")
    return figure


def _draw(axis: Axes, watched: Watched, name: str, k: int, **style: Any) -> None:
    points = [
        (n, value)
        for n, record in enumerate(watched.history, 1)
        if (value := getattr(record, name)) is not None  # nothing to memorise without wrong labels
    ]
    if points:
        x, y = zip(*points, strict=True)
        every = max(1, len(x) // 8)
        axis.plot(x, y, color=plots.COLOURS[k], markevery=every, ms=4.5, **style)
