"""Replacement matrices that are themselves drawn at random: Jindal et al. 2019 (NNAQC).

Their φ = (1-p) I + p Δ (eq. 1) is our T[clean, noisy], its rows the distributions p(ỹ|y): the text
defines φ_ij = p(y'=j|y=i) and calls φ column-stochastic, of which only one can be meant. Δ comes
from the noise seed alone, so that runs which differ in p alone have the same Δ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lnl_core.contract import takes
from lnl_core.streams import numpy_generator

#: How many other classes a class is mistaken for under `random-k` (Section 4.2, ImageNet).
RANDOM_K = 10


@takes(num_classes="classes", seed="seed")
def simplex_matrix(num_classes: int, seed: int) -> NDArray[np.float64]:
    """Δ of eq. 1 as float64 [K, K]: a zero diagonal, the rest of each row uniform on the simplex.

    Uniform on the simplex is Dirichlet(1, …, 1): exponential variates, normalised.
    """
    return _rows(num_classes, num_classes - 1, seed)


@takes(num_classes="classes", seed="seed", k="whole")
def random_k_matrix(num_classes: int, seed: int, k: int = RANDOM_K) -> NDArray[np.float64]:
    """The same with k other classes a row, chosen at random (all others where they are fewer).

    "Noise is randomly distributed to only 10 other randomly chosen classes" leaves open how it is
    distributed to the ten: here as in eq. 1, uniformly on their simplex.
    """
    return _rows(num_classes, min(k, num_classes - 1), seed)


def _rows(num_classes: int, k: int, seed: int) -> NDArray[np.float64]:
    rng = numpy_generator("noise-matrix", seed)
    matrix = np.zeros((num_classes, num_classes))
    for clean in range(num_classes):
        others = np.delete(np.arange(num_classes), clean)
        chosen = others if k == len(others) else rng.choice(others, k, replace=False)
        matrix[clean, chosen] = rng.dirichlet(np.ones(k))
    return matrix
