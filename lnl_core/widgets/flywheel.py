"""The flywheel explorer: the two cycles turning, epoch by epoch, at any noise and λ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from lnl_core import plots
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.train import Step
from lnl_core.widgets.flywheel_turning import Turning, render_turning, turn_flywheel
from lnl_core.widgets.training import Stand, TrainingExplorer, stands

NOISES = ("symmetric-inclusive", "asymmetric", "part-dependent")
#: α of the contrastive term where it is asked for.
CONTRAST = 0.025

#: Noise, rate, λ, epochs, whether ε is refined, whether there is a contrastive term.
Setting = tuple[str, float, float, int, bool, bool]


class FlywheelExplorer(TrainingExplorer):
    """Walk through the epochs of one run; Train turns the flywheel anew at another noise, rate,
    λ and number of epochs. What was trained is remembered: back at its settings it is shown.

    `dataset` must have one label a sample and, for the noise `asymmetric`, a map of look-alikes.
    `turned` is what is shown first, every epoch of a run at `noise` and λ = 3, with the contrastive
    term where `contrast` says so; without one such a run is made first.
    """

    def __init__(
        self,
        dataset: Dataset,
        noise: Noise | None = None,
        turned: Sequence[Turning] = (),
        *,
        contrast: bool = True,
        epochs: int = 20,
    ) -> None:
        if dataset.multi_label:
            raise InputError(
                f"the flywheel explorer needs one label a sample, and {dataset.name} is "
                "multi-label: give it digits, shapes, or another such dataset."
            )
        noise = noise or Noise("symmetric-inclusive", 0.5)
        if noise.name not in NOISES:
            raise InputError(
                f"the flywheel explorer has the noises {', '.join(NOISES)}, not {noise.name!r}."
            )
        self._dataset = dataset
        if not turned:
            options = _options(3.0, True, contrast)
            turned = tuple(turn_flywheel(dataset, noise, options=options, epochs=epochs))
        epochs = len(turned)
        rate = round(noise.rate, 4)
        setting = (noise.name, rate, 3.0, epochs, True, contrast)
        self._turned: dict[Setting, Sequence[Turning]] = {setting: turned}
        self._shown = setting
        self.epoch = ipywidgets.IntSlider(
            value=epochs, min=1, max=epochs, description="epoch", continuous_update=False,
            layout={"width": "28em"},
        )  # fmt: skip
        self.noise = ipywidgets.Dropdown(
            options=NOISES, value=noise.name, description="noise", layout={"width": "21em"}
        )
        self.rate = _slider("rate", rate, 0.95, 0.05)
        self.regularisation = _slider("λ", 3, 10, 0.5)
        self.epochs = ipywidgets.IntSlider(
            value=epochs, min=4, max=max(60, epochs), description="epochs", continuous_update=False,
            layout={"width": "19em"},
        )  # fmt: skip
        self.refine = _box("ε by eq. 14", True)
        self.contrast = _box("contrastive term (slow)", contrast)
        super().__init__(
            (
                self.noise, self.rate, self.regularisation, self.epochs, self.refine,
                self.contrast, self.epoch,
            ),
        )  # fmt: skip

    def draw(self) -> Figure:
        wanted = self._wanted()
        if wanted in self._turned:
            self._shown = wanted
        turned = self._turned[self._shown]
        self.epoch.max = len(turned)  # draws again where that moves the slider
        figure = render_turning(turned[self.epoch.value - 1], self._dataset.classes)
        if self._shown != wanted:
            figure.text(
                0.04, 0.95, f"still {_words(self._shown)}: press Train for {_words(wanted)}",
                style="italic",
            )  # fmt: skip
        return figure

    def restore(self, _: object = None) -> None:
        super().restore()
        self.epoch.value = self._defaults[-1]  # anew: the slider may have been too short for it

    def _wanted(self) -> Setting:
        # A slider's steps add up to 0.30000000000000004.
        return (
            self.noise.value, round(self.rate.value, 4), round(self.regularisation.value, 4),
            self.epochs.value, self.refine.value, self.contrast.value,
        )  # fmt: skip

    def begin(self) -> Iterator[Stand | Step]:
        name, rate, regularisation, epochs, refine, contrast = self._trains = self._wanted()
        self._so_far: list[Turning] = []
        turned = turn_flywheel(
            self._dataset, Noise(name, rate), self._seed + 1, steps=True, epochs=epochs,
            options=_options(regularisation, refine, contrast),
        )  # fmt: skip
        return stands(self._remembered(turned), epochs)

    def _remembered(self, turned: Iterable[Turning | Step]) -> Iterator[Turning | Step]:
        so_far = self._so_far
        for item in turned:
            if isinstance(item, Turning):
                so_far.append(item)
            yield item

    def show(self, turning: Turning) -> None:
        self.image.value = plots.png(render_turning(turning, self._dataset.classes))

    def ended(self, last: Stand) -> None:
        """A run that was stopped is not kept: it lacks epochs that the controls ask for."""
        if last.done == last.total:
            self._turned[self._trains] = self._so_far
            self._shown = self._trains  # whatever the controls have come to say meanwhile
            self.epoch.max, self.epoch.value = last.total, last.total
        self.redraw()


def _words(setting: Setting) -> str:
    """A setting as a reader would say it."""
    name, rate, regularisation, epochs, refine, contrast = setting
    return (
        f"{name} {rate:g}, λ = {regularisation:g}, {epochs} epochs"
        + ", ε fixed" * (not refine)
        + ", no contrastive term" * (not contrast)
    )


def _options(regularisation: float, refine: bool, contrast: bool) -> dict[str, Any]:
    return {
        "regularisation": regularisation,
        "refine_epsilon": refine,
        "contrast": CONTRAST * contrast,
    }


def _slider(name: str, value: float, most: float, step: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value, min=0, max=most, step=step, description=name, continuous_update=False,
        layout={"width": "19em"},
    )  # fmt: skip


def _box(name: str, value: bool) -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(
        value=value, description=name, indent=False, layout={"width": "17em"}
    )
