"""Instance-dependent noise as in Xia et al., *Part-dependent label noise*, NeurIPS 2020, and as in
the code of Cheng et al., *Learning with instance-dependent label noise: a sample sieve approach*
(CORES²), ICLR 2021. "To generate the instance-dependent type of noise, we followed the method
proposed in [50, 10]" (Kim et al. 2024, Section 4.2): these two, which differ.

Sample i flips with a probability of its own, q_i ~ N(r, 0.1²) truncated to [0, 1]. Where to, its
pixels say: with w ~ N(0, 1), [S, K], the scores of the classes are x_i · w, and

    p(ỹ_i = k) = q_i softmax over k ≠ y_i of (x_i · w)_k,    p(ỹ_i = y_i) = 1 - q_i.

`part-dependent` is Xia et al.'s: another w for each clean class. `part-dependent-shared` is Cheng
et al.'s: one w for all. (The parts, from a non-negative matrix factorisation, are what Xia et al.
*estimate* the noise by; the noise itself has none.)

x is as stored, in both authors' code pixels from 0 to 255. Two things follow. Scores lie thousands
apart, so that the softmax is all but an argmax: a sample has one class to be mistaken for. And the
mean image, which all samples share, makes the most of a score: with a w a class, most samples of
the class are mistaken for the same few. The authors' seeds are 1 and 0, in every run; here it is
the noise seed. Cheng et al. draw until q_i is in (0, 1), which is the same distribution.

Truncation moves the mean, at r = 0.2 to 0.205. At r = 0 it would be 0.08; here rate 0 is no noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import truncnorm
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.errors import InputError
from lnl_core.streams import numpy_generator

#: The standard deviation of the flip rates, before they are truncated.
DEVIATION = 0.1
#: Samples at a time.
BLOCK = 1000


@takes(dataset=Dataset, rate="fraction", seed="seed", shared="flag")
def part_dependent_labels(
    dataset: Dataset, rate: float, seed: int, shared: bool = False
) -> NDArray[np.int64]:
    """Noisy labels [N] of the training samples at `rate` in [0, 1]; with `shared` one w for all.

    Raises `InputError` for token ids, and for images that are read from files.
    """
    if dataset.kind == "tokens" or not isinstance(dataset.x_train, Tensor):
        what = "token ids" if dataset.kind == "tokens" else "images read from files"
        raise InputError(
            f"part-dependent noise is for images and vectors in memory, but {dataset.name} holds "
            f"{what}: use another protocol."
        )
    clean = dataset.y_train.numpy()
    if rate == 0:
        return clean.copy()
    x = dataset.x_train.flatten(1)
    rng = numpy_generator("part-dependent", seed)
    flips = flip_rates(len(clean), rate, rng)
    draw = rng.random(len(clean))
    noisy = np.empty(len(clean), np.int64)
    w = rng.normal(size=(x.shape[1], dataset.num_classes))
    for label in range(dataset.num_classes):
        if label and not shared:
            w = rng.normal(size=w.shape)
        members = np.flatnonzero(clean == label)
        for part in np.split(members, range(BLOCK, len(members), BLOCK)):
            scores = x[part].double().numpy() @ w
            bounds = probabilities(scores, label, flips[part]).cumsum(1)[:, :-1]
            noisy[part] = (draw[part, None] >= bounds).sum(1)
    return noisy


@takes(count="count", rate="fraction", rng=np.random.Generator)
def flip_rates(count: int, rate: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """q [count]: normal about `rate`, truncated to [0, 1]."""
    low, high = -rate / DEVIATION, (1 - rate) / DEVIATION
    return truncnorm.ppf(rng.random(count), low, high, loc=rate, scale=DEVIATION)


@takes(scores="matrix", label="count", flips=np.ndarray)
def probabilities(
    scores: NDArray[np.float64], label: int, flips: NDArray[np.float64]
) -> NDArray[np.float64]:
    """p(ỹ) [B, K] of samples of class `label`, from their scores [B, K] and q [B]."""
    others = scores.copy()
    others[:, label] = -np.inf
    p = flips[:, None] * softmax(others, axis=1)
    p[:, label] = 1 - flips
    return p
