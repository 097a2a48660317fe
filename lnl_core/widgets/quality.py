"""The quality explorer: how far CAN trusts each label, and what it would put in its place."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lnl_core.data import Dataset
from lnl_core.errors import DivergedError, InputError
from lnl_core.train import EpochRecord, Step
from lnl_core.widgets.quality_pictures import render_quality
from lnl_core.widgets.quality_survey import (
    Survey,
    as_images,
    can_run,
    survey,
    train_and_survey,
)
from lnl_core.widgets.training import Stand, TrainingExplorer, stands

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


class QualityExplorer(TrainingExplorer):
    """Walk through the samples from the least to the most trusted label; Train runs CAN again at
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
        self._dataset = dataset
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
        super().__init__((self.rank, self.among, self.rate, self.regularisation))

    def draw(self) -> Figure:
        wanted = self._wanted()
        self._shown = self._found.get(wanted, self._shown)
        shown = self._shown
        figure = render_quality(
            shown, pick(shown, self.among.value, self.rank.value), self._dataset.classes
        )
        if (shown.rate, shown.regularisation) != wanted:
            figure.text(
                0.4, 0.06, f"press Train for P_noise {wanted[0]:g}, λ {wanted[1]:g}",
                fontsize="small", style="italic",
            )  # fmt: skip
        return figure

    def _wanted(self) -> tuple[float, float]:
        # A slider's steps add up to 0.30000000000000004.
        return round(self.rate.value, 4), round(self.regularisation.value, 4)

    def begin(self) -> Iterator[Stand | Step]:
        self._trains = self._wanted()
        self._run = can_run(self._dataset, *self._trains, self._seed + 1, steps=True)
        return stands(self._run, self._run.config.train.epochs)

    def show(self, record: EpochRecord) -> None:
        """Nothing: a survey takes longer than an epoch, so there is one at the end."""

    def ended(self, last: Stand) -> None:
        """A run that was stopped is not surveyed."""
        if last.done == last.total:
            # Shown, whatever the controls have come to say meanwhile.
            self._found[self._trains] = self._shown = survey(self._run)
        self.redraw()

    def fail(self, error: Exception) -> None:
        """A run at λ > 1 does not diverge for its learning rate, of which there is no control."""
        if isinstance(error, DivergedError) and self._trains[1] > 1:
            error = DivergedError(
                f"CAN diverged at λ = {self._trains[1]:g}. Above λ = 1 eq. 8 has no minimum: it "
                "pays the variance of q(s) to vanish, without end. Choose λ of at most 1."
            )
        super().fail(error)


def _slider(name: str, value: float, most: float, step: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value, min=0, max=most, step=step, description=name, continuous_update=False,
        layout={"width": "19em"},
    )  # fmt: skip
