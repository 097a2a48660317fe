"""The loss-shapes explorer: what a robust loss makes of a label that the network disbelieves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from lnl_core import losses, plots
from lnl_core.errors import InputError
from lnl_core.widgets.explorer import Explorer
from lnl_core.widgets.relabelling_terms import plain

#: Logits [N, K] and labels [N] → a loss a sample [N].
Loss = Callable[[Tensor, Tensor], Tensor]
STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class LossShapes:
    """Losses over `p` in (0, 1), the probability of the label, the other classes all alike.

    `values` and `pulls`, by loss, [N]: ℓ, and -∂ℓ/∂v_y, how hard the label pulls at its own score
    v_y. The others' scores are 0, which unhinged and sigmoid, being of scores, depend on.
    `classes` is K: a network that prefers none gives the label 1/K.
    """

    classes: int
    p: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    pulls: dict[str, NDArray[np.float64]]


def robust_losses(beta: float) -> dict[str, Loss]:
    """The losses that are robust by their shape, and cross-entropy. β in [0, 1] is both
    bootstraps' weight of the label."""
    return {
        "cross-entropy": losses.cross_entropy,
        "bootstrap-soft": lambda v, y: losses.bootstrap_soft(v, y, beta),
        "bootstrap-hard": lambda v, y: losses.bootstrap_hard(v, y, beta),
        "unhinged": losses.unhinged,
        "sigmoid": losses.sigmoid,
        "savage": losses.savage,
    }


def loss_shapes(
    classes: int = 10, beta: float = 0.8, own: Mapping[str, Loss] | None = None, points: int = 199
) -> LossShapes:
    """Every loss, and `own` by name, over the probability of the label. A few milliseconds."""
    p = torch.linspace(0, 1, points + 2, dtype=torch.float64)[1:-1]
    scores = torch.zeros(points, classes, dtype=torch.float64)
    scores[:, 0] = (p * (classes - 1) / (1 - p)).log()
    scores.requires_grad_()
    labels = torch.zeros(points, dtype=torch.int64)
    values, pulls = {}, {}
    for name, loss in (robust_losses(beta) | dict(own or {})).items():
        found = loss(scores, labels)
        if found.shape != p.shape:
            raise InputError(
                f"the loss {name} gives shape {list(found.shape)} for {points} samples: a loss "
                "here gives one number a sample."
            )
        (gradient,) = torch.autograd.grad(found.sum(), scores)
        values[name], pulls[name] = found.detach().numpy(), -gradient[:, 0].numpy()
    return LossShapes(classes, p.numpy(), values, pulls)


def render_shapes(shapes: LossShapes, relative: bool = True) -> Figure:
    """The losses and their pulls; `relative`: every loss from 0 to 1, every pull of at most 1."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(10.4, 4.0), dpi=80)
    left, right = (figure.add_axes((place, 0.13, 0.34, 0.76)) for place in (0.06, 0.47))
    for k, name in enumerate(shapes.values):
        style = {"color": plots.COLOURS[k % 7], "ls": STYLES[k % 4], "lw": 1.8, "label": name}
        value, pull = shapes.values[name], shapes.pulls[name]
        if relative:
            value = (value - value.min()) / max(np.ptp(value), 1e-12)
            pull = pull / max(np.abs(pull).max(), 1e-12)
        left.plot(shapes.p, value, **style)
        right.plot(shapes.p, pull, **style)
    own = ", each on its own scale" if relative else ""
    left.set(title="the loss" + own, ylim=(-0.03, 1.03) if relative else (-0.5, 5))
    right.set(title="how hard the label pulls" + own)
    right.axhline(0, color="0.6", lw=0.8)
    for axis in (left, right):
        axis.axvline(
            1 / shapes.classes, color="0.6", lw=1, zorder=0, label=f"1/K = {1 / shapes.classes:.2g}"
        )
        axis.set(xlim=(0, 1), xlabel="probability of the label")
        plain(axis)
    figure.legend(
        handles=left.lines, fontsize="small", frameon=False, loc="center left",
        bbox_to_anchor=(0.82, 0.5),
    )  # fmt: skip
    return figure


class LossShapesExplorer(Explorer):
    """Turn the number of classes and the bootstraps' β, and see what each loss makes of a label.

    `own` are further losses by name, of logits [N, K] and labels [N], one number a sample.
    """

    def __init__(self, own: Mapping[str, Loss] | None = None) -> None:
        self._own = dict(own or {})
        self.classes = ipywidgets.IntSlider(
            value=10, min=2, max=100, description="classes", continuous_update=False,
            layout={"width": "19em"},
        )  # fmt: skip
        self.beta = ipywidgets.FloatSlider(
            value=0.8, min=0, max=1, step=0.05, description="β", continuous_update=False,
            layout={"width": "19em"},
        )  # fmt: skip
        self.relative = ipywidgets.Checkbox(
            value=True, description="each on its own scale", indent=False, layout={"width": "14em"}
        )
        super().__init__((self.classes, self.beta, self.relative))

    def draw(self) -> Figure:
        return render_shapes(
            loss_shapes(self.classes.value, self.beta.value, self._own), self.relative.value
        )
