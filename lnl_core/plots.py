"""Figures, all in one style.

Every function returns a `matplotlib.figure.Figure` that was never near pyplot: it can be drawn
from any thread, shown in a notebook (`lnl_core.notebook.show`), put into a widget, or saved.
Colours are Okabe and Ito's, which colour-blind readers tell apart; markers and line styles say
the same again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from lnl_core.contract import takes
from lnl_core.errors import unknown_name
from lnl_core.lettering import Lettering
from lnl_core.noise import parse_noise
from lnl_core.train import EpochRecord

if TYPE_CHECKING:
    from lnl_core.ledger.tables import Cell

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WRONG = COLOURS[1]

#: Field of `EpochRecord` → how an axis names it.
FIELDS = {
    "test_accuracy": "test accuracy",
    "train_accuracy": "training accuracy, against the noisy labels",
    "train_clean_accuracy": "training accuracy, against the true labels",
    "memorised": "share of wrong labels memorised",
    "val_accuracy": "validation accuracy, noisy labels",
    "val_loss": "validation loss, noisy labels",
}


@takes(columns="whole", rows="whole", width="positive", height="positive")
def new_figure(
    columns: int = 1, rows: int = 1, width: float = 4.2, height: float = 3.2
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes as an array [rows, columns]; sizes are inches a panel."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained", dpi=100)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


@takes(figure=Figure)
def png(figure: Figure) -> bytes:
    """The figure as PNG, without a date in it: the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, metadata={"Software": None})
    return buffer.getvalue()


def small_png(figure: Figure) -> bytes:
    """The same in 256 colours: about a third of the bytes, for what is stored with a notebook."""
    from PIL import Image

    buffer = io.BytesIO()
    drawn = Image.open(io.BytesIO(png(figure))).convert("RGB")
    few = drawn.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


@takes(histories=Mapping, fields=Sequence)
def learning_curves(
    histories: Mapping[str, Sequence[EpochRecord]],
    fields: Sequence[str] = ("test_accuracy", "memorised"),
) -> Figure:
    """One panel a field, one line a history, over the epochs. Raises `InputError` for a field that
    is none of `FIELDS`."""
    for name in fields:
        if name not in FIELDS:
            raise unknown_name("field", name, FIELDS)
    figure, axes = new_figure(columns=len(fields))
    for axis, name in zip(axes[0], fields, strict=True):
        for k, (label, history) in enumerate(histories.items()):
            # Of several stages the last: what came before prepares it.
            stage = [record for record in history if record.stage == history[-1].stage]
            values = [getattr(record, name) for record in stage]
            if any(value is None for value in values):
                continue  # nothing to memorise without wrong labels
            axis.plot(
                range(1, len(values) + 1), values, label=label,
                color=COLOURS[k % 7], marker=MARKERS[k % 7], linestyle=("-", "--")[k // 7 % 2],
                markevery=max(1, len(values) // 8), markersize=4, linewidth=1.5,
            )  # fmt: skip
        axis.set(xlabel="epoch", title=FIELDS[name])
        axis.title.set_size("medium")
        if "loss" not in name:
            axis.set_ylim(0, 1.02)
        axis.grid(alpha=0.3)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:  # below the panels, where it covers no curve
        figure.legend(
            handles, labels, fontsize="small", loc="outside lower center", ncols=4, frameon=False
        )
    return figure


@takes(blocks=Mapping, noise="text", columns="whole")
def noise_curves(
    blocks: Mapping[str, Sequence[Cell]],
    methods: Sequence[str],
    noise: str,
    columns: int = 3,
    xlabel: str = "N",
    ylabel: str = "test accuracy, %",
) -> Figure:
    """A panel a block of a table: what it measures over the rate of that noise, a line a method.

    Dashed with hollow markers as published, solid with error bars (a standard deviation) ours;
    what was not run has no solid line.
    """
    rows = -(-len(blocks) // columns)
    figure, axes = new_figure(columns, rows, width=3.8, height=3.0)
    for axis, (title, cells) in zip(axes.flat, blocks.items(), strict=False):
        for k, method in enumerate(methods):
            own = [
                (rate, cell.comparison)
                for cell in cells
                if cell.method == method and (rate := _rate_of(cell.column, noise)) is not None
            ]
            style = {"color": COLOURS[k % 7], "marker": MARKERS[k % 7], "markersize": 5}
            printed = [(rate, c.published) for rate, c in own if c.published is not None]
            if printed:
                axis.plot(*zip(*printed, strict=True), "--", lw=1, alpha=0.8, mfc="white", **style)
            run = [(rate, c.mean, c.std or 0) for rate, c in own if c.mean is not None]
            if run:
                x, y, spread = zip(*run, strict=True)
                axis.errorbar(x, y, spread, lw=1.6, capsize=2, **style)
        axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
        axis.title.set_size("medium")
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(blocks) :]:
        axis.set_axis_off()
    handles = [
        Line2D([], [], color=COLOURS[k % 7], marker=MARKERS[k % 7], label=method)
        for k, method in enumerate(methods)
    ]
    handles.append(Line2D([], [], color="0.4", ls="--", marker="o", mfc="white", label="published"))
    figure.legend(
        handles=handles, fontsize="small", loc="outside lower center", ncols=len(handles),
        frameon=False,
    )  # fmt: skip
    return figure


def _rate_of(column: str, noise: str) -> float | None:
    """The rate of a table's column if it is of that noise, or clean; else None."""
    parsed = parse_noise(column)
    return {"none": 0.0, noise: parsed.rate}.get(parsed.name)


@takes(axis=Axes, matrix="table", title="text")
def draw_matrix(axis: Axes, matrix: ArrayLike, classes: Sequence[str], title: str) -> None:
    """A transition matrix as a heat map with its entries written in where there is room."""
    t = np.asarray(matrix)
    axis.imshow(t, vmin=0, vmax=1, cmap="Blues")
    axis.set(xticks=[], yticks=[], title=title)
    axis.title.set_size("medium")
    # The classes' names as lettering: a tick a class takes longer than all else.
    count, long = len(t), max(map(len, classes)) > 2
    places, edge = np.arange(count), count - 0.5 + 0.02 * count
    names = list(classes)[:count]
    below = Lettering(
        axis, names, [(k, edge) for k in places], 8.3, down="top",
        **({"across": "right", "rotation": 60} if long else {}),
    )  # fmt: skip
    beside = Lettering(axis, names, [(-0.5 - 0.02 * count, k) for k in places], 8.3, across="right")
    axis.set_xlabel("noisy label", labelpad=11 + below.reach[1])
    axis.set_ylabel("clean label", labelpad=8 + beside.reach[0])
    if count <= 12:
        shown = [(place, value) for place, value in np.ndenumerate(t) if value >= 0.005]
        Lettering(
            axis,
            [f"{value:.2f}".removeprefix("0") for _, value in shown],
            [(column, row) for (row, column), _ in shown],
            7,
            ["white" if value > 0.5 else "black" for _, value in shown],
        )


@takes(matrices=Mapping)
def transition_matrices(matrices: Mapping[str, ArrayLike], classes: Sequence[str]) -> Figure:
    """Transition matrices side by side, T[clean, noisy]."""
    figure, axes = new_figure(columns=len(matrices), width=3.9, height=4.2)
    for axis, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        draw_matrix(axis, matrix, classes, title)
    return figure


@takes(axis=Axes, columns="whole")
def draw_samples(
    axis: Axes,
    images: ArrayLike,
    clean: Sequence[str],
    noisy: Sequence[str],
    columns: int = 8,
    notes: Sequence[str] | None = None,
) -> None:
    """Images [N, C, H, W] in a grid, each over its label; a wrong one is boxed, marked ✗, orange,
    and names the truth. A note stands below the label.

    One image of them all, one lettering, one collection of boxes: an artist a sample takes ten
    times as long.
    """
    pixels = np.asarray(images).transpose(0, 2, 3, 1).astype(float) / 255
    if pixels.shape[-1] == 1:  # ink on paper
        pixels = np.repeat(1 - pixels, 3, axis=-1)
    _, height, width, _ = pixels.shape
    rows = -(-len(pixels) // columns)
    step_x, step_y = width + -(-width // 4), height + -(-height // 2)  # room for a label below
    paper = np.ones((rows * step_y, columns * step_x, 3))
    corners = [((k % columns) * step_x, (k // columns) * step_y) for k in range(len(pixels))]
    for image, (left, top) in zip(pixels, corners, strict=True):
        paper[top : top + height, left : left + width] = image
    axis.imshow(paper, extent=(0, columns * step_x, rows * step_y, 0), interpolation="nearest")
    wrong = np.array([truth != label for truth, label in zip(clean, noisy, strict=True)])
    square = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    axis.add_collection(
        PolyCollection(
            [square + corner for corner in corners], facecolors="none",
            edgecolors=np.where(wrong, WRONG, "0.6"), linewidths=1 + wrong,
        ),
        autolim=False,
    )  # fmt: skip
    apart = "\n" if max(map(len, [*clean, *noisy])) > 3 else " "  # as wide as its image
    words = [
        f"✗ {label}{apart}(is {truth})" if truth != label else label
        for truth, label in zip(clean, noisy, strict=True)
    ]
    if notes:
        words = [f"{word}\n{note}" for word, note in zip(words, notes, strict=True)]
    Lettering(
        axis, words, [(left + width / 2, top + height * 1.05) for left, top in corners], 8,
        np.where(wrong, WRONG, "black"), down="top",
    )  # fmt: skip
    axis.set(
        xlim=(-width * 0.1, columns * step_x), ylim=(rows * step_y, -height * 0.1), aspect="equal"
    )
    axis.set_axis_off()


@takes(columns="whole")
def samples(
    images: ArrayLike,
    clean: Sequence[str],
    noisy: Sequence[str],
    columns: int = 8,
    notes: Sequence[str] | None = None,
) -> Figure:
    """A grid of images with their noisy labels; wrong ones are marked and name the truth. `notes`,
    one an image, stand below the labels."""
    rows = -(-len(clean) // columns)
    figure, axes = new_figure(width=columns * 1.0, height=rows * 1.2)
    draw_samples(axes[0, 0], images, clean, noisy, columns, notes)
    return figure
