"""The transition editor: change a T entry by entry, and see what the corrections can do with it."""

from __future__ import annotations

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.noise import ASYMMETRIC_MAPS, Noise
from lnl_core.widgets.explorer import Explorer
from lnl_core.widgets.transition_edits import examine, render_transition, set_entry

STARTS = ("symmetric", "symmetric-inclusive", "asymmetric", "uniform-simplex")


class TransitionEditor(Explorer):
    """Start from a named noise and edit its T; rows stay distributions. `noise` is what was made,
    ready for a run.

    `dataset` must have one label a sample; noises that do not fit it are not offered.
    """

    def __init__(self, dataset: Dataset, start: str = "symmetric", rate: float = 0.4) -> None:
        if dataset.multi_label:
            raise InputError(
                f"the transition editor needs one label a sample, and {dataset.name} is "
                "multi-label: give it digits, shapes, or another such dataset."
            )
        self._dataset = dataset
        starts = [s for s in STARTS if s != "asymmetric" or dataset.name in ASYMMETRIC_MAPS]
        if start not in starts:
            raise InputError(
                f"the start is {start!r}: for {dataset.name} it is {', '.join(starts)}."
            )
        classes = [(name, k) for k, name in enumerate(dataset.classes)]
        narrow = {"width": "15em"}
        self.start = ipywidgets.Dropdown(
            options=starts, value=start, description="start from", layout={"width": "21em"}
        )
        self.rate = _slider("rate", rate, 0.05)
        self.clean = ipywidgets.Dropdown(options=classes, description="class", layout=narrow)
        self.noisy = ipywidgets.Dropdown(options=classes, description="as label", layout=narrow)
        self.entry = _slider("probability", 0, 0.01)
        self._first = self._matrix = self._named()
        self.entry.value = self._matrix[0, 0]
        # Before the picture's own observers: it shows what these have changed.
        for control in (self.start, self.rate):
            control.observe(self._begin, names="value")
        for control in (self.clean, self.noisy):
            control.observe(self._choose, names="value")
        self.entry.observe(self._edit, names="value")
        super().__init__((self.start, self.rate, self.clean, self.noisy, self.entry))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """T [K, K] as it stands."""
        return self._matrix.copy()

    @property
    def noise(self) -> Noise:
        """The noise of this T, for `configure` and `Run`."""
        return Noise("matrix", matrix=self.matrix)

    def draw(self) -> Figure:
        found = examine(self._matrix, self.noisy.value)
        chosen = self.clean.value, self.noisy.value
        return render_transition(found, self._dataset.classes, chosen)

    def restore(self, _: object = None) -> None:
        """The controls and the matrix as they were at first."""
        self._matrix = self._first
        super().restore()

    def _named(self) -> NDArray[np.float64]:
        noise = Noise(self.start.value, round(self.rate.value, 4))
        return noise.transition_matrix(self._dataset.num_classes, self._dataset.name)

    def _begin(self, _: object = None) -> None:
        """Another start: the edits are gone."""
        if not self._held:
            self._matrix = self._named()
            self._choose()

    def _choose(self, _: object = None) -> None:
        """The slider shows the chosen entry."""
        if not self._held:
            with self.held():
                self.entry.value = float(self._matrix[self.clean.value, self.noisy.value])

    def _edit(self, _: object = None) -> None:
        if not self._held:
            place = self.clean.value, self.noisy.value
            self._matrix = set_entry(self._matrix, *place, round(self.entry.value, 4))


def _slider(name: str, value: float, step: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value, min=0, max=1, step=step, description=name, continuous_update=False,
        layout={"width": "19em"},
    )  # fmt: skip
