"""Noise that depends on the samples, and not on their clean labels alone: name → what draws it.

A new one is a function here and a line in `noise.PROTOCOLS` and `noise.FROM_SAMPLES`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lnl_core.data.dataset import Dataset
from lnl_core.noise import Noise

#: (dataset, noise with its rate, noise seed) → noisy labels int64 [N] of the training samples.
Corrupt = Callable[[Dataset, Noise, int], NDArray[np.int64]]


def _pseudo_label(dataset: Dataset, noise: Noise, seed: int) -> NDArray[np.int64]:
    from lnl_core.data.sources import data_folder
    from lnl_core.noise.pseudo_label import pseudo_labels

    return pseudo_labels(dataset, seed, data_folder())


def _pseudo_label_standin(dataset: Dataset, noise: Noise, seed: int) -> NDArray[np.int64]:
    from lnl_core.noise.pseudo_label import standin_pseudo_labels

    return standin_pseudo_labels(dataset, seed)


def _part_dependent(dataset: Dataset, noise: Noise, seed: int) -> NDArray[np.int64]:
    from lnl_core.noise.part_dependent import part_dependent_labels

    shared = noise.name == "part-dependent-shared"
    return part_dependent_labels(dataset, noise.rate, seed, shared)


SAMPLE_NOISE: dict[str, Corrupt] = {
    "part-dependent": _part_dependent,
    "part-dependent-shared": _part_dependent,
    "pseudo-label": _pseudo_label,
    "pseudo-label-standin": _pseudo_label_standin,
}
