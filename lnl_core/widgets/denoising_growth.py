"""A noise layer's W while NNAQC trains, beside the true T."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots
from lnl_core.data import Dataset
from lnl_core.noise import Noise
from lnl_core.profiles import configure
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step


@dataclass(frozen=True)
class Growth:
    """A run of NNAQC with what its layer took for T, [(epoch, [K, K])], along the way."""

    history: list[EpochRecord]
    matrices: list[tuple[int, NDArray[np.float64]]]
    true: NDArray[np.float64]


def grow(
    dataset: Dataset, rate: float, seed: int, options: dict[str, float], shown: int = 3
) -> Iterator[Growth | Step]:
    """Train NNAQC on the dataset under `uniform-simplex` noise in the profile `smoke`: what stands
    after each epoch, and a `Step` after each update. Seconds on digits. `shown` matrices in the
    end, evenly over the epochs, the last one among them."""
    noise = Noise("uniform-simplex", rate)
    config = configure("nnaqc", noise=noise, dataset=dataset, seed=seed, options=options)
    run = Run(config, device="cpu", dataset=dataset, steps=True)
    epochs = config.train.epochs
    wanted = {max(1, round(epochs * (k + 1) / shown)) for k in range(shown)}
    kept: list[tuple[int, NDArray[np.float64]]] = []
    true = run.data.transition_matrix.numpy().astype(float)
    for item in run:
        if isinstance(item, Step):
            yield item
            continue
        now = (item.epoch, run.method.noise_matrix().numpy().astype(float))
        before = list(kept)
        if item.epoch in wanted:
            kept.append(now)
        yield Growth(list(run.history), [*before, now], true)


def render_growth(growth: Growth, classes: Sequence[str]) -> Figure:
    """The curves, the true T, and the layer's matrix as it grew."""
    panels = len(growth.matrices) + 2
    figure = Figure(figsize=(3.2 * panels, 3.4), dpi=80)
    width = 0.93 / panels
    axis = figure.add_axes((0.04, 0.16, width * 0.78, 0.7))
    epochs = [record.epoch for record in growth.history]
    for k, (field, name) in enumerate((("test_accuracy", "test"), ("memorised", "memorised"))):
        values = [getattr(record, field) for record in growth.history]
        if None not in values:
            axis.plot(epochs, values, ("-", "--")[k], color=plots.COLOURS[k], label=name)
    axis.set(xlabel="epoch", ylim=(0, 1.02), title="NNAQC")
    axis.title.set_size("medium")
    axis.legend(fontsize="small", frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    shown = [("true T", growth.true)]
    shown += [(f"layer, epoch {epoch}", matrix) for epoch, matrix in growth.matrices]
    for k, (title, matrix) in enumerate(shown, 1):
        axis = figure.add_axes((0.045 + width * k, 0.16, width * 0.84, 0.7))
        plots.draw_matrix(axis, matrix, classes, title)
        if k > 1:
            axis.set_ylabel("")
    return figure
