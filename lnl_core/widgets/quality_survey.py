"""What CAN has inferred of the labels it trained on, sample by sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core.data import Dataset, TrainingSet
from lnl_core.errors import InputError
from lnl_core.measures.quality_patterns import agreement
from lnl_core.measures.recovery import area_under_curve
from lnl_core.methods.latent.can import CAN
from lnl_core.noise import Noise
from lnl_core.profiles import configure
from lnl_core.run import Run

#: The paper's ninety epochs at 0.01 in forty: the same sum of learning rates.
LEARNING_RATE = 0.0225


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
