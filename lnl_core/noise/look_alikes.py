"""Which class is mistaken for which: the maps of the asymmetric protocols, and their matrix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lnl_core.errors import InputError
from lnl_core.noise import cifar100

#: Dataset → which class is mistaken for which. A class that is not named keeps its label.
ASYMMETRIC_MAPS: dict[str, dict[int, int]] = {
    # Patrini et al. 2017, Section 5.1.
    "mnist": {2: 7, 3: 8, 5: 6, 6: 5, 7: 1},
    "cifar10": {9: 1, 2: 0, 4: 7, 3: 5, 5: 3},
    "cifar100": cifar100.NEXT_IN_SUPERCLASS,
    "imdb": {1: 0},
    # Ours: the commonest confusions of nearest-centroid and logistic regression on this set.
    "digits": {8: 1, 3: 8, 5: 9, 9: 5, 4: 7},
    # Ours: the commonest confusions of a LeNet after 14 epochs: ellipse→circle, rectangle→square,
    # triangle↔kite, five→six petals.
    "shapes": {1: 0, 3: 2, 4: 5, 5: 4, 6: 7},
    # Ours, by the classes' meaning: T-shirt↔shirt, pullover→coat, sandal→sneaker, boot→sneaker.
    "fashion-mnist": {0: 6, 6: 0, 2: 4, 5: 7, 9: 7},
    # As on imdb.
    "reviews": {1: 0},
}

#: Dataset → what its map goes with at every rate above 0: clean class → (noisy class, share).
#: Patrini et al. 2017, Section 5.1, on IMDB; at rate 0 their code leaves every label alone.
FIXED_FLIPS: dict[str, dict[int, tuple[int, float]]] = {
    "imdb": {0: (1, 0.05)},
    "reviews": {0: (1, 0.05)},
}


def _owner(name: str, dataset: str) -> str:
    """The dataset whose map a protocol uses."""
    return dataset if name == "asymmetric" else name.removesuffix("-asymmetric")


def fixed_flips(name: str, dataset: str) -> Mapping[int, tuple[int, float]]:
    """Clean class → (noisy class, share) that the protocol has on that dataset at every rate above
    0."""
    return FIXED_FLIPS.get(_owner(name, dataset), {})


def _asymmetric_map(name: str, dataset: str) -> Mapping[int, int]:
    if name == "cifar100-consecutive":
        return cifar100.NEXT_OF_FIVE_IDS
    owner = _owner(name, dataset)
    if owner not in ASYMMETRIC_MAPS:
        raise InputError(
            f"dataset {owner!r} has no map of look-alikes for 'asymmetric' (known: "
            f"{', '.join(sorted(ASYMMETRIC_MAPS))}): use 'symmetric', or give a matrix."
        )
    return ASYMMETRIC_MAPS[owner]


def map_matrix(name: str, dataset: str, num_classes: int) -> NDArray[np.float64]:
    """What becomes of a label under an asymmetric protocol once it is touched, [K, K].

    Raises `InputError` for a dataset without a map, or a map of more classes than there are.
    """
    pairs = _asymmetric_map(name, dataset)
    largest = max(max(pair) for pair in pairs.items())
    if largest >= num_classes:
        raise InputError(
            f"noise '{name}' maps class {largest}, but the data have {num_classes} classes: use "
            "'symmetric', or give a matrix."
        )
    matrix = np.eye(num_classes)
    for clean, noisy in pairs.items():
        matrix[clean, clean], matrix[clean, noisy] = 0, 1
    return matrix
