"""`Noise`: a protocol and its rate, the transition matrix that they say, and labels drawn by it.

A rate r and a *replacement* matrix R (what becomes of a label once it is touched) give the
transition matrix T = (1 - r) I + r R, in the convention T[clean, noisy], rows summing to 1.
Two ways to draw from it: `bernoulli`, each label on its own, so that the realised rate varies a
little; `exact`, with the counts that T prescribes, rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnl_core import transition
from lnl_core.errors import InputError, shown, unknown_name
from lnl_core.noise.drawing import draw_counts, draw_each, draw_symmetric_count
from lnl_core.noise.label_shuffle import shuffle_labels
from lnl_core.noise.look_alikes import fixed_flips, map_matrix
from lnl_core.noise.protocols import FROM_SAMPLES, PROTOCOLS
from lnl_core.noise.random_matrices import random_k_matrix, simplex_matrix
from lnl_core.streams import numpy_generator


@dataclass(frozen=True)
class Noise:
    """A noise protocol with its rate, as a value: what a run's config stores.

    `rate` is a fraction in [0, 1], kept as a float; `matrix`, for the protocol `matrix` alone, is
    anything that `transition.check_matrix` takes, kept as tuples; `draw` is `bernoulli` or `exact`.
    """

    name: str
    rate: float | None = None
    matrix: tuple[tuple[float, ...], ...] | None = None
    source: str | None = None
    draw: str = "bernoulli"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in PROTOCOLS:
            raise unknown_name("noise", self.name, PROTOCOLS)
        if self.draw not in ("bernoulli", "exact"):
            raise InputError(
                f"unknown noise draw {shown(self.draw)}: it is 'bernoulli' or 'exact'."
            )
        takes_rate, _ = PROTOCOLS[self.name]
        if takes_rate and self.rate is None:
            raise InputError(f"noise '{self.name}' needs a rate in [0, 1], like {self.name}:0.2.")
        if not takes_rate and self.rate is not None:
            raise InputError(
                f"noise '{self.name}' takes no rate, got {shown(self.rate)}: leave it out."
            )
        if self.rate is not None:
            object.__setattr__(self, "rate", check_rate(self.rate))
        if self.name == "matrix":
            if self.matrix is None:
                raise InputError("noise 'matrix' needs a matrix: matrix:T.npy or matrix:T.txt.")
            checked = transition.check_matrix(self.matrix).tolist()
            object.__setattr__(self, "matrix", tuple(map(tuple, checked)))

    def __str__(self) -> str:
        if self.name == "matrix":
            return f"matrix:{self.source}" if self.source else "matrix"
        # Every digit of the rate, because the string stands for the noise in a run's identity.
        return self.name if self.rate is None else f"{self.name}:{_digits(self.rate)}"

    def transition_matrix(
        self, num_classes: int, dataset: str = "", seed: int = 0
    ) -> NDArray[np.float64] | None:
        """T[clean, noisy] as float64 [K, K]; None for `given` and for noise that depends on the
        samples, whose T nobody prescribes.

        `dataset` names the map that `asymmetric` uses; `seed`, the noise seed, draws the matrix
        of `uniform-simplex` and `random-k`. Raises `InputError` when the protocol does not fit
        the classes.
        """
        if self.name == "given" or self.name in FROM_SAMPLES:
            return None
        if self.name == "matrix":
            return transition.check_matrix(self.matrix, num_classes)
        if self.name == "none":
            return np.eye(num_classes)
        if self.name == "symmetric":
            replacement = (1 - np.eye(num_classes)) / (num_classes - 1)
        elif self.name in ("symmetric-inclusive", "label-shuffle"):
            replacement = np.full((num_classes, num_classes), 1 / num_classes)
        elif self.name == "uniform-simplex":
            replacement = simplex_matrix(num_classes, seed)
        elif self.name == "random-k":
            replacement = random_k_matrix(num_classes, seed)
        else:
            replacement = map_matrix(self.name, dataset, num_classes)
        t = (1 - self.rate) * np.eye(num_classes) + self.rate * replacement
        for clean, (noisy, share) in fixed_flips(self.name, dataset).items():
            if self.rate > 0:
                t[clean, clean], t[clean, noisy] = 1 - share, share
        return t

    def corrupt(
        self, labels: NDArray[np.int64], num_classes: int, seed: int, dataset: str = ""
    ) -> NDArray[np.int64]:
        """Noisy labels for clean ones [N], drawn from `seed`. The input is left alone.

        `label-shuffle` also takes multi-hot labels [N, K].
        """
        t = self.transition_matrix(num_classes, dataset, seed)
        if self.name in FROM_SAMPLES:
            raise InputError(
                f"noise '{self.name}' needs the samples and not their labels alone: use "
                "make_noisy(dataset, noise)."
            )
        if t is None:
            raise InputError("noise 'given' draws nothing: the noisy labels come with the data.")
        rng = numpy_generator("noise", seed)
        if getattr(labels, "ndim", 0) == 2 and self.name == "label-shuffle":
            return shuffle_labels(labels, self.rate, self.draw == "exact", rng)
        labels = transition.check_labels(labels, num_classes)
        if self.draw == "bernoulli":
            return draw_each(labels, t, rng)
        if self.name.startswith("symmetric"):
            inclusive = self.name == "symmetric-inclusive"
            return draw_symmetric_count(labels, num_classes, self.rate, inclusive, rng)
        return draw_counts(labels, t, rng)


def check_rate(rate: float) -> float:
    """The rate, a fraction in [0, 1], as a float, or an `InputError`."""
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        given = shown(rate)
        raise InputError(f"noise rate {given} is not a number: rates are fractions in [0, 1].")
    if not 0 <= rate <= 1:
        hint = f" 20% is 0.2; did you mean {rate / 100:g}?" if _is_percent(rate) else ""
        given = shown(rate.item() if isinstance(rate, np.generic) else rate)
        raise InputError(f"noise rate {given} is outside [0, 1]: rates are fractions.{hint}")
    return float(rate) + 0.0  # which makes 0 of -0, so that both are one run


def _digits(rate: float) -> str:
    return np.format_float_positional(rate, trim="-")


def _is_percent(rate: object) -> bool:
    return isinstance(rate, int | float) and 1 < rate <= 100
