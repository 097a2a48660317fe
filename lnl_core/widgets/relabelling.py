"""The relabelling explorer: the terms of the loss, and step 1 on small data, drawn as it trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots, transition
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.profiles import PROFILES, configure
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step
from lnl_core.widgets.relabelling_terms import plain, relabelling_terms, render_terms
from lnl_core.widgets.training import Stand, TrainingExplorer, stands


@dataclass(frozen=True)
class Cleaning:
    """Step 1 so far: its epochs, and how its labels stand [K, K], the true class first, rows sum
    to 1; `shares`: the classes' [K] among the labels; `start`: from when on labels change."""

    history: tuple[EpochRecord, ...]
    recovered: NDArray[np.float64]
    shares: NDArray[np.float64]
    start: int


def clean_labels(
    dataset: Dataset,
    rate: float,
    seed: int,
    options: dict[str, float],
    lr: float,
    *,
    steps: bool = False,
) -> Iterator[Cleaning | Step]:
    """Step 1 of `joint` on the dataset under symmetric noise of that rate, in the profile `smoke`:
    what stands after each epoch; `steps` as in `Run`. A few seconds in all on digits."""
    noise = Noise("symmetric-inclusive", rate)
    config = configure(
        "joint", noise=noise, dataset=dataset, seed=seed, options=options,
        stages={"relabel": {"lr": lr}},
    )  # fmt: skip
    run = Run(config, device="cpu", dataset=dataset, steps=steps)
    truth = run.data.train.clean.numpy()
    for record in run:
        if record.stage != "relabel":
            return
        if isinstance(record, Step):
            yield record
            continue
        labels = run.method.corrected_labels().argmax(-1).numpy()
        yield Cleaning(
            tuple(run.history),
            transition.realised_matrix(truth, labels, dataset.num_classes),
            np.bincount(labels, minlength=dataset.num_classes) / len(labels),
            options["start_epoch"],
        )


def render_cleaning(cleaning: Cleaning, classes: Sequence[str]) -> Figure:
    """Accuracy and recovery over the epochs; true against recovered class; the classes' shares."""
    figure = Figure(figsize=(12.6, 3.7), dpi=80)
    curves, matrix, bars = (
        figure.add_axes(place)
        for place in ((0.05, 0.15, 0.3, 0.73), (0.4, 0.15, 0.26, 0.73), (0.72, 0.15, 0.26, 0.73))
    )
    epochs = [record.epoch for record in cleaning.history]
    for k, (name, values) in enumerate(
        (
            ("labels recovered", [r.diagnostics["recovered"] for r in cleaning.history]),
            ("test accuracy", [r.test_accuracy for r in cleaning.history]),
        )
    ):
        curves.plot(epochs, values, ("-", "--")[k], color=plots.COLOURS[k], label=name)
    curves.axvline(cleaning.start, color="0.7", lw=1)
    curves.set(xlabel="epoch of step 1 (labels change from the line on)", ylim=(0, 1.02))
    curves.legend(fontsize="small", frameon=False, loc="lower right")
    plots.draw_matrix(matrix, cleaning.recovered, classes, "recovered labels")
    matrix.set(xlabel="label now", ylabel="true class")
    bars.bar(range(len(classes)), cleaning.shares, color=plots.COLOURS[0])
    bars.axhline(1 / len(classes), color=plots.COLOURS[1], ls="--", label="prior p")
    bars.set(xticks=range(len(classes)), xticklabels=classes, title="share of the labels, by class")
    bars.legend(fontsize="small", frameon=False)
    for axis in (curves, bars):
        plain(axis)
    return figure


class RelabellingExplorer(TrainingExplorer):
    """Turn α and β and see what the terms do; Train cleans the dataset's labels with them, at a
    noise rate, a learning rate and a start epoch, and draws while it does.

    `dataset` must have one label a sample.
    """

    def __init__(self, dataset: Dataset, rate: float = 0.5) -> None:
        if dataset.multi_label:
            raise InputError(
                f"the relabelling explorer needs one label a sample, and {dataset.name} is "
                "multi-label: give it digits, shapes, or another such dataset."
            )
        self._dataset = dataset
        self.alpha = _slider("α", 1.2, 0, 3, 0.1)
        self.beta = _slider("β", 0.8, 0, 2, 0.1)
        self.rate = _slider("noise rate", rate, 0, 0.95, 0.05)
        self.lr = ipywidgets.FloatLogSlider(
            value=0.02, min=-3, max=0, step=0.1, description="learning rate", readout_format=".3f",
            continuous_update=False, layout={"width": "21em"},
            style={"description_width": "initial"},  # the usual one cuts this name
        )  # fmt: skip
        self.start = ipywidgets.IntSlider(
            value=14, min=0, max=PROFILES["smoke"].epochs, description="start epoch",
            continuous_update=False, layout={"width": "19em"},
        )  # fmt: skip
        super().__init__((self.alpha, self.beta, self.rate, self.lr, self.start))

    def draw(self) -> Figure:
        return render_terms(
            relabelling_terms(self.alpha.value, self.beta.value, classes=self._dataset.num_classes)
        )

    def begin(self) -> Iterator[Stand | Step]:
        options = {
            "alpha": self.alpha.value, "beta": self.beta.value, "start_epoch": self.start.value,
        }  # fmt: skip
        cleaned = clean_labels(
            self._dataset, self.rate.value, self._seed, options, self.lr.value, steps=True
        )
        return stands(cleaned, PROFILES["smoke"].epochs)

    def show(self, cleaning: Cleaning) -> Figure:
        return render_cleaning(cleaning, self._dataset.classes)


def _slider(
    name: str, value: float, least: float, most: float, step: float
) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value, min=least, max=most, step=step, description=name, continuous_update=False,
        layout={"width": "19em"},
    )  # fmt: skip
