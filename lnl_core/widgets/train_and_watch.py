"""The train-and-watch explorer: choose a method, data and noise, and see it learn."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

import ipywidgets
from matplotlib.figure import Figure

from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.methods import method_names
from lnl_core.train import Step
from lnl_core.widgets.choice import (
    NOISES,
    Choice,
    as_code,
    by_the_paper,
    obstacle,
    paper_noise,
    save_csv,
)
from lnl_core.widgets.training import Stand, TrainingExplorer
from lnl_core.widgets.watching import Watched, render_watched, train_choice


class TrainAndWatchExplorer(TrainingExplorer):
    """Train any method on small data with any noise, and watch the curves as they come.

    `datasets` are the data that are offered: images, vectors or reviews with one label each.
    `choice` is where the controls stand at first. A choice that cannot be trained disables Train
    and says why. `folder` is where `save as CSV` writes.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        choice: Choice | None = None,
        folder: str | Path = ".",
    ) -> None:
        for dataset in datasets:
            if dataset.multi_label:
                raise InputError(
                    f"the train-and-watch explorer needs one label a sample, and {dataset.name} is "
                    "multi-label: give it digits, shapes, or another such dataset."
                )
        if not datasets:
            raise InputError("the train-and-watch explorer got no dataset: give it one or more.")
        self._datasets = {dataset.name: dataset for dataset in datasets}
        self._folder = Path(folder)
        choice = choice or Choice(data=datasets[0].name)
        self._watched, self._ghost, self._drawn = Watched(choice), None, None
        self.method = _dropdown("method", method_names(), choice.method)
        self.data = _dropdown("data", list(self._datasets), choice.data)
        self.noise = _dropdown("noise", NOISES, choice.noise)
        self.rate = ipywidgets.FloatSlider(
            value=choice.rate, min=0, max=0.95, step=0.05, description="rate",
            continuous_update=False, layout={"width": "19em"},
        )  # fmt: skip
        self.lr = ipywidgets.FloatLogSlider(
            value=choice.lr, min=-4, max=0.5, step=0.05, description="learning rate",
            readout_format=".3g", continuous_update=False, layout={"width": "19em"},
            style={"description_width": "initial"},  # the usual one cuts this name
        )  # fmt: skip
        self.seed = ipywidgets.BoundedIntText(
            value=choice.seed, min=0, max=2**32 - 1, description="seed", layout={"width": "13em"}
        )
        self.epochs = ipywidgets.IntSlider(
            value=choice.epochs, min=1, max=max(60, choice.epochs), description="epochs",
            continuous_update=False, layout={"width": "19em"},
        )  # fmt: skip
        self.pin = _button("pin", "thumb-tack", "keep this run's curves, dashed, to compare")
        self.paper = _button("paper settings", "book", "")
        self.copy = _button("copy as code", "code", "the cell that trains the same")
        self.save = _button("save as CSV", "download", "a line an epoch")
        self.why = ipywidgets.HTML()
        self.code = ipywidgets.Textarea(
            layout={"width": "44em", "height": "15em", "display": "none"}
        )
        controls = (
            self.method, self.data, self.noise, self.rate, self.lr, self.epochs, self.seed
        )  # fmt: skip
        super().__init__(controls, (self.pin, self.paper, self.copy, self.save))
        self.children = (self.children[0], self.why, *self.children[1:], self.code)
        self.pin.on_click(self._pin)
        self.paper.on_click(self._by_the_paper)
        self.copy.on_click(self._copy)
        self.save.on_click(self._save)

    @property
    def choice(self) -> Choice:
        """What the controls say now."""
        # A slider's steps add up to 0.30000000000000004, a log slider's to 0.05011872336272722.
        return Choice(
            self.method.value, self.data.value, self.noise.value, round(self.rate.value, 4),
            float(f"{self.lr.value:.3g}"), self.seed.value, self.epochs.value,
        )  # fmt: skip

    def draw(self) -> Figure:
        """The last run and the ghost, whatever the controls say: they are for the next one."""
        return render_watched(*self._runs())

    def _runs(self) -> tuple[Watched, Watched | None]:
        """What is drawn."""
        return self._watched if self._watched.history else Watched(self.choice), self._ghost

    def _update(self) -> None:
        """A control that turns changes the picture only as long as there is no run."""
        self._explain()
        runs = self._runs()
        if runs != self._drawn:
            super()._update()
            self._drawn = runs

    def _explain(self) -> None:
        """What can be done with the choice as it is, and why not."""
        dataset = self._datasets[self.data.value]
        reason = obstacle(self.choice, dataset)
        self.train.disabled = bool(reason)
        self.why.value = f"<i>Train is off: {html.escape(reason)}</i>" if reason else ""
        known = paper_noise(self.method.value, dataset)
        self.paper.disabled = known is None
        self.paper.tooltip = (
            f"noise {known} and the learning rate that the method has on these data"
            if known
            else "the method's paper has no noise that can be made on these data"
        )
        if self.code.layout.display is None:
            self.code.value = as_code(self.choice)

    def begin(self) -> Iterator[Stand | Step]:
        dataset = self._datasets[self.data.value]
        if reason := obstacle(self.choice, dataset):
            raise InputError(reason)
        self._watched = Watched(self.choice)
        return train_choice(self.choice, dataset)

    def show(self, state: Watched) -> None:
        self._watched = state
        self.redraw()

    def restore(self, _: object = None) -> None:
        """The controls, the curves and the ghost as they were at first; a run is stopped."""
        self.abandon()
        self._watched, self._ghost = Watched(self.choice), None
        self.code.layout.display = "none"
        super().restore()

    def _pin(self, _: object) -> None:
        self._ghost = self._watched if self._watched.history else None
        self.redraw()

    def _by_the_paper(self, _: object) -> None:
        try:
            wanted = by_the_paper(self.choice, self._datasets[self.data.value])
        except Exception as error:
            self.fail(error)
            return
        with self.turning():
            for name in ("noise", "rate", "lr", "epochs"):
                getattr(self, name).value = getattr(wanted, name)

    def _copy(self, _: object) -> None:
        """A page may not write to the clipboard unasked: the text stands there to be copied."""
        self.code.layout.display = None
        self.code.value = as_code(self.choice)

    def _save(self, _: object) -> None:
        watched = self._watched
        try:
            if not watched.history:
                raise InputError("there is no run to save yet: press Train first.")
            path = save_csv(watched.choice, watched.history, self._folder)
            self.status.value, self.error.value = f"saved as {path}", ""
        except Exception as error:
            self.fail(error)


def _dropdown(name: str, options: Sequence[str], value: str) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        options=options, value=value, description=name, layout={"width": "21em"}
    )


def _button(name: str, icon: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(
        description=name, icon=icon, tooltip=tooltip, layout={"width": f"{len(name) * 0.6 + 4}em"}
    )
