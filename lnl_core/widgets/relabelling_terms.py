"""What L_p and L_e of joint optimization are for, where it can be drawn: two classes, one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots
from lnl_core.losses.soft import entropy, kl_divergence, prior_divergence

#: Confidences from which a label is followed, and how many updates it is.
STARTS, UPDATES = (0.55, 0.7, 0.85), 12


@dataclass(frozen=True)
class Terms:
    """The loss of one sample between two classes, and of a batch that falls into one class.

    `p` in (0, 1): the network's probability of the class that the soft label prefers; `losses`, by
    name, over p. `paths`: the label's confidence [UPDATES + 1] after each update (eq. 9) with the
    network at the least loss, from each of `STARTS`. `share` in [0, 1): how much of the batch
    has gone to one class beyond its part; `collapse`: α L_p there.
    """

    confidence: float
    p: NDArray[np.float64]
    losses: dict[str, NDArray[np.float64]]
    paths: NDArray[np.float64]
    share: NDArray[np.float64]
    collapse: NDArray[np.float64]


def relabelling_terms(
    alpha: float, beta: float, confidence: float = 0.7, classes: int = 10
) -> Terms:
    """L_c, β L_e and α L_p where they can be drawn. A few milliseconds."""
    p = np.linspace(0, 1, 1001)[1:-1]
    logits = _logits(np.stack([p, 1 - p], -1))
    spread = beta * entropy(logits).numpy()

    def fit(label: float) -> NDArray[np.float64]:
        target = torch.tensor([label, 1 - label], dtype=torch.float64).expand(len(p), 2)
        return kl_divergence(logits, target).numpy()

    paths = np.empty((len(STARTS), UPDATES + 1))
    paths[:, 0] = STARTS
    for path in paths:
        for k in range(UPDATES):
            path[k + 1] = p[np.argmin(fit(path[k]) + spread)]
    fitted = fit(confidence)
    share = np.linspace(0, 0.999, 200)
    means = share[:, None] * np.eye(classes)[0] + (1 - share[:, None]) / classes
    prior = torch.full((classes,), 1 / classes, dtype=torch.float64)
    collapse = alpha * prior_divergence(_logits(means).unsqueeze(-2), prior).numpy()
    losses = {"L_c": fitted, "β L_e": spread, "L_c + β L_e": fitted + spread}
    return Terms(confidence, p, losses, paths, share, collapse)


def _logits(probabilities: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(np.log(probabilities))


def render_terms(terms: Terms) -> Figure:
    """The loss over the prediction, the label over its updates, the price of one class for all."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(12.6, 3.4), dpi=90)
    loss, label, price = (figure.add_axes((0.05 + 0.33 * k, 0.16, 0.27, 0.72)) for k in range(3))
    for k, (name, values) in enumerate(terms.losses.items()):
        loss.plot(terms.p, values, ("--", ":", "-")[k], color=plots.COLOURS[k], label=name)
    total = terms.losses["L_c + β L_e"]
    loss.plot(terms.p[total.argmin()], total.min(), "o", color=plots.COLOURS[2], ms=6)
    loss.axvline(terms.confidence, color="0.7", lw=1)
    loss.set(
        ylim=(-0.05, 1.5), xlabel="network's probability", title=f"soft label {terms.confidence:g}"
    )
    loss.legend(fontsize="small", frameon=False)
    for k, path in enumerate(terms.paths):
        label.plot(path, color=plots.COLOURS[k], marker=plots.MARKERS[k], ms=4)
    label.set(
        ylim=(0.45, 1.02), xlabel="updates", title="the label's probability, update by update"
    )
    price.plot(terms.share, terms.collapse, color=plots.COLOURS[3])
    price.set(ylim=(0, 8), xlabel="share of the batch gone to one class", title="α L_p")
    for axis in figure.axes:
        plain(axis)
    return figure


def plain(axis: Axes) -> None:
    """An axis in the explorers' style."""
    axis.title.set_size("medium")
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize="small")
