"""What a noise layer does to the gradient: how hard a label pulls, and the layer's operators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from lnl_core import losses, plots
from lnl_core.losses import noise_layers

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
        # No ticks: the classes are alike but for the first, and twenty ticks take a while.
        axis.set(
            xlabel="logit", ylabel="" if k else "noisy label", title=name, xticks=[], yticks=[]
        )
        axis.title.set_size("medium")
    return figure
