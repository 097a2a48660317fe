"""The quality explorer: how far CAN trusts each label, and what it would put in its place."""

from __future__ import annotations

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.widgets.explorer import Explorer
from lnl_core.widgets.quality_survey import Survey, as_images, render_quality, train_and_survey

AMONG = ("all", "wrong", "right")


def pick(found: Survey, among: str, rank: int) -> int:
    """The sample that `rank` percent of the others are trusted less than: 0, the least trusted one,
    to 100. `among` is `all` labels, or those that are `wrong` or `right`."""
    part = {"all": found.right | True, "wrong": ~found.right, "right": found.right}[among]
    if not part.any():
        raise InputError(
            f"no label is {among} at P_noise {found.rate:g}: choose among all of them."
        )
    index = np.flatnonzero(part)
    order = index[found.trust[index].argsort(kind="stable")]
    return int(order[round(rank / 100 * (len(order) - 1))])


class QualityExplorer(Explorer):
    """Walk through the samples from the least to the most trusted label; `train` runs CAN again at
    another P_noise and λ. What was trained is remembered: back at its P_noise and λ it is shown.

    `dataset` must be multi-label, of images or of feature vectors that are square images. `found`
    is what is shown first; without one CAN is trained at `rate` and λ = 0.3 first.
    """

    def __init__(self, dataset: Dataset, rate: float = 0.4, found: Survey | None = None) -> None:
        if not dataset.multi_label:
            raise InputError(
                f"the quality explorer needs label vectors, and {dataset.name} has one label a "
                "sample: give it digits-vectors, shapes-multi, or another such dataset."
            )
        as_images(dataset.x_train[:1])  # refused before anything is trained
        self._dataset, self._seed = dataset, 0
        found = found or train_and_survey(dataset, rate, 0.3)
        self._found = {(found.rate, found.regularisation): found}
        self._shown = found
        self.rate = _slider("P_noise", found.rate, 1, 0.05)
        self.regularisation = _slider("λ", found.regularisation, 2, 0.1)
        self.among = ipywidgets.Dropdown(
            options=AMONG, value="all", description="labels", layout={"width": "13em"}
        )
        self.rank = ipywidgets.IntSlider(
            value=0, min=0, max=100, description="trust rank", continuous_update=False,
            readout_format="d", layout={"width": "21em"},
        )  # fmt: skip
        self.train = ipywidgets.Button(description="train", icon="play", layout={"width": "8em"})
        super().__init__((self.rank, self.among, self.rate, self.regularisation), (self.train,))
        self.train.on_click(self._train)

    def draw(self) -> Figure:
        wanted = self._wanted()
        self._shown = self._found.get(wanted, self._shown)
        shown = self._shown
        figure = render_quality(
            shown, pick(shown, self.among.value, self.rank.value), self._dataset.classes
        )
        if (shown.rate, shown.regularisation) != wanted:
            figure.text(
                0.4, 0.06, f"press train for P_noise {wanted[0]:g}, λ {wanted[1]:g}",
                fontsize="small", style="italic",
            )  # fmt: skip
        return figure

    def _wanted(self) -> tuple[float, float]:
        # A slider's steps add up to 0.30000000000000004.
        return round(self.rate.value, 4), round(self.regularisation.value, 4)

    def _train(self, _: object) -> None:
        """Each press is another seed."""
        self.train.disabled, self.train.description = True, "training"
        wanted = self._wanted()
        try:
            self._seed += 1
            self._found[wanted] = train_and_survey(self._dataset, *wanted, seed=self._seed)
            self.redraw()
        except Exception as error:
            self.fail(error)
        finally:
            self.train.disabled, self.train.description = False, "train again"


def _slider(name: str, value: float, most: float, step: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value, min=0, max=most, step=step, description=name, continuous_update=False,
        layout={"width": "19em"},
    )  # fmt: skip
