"""The noise-layer explorer: what a layer does to the gradient, and its W while NNAQC trains."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets
from matplotlib.figure import Figure

from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.profiles import PROFILES
from lnl_core.train import Step
from lnl_core.widgets.denoising_gradients import denoising, render_denoising
from lnl_core.widgets.denoising_growth import Growth, grow, render_growth
from lnl_core.widgets.training import Stand, TrainingExplorer, stands


class DenoisingExplorer(TrainingExplorer):
    """Choose how sure the classifier is, what the layer holds, α and β; Train tries them.

    `dataset` must have one label a sample.
    """

    def __init__(self, dataset: Dataset, rate: float = 0.5) -> None:
        if dataset.multi_label:
            raise InputError(
                f"the noise-layer explorer needs one label a sample, and {dataset.name} is "
                "multi-label: give it digits, shapes, or another such dataset."
            )
        self._dataset = dataset
        self.confidence = _slider("confidence", 0.9, 0.1, 0.99)
        self.start = _slider("identity", 0.5, 0.05, 0.95)
        self.alpha = _slider("α", 0.9, 0, 1)
        self.beta = _slider("β", 0.9, 0, 1)
        self.rate = _slider("noise rate", rate, 0, 0.9)
        super().__init__((self.confidence, self.start, self.alpha, self.beta, self.rate))

    def draw(self) -> Figure:
        return render_denoising(
            denoising(
                self.confidence.value, self.start.value, self._dataset.num_classes,
                self.alpha.value, self.beta.value,
            )
        )  # fmt: skip

    def begin(self) -> Iterator[Stand | Step]:
        options = {
            "alpha": self.alpha.value, "beta": self.beta.value, "start": self.start.value,
        }  # fmt: skip
        found = grow(self._dataset, self.rate.value, self._seed, options)
        return stands(found, PROFILES["smoke"].epochs)

    def show(self, growth: Growth) -> Figure:
        return render_growth(growth, self._dataset.classes)


def _slider(name: str, value: float, least: float, most: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value, min=least, max=most, step=0.01,
        description=name, continuous_update=False, layout={"width": "19em"},
    )  # fmt: skip
