"""Explorers: a control turns, a picture answers.

State, `compute`, `render` and the view are apart. `compute` and `render` are plain functions
that tests and static figures call as well; the view only connects them to controls. Pictures are
PNG bytes in an `ipywidgets.Image`: nothing is captured, nothing flickers, and it does not matter
which thread a callback runs on.

An explorer draws once when it is made, and an error there is raised, so that a broken explorer
fails a headless run. Later errors appear in the explorer itself, as a sentence.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots, transition
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.noise import ASYMMETRIC_MAPS, Noise


@dataclass(frozen=True)
class NoiseDraw:
    """What the noise explorer shows of one draw."""

    noise: Noise
    nominal: NDArray[np.float64]
    realised: NDArray[np.float64]
    realised_rate: float
    noisy: NDArray[np.int64]


def draw_noise(dataset: Dataset, noise: Noise, seed: int) -> NoiseDraw:
    """Corrupt the dataset's training labels. A few milliseconds for digits."""
    clean = dataset.y_train.numpy()
    noisy = noise.corrupt(clean, dataset.num_classes, seed, dataset.name)
    return NoiseDraw(
        noise=noise,
        nominal=noise.transition_matrix(dataset.num_classes, dataset.name),
        realised=transition.realised_matrix(clean, noisy, dataset.num_classes),
        realised_rate=float((clean != noisy).mean()),
        noisy=noisy,
    )


def render_noise(dataset: Dataset, drawn: NoiseDraw, rows: int = 4, columns: int = 6) -> Figure:
    """The realised transition matrix beside samples with their noisy labels."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(9.4, 4.2), dpi=90)
    left, right = figure.add_axes((0.06, 0.12, 0.38, 0.76)), figure.add_axes((0.5, 0, 0.49, 0.9))
    plots.draw_matrix(left, drawn.realised, dataset.classes, f"T as realised, {drawn.noise}")
    wrong = f"{drawn.realised_rate:.1%} of {len(drawn.noisy)} labels are wrong"
    right.set_title(wrong, fontsize="medium")
    shown = np.arange(rows * columns) % len(drawn.noisy)
    plots.draw_samples(
        right,
        dataset.x_train[shown],
        [dataset.classes[k] for k in dataset.y_train[shown]],
        [dataset.classes[k] for k in drawn.noisy[shown]],
        columns,
    )
    return figure


class NoiseExplorer(ipywidgets.VBox):
    """Turn the noise rate and see T, its realisation and the labels that it ruins.

    `dataset` must hold images with one label each. Protocols that do not fit it are not offered.
    """

    def __init__(self, dataset: Dataset, protocol: str = "symmetric", rate: float = 0.4) -> None:
        if dataset.kind != "image" or dataset.multi_label:
            raise InputError(
                f"the noise explorer shows images with one label each, and {dataset.name} holds "
                f"{'multi-label data' if dataset.multi_label else dataset.kind + ' data'}: give it "
                "digits, shapes, or another set of images."
            )
        self._dataset = dataset
        protocols = ["symmetric", "symmetric-inclusive"]
        if dataset.name in ASYMMETRIC_MAPS:
            protocols.append("asymmetric")
        self.protocol = ipywidgets.Dropdown(
            options=protocols, value=protocol, description="protocol", layout={"width": "17em"}
        )
        self.rate = ipywidgets.FloatSlider(
            value=rate, min=0, max=1, step=0.05, description="noise rate", continuous_update=False
        )
        self.draw = ipywidgets.Dropdown(
            options=["bernoulli", "exact"], description="counts", layout={"width": "13em"}
        )
        self.again = ipywidgets.Button(
            description="draw again", icon="refresh", layout={"width": "9em"}
        )
        self.reset = ipywidgets.Button(description="reset", layout={"width": "5em"})
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.error = ipywidgets.HTML()
        self._defaults = (protocol, rate, "bernoulli")
        self._seed = 0
        super().__init__(
            [
                ipywidgets.HBox(
                    [self.protocol, self.rate, self.draw, self.again, self.reset],
                    layout={"flex_flow": "row wrap"},
                ),
                self.error,
                self.image,
            ]
        )
        self._update()  # not guarded: a broken explorer must not look like a working one
        for control in (self.protocol, self.rate, self.draw):
            control.observe(self._changed, names="value")
        self.again.on_click(self._draw_again)
        self.reset.on_click(self._reset)

    def _update(self) -> None:
        noise = Noise(self.protocol.value, self.rate.value, draw=self.draw.value)
        drawn = draw_noise(self._dataset, noise, self._seed)
        self.image.value = plots.png(render_noise(self._dataset, drawn))

    def _changed(self, _: object = None) -> None:
        try:
            self._update()
            self.error.value = ""
        except Exception as error:
            self.error.value = f"<b>Could not draw this:</b> {html.escape(str(error))}"

    def _draw_again(self, _: object) -> None:
        self._seed += 1
        self._changed()

    def _reset(self, _: object) -> None:
        self._seed = 0
        self.protocol.value, self.rate.value, self.draw.value = self._defaults
        self._changed()
