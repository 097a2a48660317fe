"""Pictures of what CAN has inferred: the quality embedding, and one sample in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from lnl_core import plots
from lnl_core.widgets.quality_survey import Survey
from lnl_core.widgets.relabelling_terms import plain

#: Figure 7's colours: the prediction is the label, or is not.
AGREES, DIFFERS = plots.COLOURS[0], plots.COLOURS[2]


def in_words(vector: NDArray[np.bool_], classes: Sequence[str]) -> str:
    """The labels of a vector by name."""
    return ", ".join(classes[k] for k in np.flatnonzero(vector)) or "none"


def draw_embedding(axis: Axes, found: Survey, part: NDArray[np.bool_] | None = None) -> None:
    """Figure 7: the quality embedding. The colour says whether the label is as predicted, the
    marker whether it is right. `part` bool [N] are the samples to be drawn, by default all."""
    part = np.ones(len(found.right), bool) if part is None else part
    for agrees, colour in ((True, AGREES), (False, DIFFERS)):
        for right, marker in ((True, "o"), (False, "x")):
            x, y = found.place[part & (found.agrees == agrees) & (found.right == right)].T
            axis.scatter(x, y, s=16, c=colour, marker=marker, lw=1, alpha=0.75)
    axis.set(xticks=[], yticks=[])


def embedding_legend() -> list[Line2D]:
    """What the colours and markers of `draw_embedding` mean."""
    looks = (
        ("label as predicted", AGREES, "s"), ("not as predicted", DIFFERS, "s"),
        ("label right", "0.3", "o"), ("label wrong", "0.3", "x"),
    )  # fmt: skip
    return [Line2D([], [], ls="", color=c, marker=m, ms=5, label=name) for name, c, m in looks]


def render_quality(found: Survey, chosen: int, classes: Sequence[str]) -> Figure:
    """The embedding with one sample marked; the sample; what is said of its label."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(12.6, 4.4), dpi=90)
    points = figure.add_axes((0.02, 0.14, 0.36, 0.76))
    picture = figure.add_axes((0.4, 0.2, 0.18, 0.66))
    bars = figure.add_axes((0.65, 0.14, 0.33, 0.72))
    draw_embedding(points, found)
    points.plot(
        *found.place[chosen], "o", ms=15, mfc="none", mec=plots.COLOURS[6], mew=2.2, zorder=5
    )
    auc = "" if math.isnan(found.auc) else f", AUC {found.auc:.2f}"
    points.set_title(
        f"quality at P_noise {found.rate:g}, λ {found.regularisation:g}{auc}", fontsize="medium"
    )
    figure.legend(
        handles=embedding_legend(), ncols=4, fontsize="small", frameon=False, loc="lower left",
        bbox_to_anchor=(0.02, 0.01), handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip
    words = [in_words(labels[chosen], classes) for labels in (found.clean, found.noisy)]
    plots.draw_samples(picture, found.images[chosen][None], words[:1], words[1:], columns=1)
    below = (found.trust < found.trust[chosen]).mean()
    picture.set_title(f"trusted more than\n{below:.0%} of the samples", fontsize="medium")
    _draw_beliefs(bars, found, chosen, classes)
    return figure


def _draw_beliefs(axis: Axes, found: Survey, chosen: int, classes: Sequence[str]) -> None:
    where = np.arange(len(classes))
    for k, (name, values) in enumerate((("P(z|x)", found.prior), ("q(z|x,y)", found.latent))):
        axis.bar(
            where + 0.38 * (k - 0.5), values[chosen], 0.36, label=name, edgecolor="white",
            color=plots.COLOURS[(5, 4)[k]], hatch=("", "//")[k],
        )  # fmt: skip
    for name, vectors, marker, height in (
        ("noisy label", found.noisy, "v", 1.12), ("true label", found.clean, "*", 1.05)
    ):  # fmt: skip
        own = np.flatnonzero(vectors[chosen])
        colour = plots.WRONG if marker == "v" else plots.COLOURS[2]
        axis.plot(own, [height] * len(own), marker, color=colour, ms=9, label=name)
    long = max(map(len, classes)) > 2
    axis.set(xticks=where, ylim=(0, 1.2), yticks=(0, 0.5, 1))
    axis.set_xticklabels(classes, rotation=40 if long else 0, ha="right" if long else "center")
    axis.legend(
        ncols=4, fontsize="small", frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0),
        handletextpad=0.4, columnspacing=1.0,
    )  # fmt: skip
    plain(axis)
