"""The noise-layer explorer: what a layer does to the gradient, and its W while NNAQC trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from lnl_core import losses, plots
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.losses import noise_layers
from lnl_core.noise import Noise
from lnl_core.profiles import PROFILES, configure
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step
from lnl_core.widgets.training import Stand, TrainingExplorer, stands

#: The class the classifier believes in, and one that the label may name instead.
BELIEVED, NAMED = 0, 1


@dataclass(frozen=True)
class Denoising:
    """Gradients of the loss with respect to the logits, for a classifier that gives `confidence`
    to one class and the rest to the others alike.

    `agree` and `disagree`, by loss: [K], for a label that names the believed class and for one
    that names another. `operators`, by layer: ∂ŷ'/∂t [K, K] (Jindal et al. 2019, eq. 8 and 10).
    """

    confidence: float
    agree: dict[str, NDArray[np.float64]]
    disagree: dict[str, NDArray[np.float64]]
    operators: dict[str, NDArray[np.float64]]


def denoising(
    confidence: float, start: float = 0.5, classes: int = 10, alpha: float = 0.9, beta: float = 0.9
) -> Denoising:
    """The gradients under a layer that holds `start` of the identity (`start_weight`)."""
    p = torch.full((classes,), (1 - confidence) / (classes - 1), dtype=torch.float64)
    p[BELIEVED] = confidence
    logits = p.log()
    weight = noise_layers.start_weight(classes, start).double()

    def nonlinear(t: Tensor, label: Tensor) -> Tensor:
        return noise_layers.nonlinear_noise_aware(t, label, weight)

    loss_of = {
        "cross-entropy": losses.cross_entropy,
        "linear layer (eq. 5)": lambda t, y: noise_layers.linear_noise_aware(t, y, weight),
        "nonlinear layer (eq. 3)": nonlinear,
        "NNAQC (eq. 6)": lambda t, y: noise_layers.combined(
            nonlinear(t, y), noise_layers.quasi_clustering(t, y, beta), alpha
        ),
    }
    agree, disagree = (
        {
            name: torch.func.grad(loss)(logits, torch.tensor(label)).numpy()
            for name, loss in loss_of.items()
        }
        for label in (BELIEVED, NAMED)
    )
    matrix = noise_layers.layer_matrix(weight)
    operators = {
        "nonlinear, eq. 8": noise_layers.nonlinear_operator(logits, weight).numpy(),
        "linear, eq. 10": noise_layers.linear_operator(logits, matrix).numpy(),
    }
    return Denoising(confidence, agree, disagree, operators)


def render_denoising(found: Denoising) -> Figure:
    """How hard each label pulls, as bars; and the two operators as heat maps."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(12.6, 3.9), dpi=90)
    for k, (title, gradients) in enumerate(
        (("the label agrees", found.agree), ("the label names another", found.disagree))
    ):
        axis = figure.add_axes((0.05 + 0.255 * k, 0.13, 0.215, 0.62))
        for n, (name, gradient) in enumerate(gradients.items()):
            # Downhill is minus the gradient: what the step adds to each logit.
            pulls = (-gradient[BELIEVED], -gradient[NAMED], -gradient[2:].mean())
            axis.bar(
                np.arange(3) + 0.2 * (n - 1.5), pulls, 0.18, label=name, color=plots.COLOURS[n],
                hatch=("", "//", "..", "xx")[n], edgecolor="white",
            )  # fmt: skip
        axis.axhline(0, color="0.4", lw=0.8)
        axis.set(
            xticks=range(3), ylim=(-1.05, 1.05), title=title,
            xticklabels=("believed", "named" if k else "another", "the rest"),
        )  # fmt: skip
        axis.title.set_size("medium")
        axis.tick_params(labelsize="small")
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("pull on the logit", fontsize="small")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles, names, ncols=2, fontsize="small", frameon=False, loc="upper left",
        bbox_to_anchor=(0.05, 1.0),
    )  # fmt: skip
    reach = max(np.abs(operator).max() for operator in found.operators.values())
    for k, (name, operator) in enumerate(found.operators.items()):
        axis = figure.add_axes((0.565 + 0.215 * k, 0.13, 0.19, 0.68))
        axis.imshow(operator, vmin=-reach, vmax=reach, cmap="RdBu_r")
        axis.set(xlabel="logit", ylabel="" if k else "noisy label", title=name)
        axis.title.set_size("medium")
        axis.tick_params(labelsize="small", length=0)
    return figure


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
