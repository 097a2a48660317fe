"""State, compute and render of the transition editor: rows that stay distributions, what follows
from a matrix, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from lnl_core import plots, transition
from lnl_core.errors import InputError
from lnl_core.lettering import Lettering
from lnl_core.widgets.relabelling_terms import plain

TIED = 1e-9  # probabilities this near are equal: 1 - 0.9 is not 0.9 / 9 in floating point


def set_entry(matrix: ArrayLike, clean: int, noisy: int, value: float) -> NDArray[np.float64]:
    """T with T[clean, noisy] = `value` in [0, 1]; what that takes or leaves the row's other entries
    share as they stand to each other. Where they are all 0, the true class takes it, or, if that is
    the entry itself, all others alike."""
    t = transition.check_matrix(matrix)
    if not 0 <= value <= 1:
        raise InputError(f"the entry is {value:g}, but a probability lies in [0, 1].")
    if len(t) == 1 and value != 1:
        raise InputError("with one class the only entry is 1: no other can take what it leaves.")
    others = t[clean].copy()
    others[noisy] = 0
    if not others.any():
        if noisy != clean:
            others[clean] = 1
        else:
            others[:] = 1
            others[noisy] = 0
    t[clean] = others / max(others.sum(), 1e-300) * (1 - value)
    t[clean, noisy] = value
    return t


@dataclass(frozen=True)
class Examined:
    """What follows from a matrix, clean classes being equally frequent.

    `noise_rate`: the expected share of wrong labels; `largest`: rows whose diagonal entry is the
    largest; `dominant`: rows whose diagonal is above the sum of the rest: if all are, T can be
    inverted. `inverse` is None where T has none of use.

    `forward` and `backward` [K]: the soft label that stands for the noisy `label` where the network
    is undecided. Forward correction pulls towards p(y | ỹ), backward towards row ỹ of T⁻¹, whose
    entries sum to 1 too, but may be negative.
    """

    matrix: NDArray[np.float64]
    label: int
    noise_rate: float
    largest: int
    dominant: int
    condition: float
    inverse: NDArray[np.float64] | None
    forward: NDArray[np.float64]
    backward: NDArray[np.float64] | None


def examine(matrix: ArrayLike, label: int = 0) -> Examined:
    """Examine T for the corrections that it allows (Patrini et al. 2017, Theorems 1 and 2)."""
    t = transition.check_matrix(matrix)
    diagonal, rest = np.diag(t), t - np.diag(np.diag(t))
    inverse = None
    with suppress(InputError):  # singular, or nearly so
        inverse = transition.inverse(t)
    column = t[:, label]
    return Examined(
        matrix=t,
        label=label,
        noise_rate=float(1 - diagonal.mean()),
        largest=int((diagonal > rest.max(axis=1) + TIED).sum()),
        dominant=int((diagonal > rest.sum(axis=1) + TIED).sum()),
        condition=float(np.linalg.cond(t)),
        inverse=inverse,
        # A label that T never gives says nothing: the network stays undecided.
        forward=column / column.sum() if column.any() else np.full(len(t), 1 / len(t)),
        backward=None if inverse is None else inverse[label],
    )


def in_figures(found: Examined) -> str:
    """The findings as one line."""
    count = len(found.matrix)
    condition = f"{found.condition:.3g}" if found.inverse is not None else "too large"
    return (
        f"{found.noise_rate:.1%} of the labels are wrong · the true class is the likeliest label "
        f"in {found.largest} of {count} rows, likelier than all others together in "
        f"{found.dominant} · condition number {condition}"
    )


def render_transition(
    found: Examined, classes: Sequence[str], chosen: tuple[int, int] | None = None
) -> Figure:
    """T, its inverse, and the soft labels that the corrections put in the place of one label.
    `chosen` is an entry (clean, noisy) to be marked."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(12.6, 4.5), dpi=80)
    figure.text(0.02, 0.95, in_figures(found), fontsize="medium")
    low = 0.24 if max(map(len, classes)) > 2 else 0.13
    matrix, inverse, bars = (
        figure.add_axes((place, low, width, 0.84 - low))
        for place, width in ((0.07, 0.25), (0.4, 0.25), (0.72, 0.26))
    )
    plots.draw_matrix(matrix, found.matrix, classes, "$T$")
    if chosen is not None:
        corner = (chosen[1] - 0.5, chosen[0] - 0.5)
        matrix.add_patch(Rectangle(corner, 1, 1, fill=False, color=plots.WRONG, lw=2))
    if found.inverse is None:
        inverse.set_axis_off()
        inverse.text(0.5, 0.5, "$T$ is singular:\nno inverse, no backward correction", ha="center")
    else:
        _draw_inverse(inverse, found.inverse)
    places = np.arange(len(classes))
    bars.bar(places - 0.2, found.forward, 0.38, color=plots.COLOURS[2], label="forward")
    if found.backward is not None:
        bars.bar(
            places + 0.2, found.backward, 0.38, color=plots.COLOURS[1], label="backward",
            hatch="//", edgecolor="white",
        )  # fmt: skip
    bars.axhline(0, color="0.4", lw=0.8)
    bars.set(xticks=[], title=f"what stands for the label {classes[found.label]}")
    least, most = bars.get_ylim()
    bars.set_ylim(least, max(1, 1.15 * most))  # room for the legend
    plain(bars)
    bars.legend(fontsize="small", frameon=False)
    least, most = bars.get_ylim()
    long = {"across": "right", "rotation": 60} if max(map(len, classes)) > 2 else {}
    edge = [(k, least - 0.02 * (most - least)) for k in places]
    Lettering(bars, classes, edge, 8.3, down="top", **long)
    return figure


def _draw_inverse(axis: Axes, inverse: NDArray[np.float64]) -> None:
    reach = np.abs(inverse).max()
    axis.imshow(inverse, vmin=-reach, vmax=reach, cmap="RdBu")
    axis.set(xticks=[], yticks=[], title="$T^{-1}$", xlabel="loss of the class")
    axis.set_ylabel("at the label")
    axis.title.set_size("medium")
    if len(inverse) <= 12:
        shown = [(place, value) for place, value in np.ndenumerate(inverse) if abs(value) >= 0.005]
        Lettering(
            axis,
            [f"{value:.2g}".replace("0.", ".").replace("-", "−") for _, value in shown],
            [(column, row) for (row, column), _ in shown],
            7,
            ["white" if abs(value) > 0.6 * reach else "black" for _, value in shown],
        )
