"""The loss-correction explorer: what T does to the losses, and to a fresh run on small data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import ipywidgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots, transition
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.noise import ASYMMETRIC_MAPS, Noise
from lnl_core.profiles import PROFILES, configure
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step
from lnl_core.widgets.training import Stand, TrainingExplorer, stands

#: How a curve is called and drawn: colour and line style by loss.
LOOKS = {
    "cross-entropy": (plots.COLOURS[0], "-"),
    "forward": (plots.COLOURS[2], "--"),
    "backward": (plots.COLOURS[1], "-."),
}
#: A loss that varies by less drives the network nowhere: its lowest point is rounding.
FLAT = 1e-9


@dataclass(frozen=True)
class CorrectedLosses:
    """Losses where the network hesitates between two classes: p̂ = `p` for the true one, 1-p̂ for
    its look-alike. By loss: at the label of the true class, at the look-alike's, and the mean over
    the noise that T puts on the true class. A T that cannot be inverted has no backward loss."""

    transition_matrix: NDArray[np.float64]
    clean: int
    other: int
    p: NDArray[np.float64]
    at_clean: dict[str, NDArray[np.float64]]
    at_other: dict[str, NDArray[np.float64]]
    expected: dict[str, NDArray[np.float64]]


def corrected_losses(
    transition_matrix: NDArray[np.float64], clean: int, other: int, points: int = 199
) -> CorrectedLosses:
    """The three losses along the edge from class `other` to class `clean`."""
    t = transition.check_matrix(transition_matrix)
    p = np.linspace(0, 1, points + 2)[1:-1]
    # A trace of every other class keeps the logarithms finite, as a softmax would.
    predictions = np.full((points, len(t)), 1e-6)
    predictions[:, clean], predictions[:, other] = p, 1 - p
    predictions /= predictions.sum(1, keepdims=True)
    plain = -np.log(predictions)
    by_label = {"cross-entropy": plain, "forward": -np.log(predictions @ t)}
    with suppress(InputError):  # a singular T has none
        by_label["backward"] = plain @ transition.inverse(t).T
    return CorrectedLosses(
        t, clean, other, p,
        {name: values[:, clean] for name, values in by_label.items()},
        {name: values[:, other] for name, values in by_label.items()},
        {name: values @ t[clean] for name, values in by_label.items()},
    )  # fmt: skip


def render_corrections(losses: CorrectedLosses, classes: tuple[str, ...], title: str) -> Figure:
    """T, and beside it the losses at either label and their mean over the noise."""
    clean, other = classes[losses.clean], classes[losses.other]
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(12.6, 3.7), dpi=90)
    left = figure.add_axes((0.045, 0.16, 0.23, 0.72))
    plots.draw_matrix(left, losses.transition_matrix, classes, title)
    panels = (
        (f"label {clean}: right", losses.at_clean),
        (f"label {other}: wrong", losses.at_other),
        ("mean over the noise", losses.expected),
    )
    for k, (name, curves) in enumerate(panels):
        axis = figure.add_axes((0.335 + 0.225 * k, 0.16, 0.185, 0.72))
        _draw_losses(axis, losses.p, curves)
        axis.set_title(name, fontsize="medium")
        axis.set_xlabel(f"p̂({clean}) = 1 - p̂({other})")
        if k == 2:
            axis.axvline(1, color="0.6", lw=1)
            for loss, values in curves.items():  # where the network is driven to
                if np.ptp(values) < FLAT:
                    continue
                colour = LOOKS[loss][0]
                axis.plot(losses.p[values.argmin()], values.min(), "o", color=colour, ms=5)
    figure.axes[1].legend(fontsize="small", frameon=False)
    if "backward" not in losses.expected:
        figure.axes[3].text(
            0.03, 0.97, "T is singular:\nno backward loss", va="top", fontsize="small",
            transform=figure.axes[3].transAxes, color=LOOKS["backward"][0],
        )  # fmt: skip
    return figure


def _draw_losses(axis: Axes, p: NDArray, curves: dict[str, NDArray]) -> None:
    for name, values in curves.items():
        colour, style = LOOKS[name]
        axis.plot(p, values, style, color=colour, label=name, lw=1.8)
    axis.axhline(0, color="0.8", lw=0.8, zorder=0)
    axis.set(xlim=(0, 1.02), ylim=(-4, 6))
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize="small")


def try_out(
    dataset: Dataset, rate: float, seed: int
) -> Iterator[dict[str, list[EpochRecord]] | Step]:
    """Train each loss on the dataset with look-alike noise, in the profile `smoke`: the histories
    after each epoch, and a `Step` after each update. Seconds on digits."""
    histories: dict[str, list[EpochRecord]] = {}
    for method in LOOKS:
        noise = Noise("asymmetric", rate)
        config = configure(method, noise=noise, dataset=dataset, profile="smoke", seed=seed)
        with suppress(InputError):  # no backward loss for a singular T
            run = Run(config, device="cpu", dataset=dataset, steps=True)
            for item in run:
                if isinstance(item, Step):
                    yield item
                else:
                    histories[method] = list(run.history)
                    yield dict(histories)


class CorrectionExplorer(TrainingExplorer):
    """Turn N and see T and the losses that it corrects; Train tries them on the dataset.

    `dataset` must have a map of look-alikes.
    """

    def __init__(self, dataset: Dataset, rate: float = 0.4) -> None:
        if dataset.name not in ASYMMETRIC_MAPS:
            raise InputError(
                f"the correction explorer needs a map of look-alikes, and {dataset.name} has none: "
                f"give it one of {', '.join(sorted(ASYMMETRIC_MAPS))}."
            )
        self._dataset = dataset
        pairs = ASYMMETRIC_MAPS[dataset.name].items()
        names = dataset.classes
        self.rate = ipywidgets.FloatSlider(
            value=rate, min=0, max=0.95, step=0.05, description="N", continuous_update=False
        )
        self.pair = ipywidgets.Dropdown(
            options=[(f"{names[one]} → {names[other]}", (one, other)) for one, other in pairs],
            description="classes",
            layout={"width": "16em"},
        )
        super().__init__((self.rate, self.pair))

    def draw(self) -> Figure:
        noise = Noise("asymmetric", self.rate.value)
        t = noise.transition_matrix(self._dataset.num_classes, self._dataset.name)
        losses = corrected_losses(t, *self.pair.value)
        return render_corrections(losses, self._dataset.classes, f"T at N = {self.rate.value:.2f}")

    def begin(self) -> Iterator[Stand | Step]:
        epochs = len(LOOKS) * PROFILES["smoke"].epochs
        return stands(try_out(self._dataset, self.rate.value, self._seed), epochs)

    def show(self, histories: dict[str, list[EpochRecord]]) -> Figure:
        return plots.learning_curves(histories)
