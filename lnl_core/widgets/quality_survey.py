"""What CAN has inferred of the labels it trained on, sample by sample, and its pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from lnl_core import plots
from lnl_core.data import Dataset, TrainingSet
from lnl_core.errors import InputError
from lnl_core.measures.quality_patterns import agreement
from lnl_core.measures.recovery import area_under_curve
from lnl_core.methods.latent.can import CAN
from lnl_core.noise import Noise
from lnl_core.profiles import configure
from lnl_core.run import Run
from lnl_core.widgets.relabelling_terms import plain

#: The paper's ninety epochs at 0.01 in forty: the same sum of learning rates.
LEARNING_RATE = 0.0225
#: Figure 7's colours: the prediction is the label, or is not.
AGREES, DIFFERS = plots.COLOURS[0], plots.COLOURS[2]


@dataclass(frozen=True)
class Survey:
    """Of N training samples, what CAN knows of their labels, and the truth.

    `images` uint8 [N, C, H, W]; `noisy`, `clean` bool [N, K]; `prior` P(z|x) and `latent` q(z|x,y)
    [N, K] in [0, 1]; `trust` [N], minus the distance of the label's quality from that of a label as
    predicted; `agrees` bool [N], whether the prediction is the noisy label; `place` [N, 2], the
    quality embedding by t-SNE. `rate` is P_noise, `regularisation` λ.
    """

    rate: float
    regularisation: float
    images: NDArray[np.uint8]
    noisy: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    prior: NDArray[np.float64]
    latent: NDArray[np.float64]
    trust: NDArray[np.float64]
    agrees: NDArray[np.bool_]
    place: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the noisy label vector is the true one: [N]."""
        return (self.noisy == self.clean).all(1)

    @property
    def auc(self) -> float:
        """How often a right label is trusted more than a wrong one; NaN without both kinds."""
        scores, positive = torch.from_numpy(self.trust), torch.from_numpy(self.right)
        return area_under_curve(scores, positive).item()


def survey(run: Run, count: int = 400) -> Survey:
    """What a finished run of CAN has to say of its first `count` training samples, which are in
    random order. About a second for 400."""
    method = run.method
    if not isinstance(method, CAN) or not method.per_label:
        raise InputError(
            f"a survey is of CAN on label vectors, and this is a run of {run.config.method} on "
            f"{run.data.name}: give it a finished run of can on multi-label data."
        )
    training = TrainingSet(run.data, run.config.train)
    found, part = method.survey(training), run.data.train.head(count)
    prior, latent = (logits[:count].sigmoid().cpu() for logits in (found.prior, found.posterior))
    noisy, clean = (labels.cpu() == 1 for labels in (part.labels, part.clean))
    return Survey(
        rate=run.config.noise.rate or 0.0,
        regularisation=method.regularisation,
        images=as_images(part.x.cpu()).numpy(),
        noisy=noisy.numpy(),
        clean=clean.numpy(),
        prior=prior.double().numpy(),
        latent=latent.double().numpy(),
        trust=method.clean_probability()[:count].double().cpu().numpy(),
        agrees=agreement(prior, noisy).numpy(),
        place=spread_out(found.mean[:count].cpu().numpy()),
    )


def train_and_survey(
    dataset: Dataset, rate: float, regularisation: float, seed: int = 0, count: int = 400
) -> Survey:
    """Train CAN on the dataset under `label-shuffle` noise of that rate, in the profile `smoke`,
    and survey it. Seconds on digits-vectors."""
    run = can_run(dataset, rate, regularisation, seed)
    for _ in run:
        pass
    return survey(run, count)


def can_run(
    dataset: Dataset, rate: float, regularisation: float, seed: int, *, steps: bool = False
) -> Run:
    """The run of `train_and_survey`; `steps` as in `Run`."""
    config = configure(
        "can", noise=Noise("label-shuffle", rate), dataset=dataset, seed=seed, lr=LEARNING_RATE,
        options={"regularisation": regularisation},
    )  # fmt: skip
    return Run(config, device="cpu", dataset=dataset, steps=steps)


def as_images(x: Tensor) -> Tensor:
    """Images as they are; feature vectors [N, S²] in [0, 1] as grey images, uint8 [N, 1, S, S]."""
    if x.dtype == torch.uint8 and x.dim() == 4:
        return x
    side = math.isqrt(x.shape[1])
    if x.dim() != 2 or side * side != x.shape[1] or not x.is_floating_point():
        raise InputError(
            f"a sample of shape {list(x.shape[1:])} cannot be shown: the quality explorer needs "
            "images, or feature vectors that are the pixels of a square one."
        )
    return (255 * x.clamp(0, 1)).round().to(torch.uint8).view(-1, 1, side, side)


def spread_out(mean: NDArray[np.floating]) -> NDArray[np.float64]:
    """t-SNE of the quality's mean [N, D] → [N, 2], with a fixed seed, as the paper draws it."""
    from sklearn.manifold import TSNE  # slow to import

    perplexity = min(30.0, (len(mean) - 1) / 3)
    drawn = TSNE(2, perplexity=perplexity, init="random", max_iter=500, random_state=0)
    return drawn.fit_transform(mean).astype(float)


def in_words(vector: NDArray[np.bool_], classes: Sequence[str]) -> str:
    """The labels of a vector by name."""
    return ", ".join(classes[k] for k in np.flatnonzero(vector)) or "none"


def draw_embedding(axis: Axes, found: Survey, part: NDArray[np.bool_] | None = None) -> None:
    """Figure 7: the quality embedding. The colour says whether the label is as predicted, the
    marker whether it is right. `part` bool [N] are the samples to be drawn, by default all."""
    part = np.ones(len(found.right), bool) if part is None else part
    for agrees, colour in ((True, AGREES), (False, DIFFERS)):
        for right, marker in ((True, "o"), (False, "x")):
            x, y = found.place[part & (found.agrees == agrees) & (found.right == right)].T
            axis.scatter(x, y, s=16, c=colour, marker=marker, lw=1, alpha=0.75)
    axis.set(xticks=[], yticks=[])


def embedding_legend() -> list[Line2D]:
    """What the colours and markers of `draw_embedding` mean."""
    looks = (
        ("label as predicted", AGREES, "s"), ("not as predicted", DIFFERS, "s"),
        ("label right", "0.3", "o"), ("label wrong", "0.3", "x"),
    )  # fmt: skip
    return [Line2D([], [], ls="", color=c, marker=m, ms=5, label=name) for name, c, m in looks]


def render_quality(found: Survey, chosen: int, classes: Sequence[str]) -> Figure:
    """The embedding with one sample marked; the sample; what is said of its label."""
    # Placed by hand: the automatic layout costs more than all the drawing.
    figure = Figure(figsize=(12.6, 4.4), dpi=90)
    points = figure.add_axes((0.02, 0.14, 0.36, 0.76))
    picture = figure.add_axes((0.4, 0.2, 0.18, 0.66))
    bars = figure.add_axes((0.65, 0.14, 0.33, 0.72))
    draw_embedding(points, found)
    points.plot(
        *found.place[chosen], "o", ms=15, mfc="none", mec=plots.COLOURS[6], mew=2.2, zorder=5
    )
    auc = "" if math.isnan(found.auc) else f", AUC {found.auc:.2f}"
    points.set_title(
        f"quality at P_noise {found.rate:g}, λ {found.regularisation:g}{auc}", fontsize="medium"
    )
    figure.legend(
        handles=embedding_legend(), ncols=4, fontsize="small", frameon=False, loc="lower left",
        bbox_to_anchor=(0.02, 0.01), handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip
    words = [in_words(labels[chosen], classes) for labels in (found.clean, found.noisy)]
    plots.draw_samples(picture, found.images[chosen][None], words[:1], words[1:], columns=1)
    below = (found.trust < found.trust[chosen]).mean()
    picture.set_title(f"trusted more than\n{below:.0%} of the samples", fontsize="medium")
    _draw_beliefs(bars, found, chosen, classes)
    return figure


def _draw_beliefs(axis: Axes, found: Survey, chosen: int, classes: Sequence[str]) -> None:
    where = np.arange(len(classes))
    for k, (name, values) in enumerate((("P(z|x)", found.prior), ("q(z|x,y)", found.latent))):
        axis.bar(
            where + 0.38 * (k - 0.5), values[chosen], 0.36, label=name, edgecolor="white",
            color=plots.COLOURS[(5, 4)[k]], hatch=("", "//")[k],
        )  # fmt: skip
    for name, vectors, marker, height in (
        ("noisy label", found.noisy, "v", 1.12), ("true label", found.clean, "*", 1.05)
    ):  # fmt: skip
        own = np.flatnonzero(vectors[chosen])
        colour = plots.WRONG if marker == "v" else plots.COLOURS[2]
        axis.plot(own, [height] * len(own), marker, color=colour, ms=9, label=name)
    long = max(map(len, classes)) > 2
    axis.set(xticks=where, ylim=(0, 1.2), yticks=(0, 0.5, 1))
    axis.set_xticklabels(classes, rotation=40 if long else 0, ha="right" if long else "center")
    axis.legend(
        ncols=4, fontsize="small", frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0),
        handletextpad=0.4, columnspacing=1.0,
    )  # fmt: skip
    plain(axis)
