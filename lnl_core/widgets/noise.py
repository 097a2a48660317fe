"""The noise explorer: turn the rate, and see T, its realisation and the labels that it ruins."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots, transition
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.noise import ASYMMETRIC_MAPS, Noise
from lnl_core.widgets.explorer import Explorer


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
        nominal=noise.transition_matrix(dataset.num_classes, dataset.name, seed),
        realised=transition.realised_matrix(clean, noisy, dataset.num_classes),
        realised_rate=float((clean != noisy).mean()),
        noisy=noisy,
    )


def render_noise(dataset: Dataset, drawn: NoiseDraw, rows: int = 4, columns: int = 6) -> Figure:
    """The realised transition matrix beside samples with their noisy labels."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(9.4, 4.2), dpi=90)
    long = max(map(len, dataset.classes)) > 2
    left = figure.add_axes((0.14, 0.22, 0.32, 0.7) if long else (0.06, 0.13, 0.38, 0.76))
    right = figure.add_axes((0.5, 0, 0.49, 0.9))
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


class NoiseExplorer(Explorer):
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
            options=protocols, value=protocol, description="protocol", layout={"width": "21em"}
        )
        self.rate = ipywidgets.FloatSlider(
            value=rate,
            min=0,
            max=1,
            step=0.05,
            description="noise rate",
            continuous_update=False,
            layout={"width": "18em"},
        )
        self.draws = ipywidgets.Dropdown(
            options=["bernoulli", "exact"], description="counts", layout={"width": "16em"}
        )
        self.again = ipywidgets.Button(
            description="draw again", icon="refresh", layout={"width": "9em"}
        )
        self._seed = 0
        super().__init__((self.protocol, self.rate, self.draws), (self.again,))
        self.again.on_click(self._draw_again)

    def draw(self) -> Figure:
        noise = Noise(self.protocol.value, self.rate.value, draw=self.draws.value)
        return render_noise(self._dataset, draw_noise(self._dataset, noise, self._seed))

    def restore(self, _: object = None) -> None:
        self._seed = 0
        super().restore()

    def _draw_again(self, _: object) -> None:
        self._seed += 1
        self.redraw()
