"""Label noise: named protocols, and what draws noisy labels from clean ones.

"50% symmetric" means three different things in the five papers, so every protocol has a name.
On the command line it is written `NAME:RATE` with the rate as a fraction, `symmetric:0.2`.

A rate r and a *replacement* matrix R (what becomes of a label once it is touched) give the
transition matrix T = (1 - r) I + r R, in the convention T[clean, noisy], rows summing to 1.
Two ways to draw from it: `bernoulli`, each label on its own, so that the realised rate varies a
little; `exact`, with the counts that T prescribes, rounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lnl_core import transition
from lnl_core.errors import InputError, shown, unknown_name
from lnl_core.noise import cifar100
from lnl_core.noise.label_shuffle import shuffle_labels
from lnl_core.noise.random_matrices import random_k_matrix, simplex_matrix
from lnl_core.streams import numpy_generator

#: Name → (takes a rate, one line for `lnl list noise`).
PROTOCOLS: dict[str, tuple[bool, str]] = {
    "none": (False, "labels as they are"),
    "symmetric": (True, "to any *other* class, uniformly (Patrini et al. 2017)"),
    "symmetric-inclusive": (
        True,
        "a random one-hot over *all* classes, so (K-1)/K of the rate really flips (Tanaka et al.)",
    ),
    "asymmetric": (True, "the dataset's own map of look-alikes"),
    "mnist-asymmetric": (True, "2→7, 3→8, 5↔6, 7→1 (Patrini et al. 2017), on any ten classes"),
    "cifar10-asymmetric": (
        True,
        "truck→automobile, bird→airplane, deer→horse, cat↔dog (Patrini et al.), on any ten classes",
    ),
    "cifar100-asymmetric": (
        True,
        "each class to the next of its superclass, circularly (Patrini et al., as printed)",
    ),
    "cifar100-consecutive": (
        True,
        "the same in fives of alphabetical neighbours, no superclasses (Patrini et al.'s code)",
    ),
    "imdb-asymmetric": (
        True,
        "1→0 at the rate, and 0→1 at 5% whatever the rate, but for 0 (Patrini et al., IMDB)",
    ),
    "uniform-simplex": (
        True,
        "to the other classes by a distribution a class, drawn at random (Jindal et al., eq. 1)",
    ),
    "random-k": (True, "the same to ten other classes a class, drawn at random (ImageNet there)"),
    "label-shuffle": (
        True,
        "the elements of the label vector in a random order, so (K-1)/K of single labels flip "
        "(Yao et al.)",
    ),
    "pseudo-label": (
        False,
        "k-means clusters of ImageNet ResNet-50 features, named as classes (Tanaka et al.)",
    ),
    "pseudo-label-standin": (
        False,
        "the same on features of a small net trained on a tenth of the data, clean (no weights)",
    ),
    "part-dependent": (
        True,
        "each sample at a rate of its own, to where projections of its pixels say, other ones for "
        "each clean class (Xia et al. 2020)",
    ),
    "part-dependent-shared": (
        True,
        "the same with one projection for all classes (Cheng et al. 2021, CORES²)",
    ),
    "matrix": (False, "a transition matrix from a file: matrix:PATH (.npy, or text, a row a line)"),
    "given": (False, "the dataset's own noisy labels (y_train_noisy)"),
}

#: Protocols whose labels depend on the samples: no matrix says all of them, and
#: `data/sample_noise.py` draws them.
FROM_SAMPLES = (
    "pseudo-label", "pseudo-label-standin", "part-dependent", "part-dependent-shared",
)  # fmt: skip

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
            replacement = _map_matrix(_asymmetric_map(self.name, dataset), num_classes, self.name)
        t = (1 - self.rate) * np.eye(num_classes) + self.rate * replacement
        for clean, (noisy, share) in _fixed_flips(self.name, dataset).items():
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
            return _draw_each(labels, t, rng)
        if self.name.startswith("symmetric"):
            return self._draw_symmetric_count(labels, num_classes, rng)
        return _draw_counts(labels, t, rng)

    def _draw_symmetric_count(
        self, labels: NDArray[np.int64], num_classes: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Touch exactly ⌈rN⌉ labels, whatever their class, as Tanaka et al.'s code does."""
        # 0.7 * 45000 is 31499.999…: the subtraction keeps such a product from rounding up twice.
        count = math.ceil(self.rate * len(labels) - 1e-9)
        touched = rng.permutation(len(labels))[:count]
        noisy = labels.copy()
        if self.name == "symmetric-inclusive":
            noisy[touched] = rng.integers(num_classes, size=count)
        else:
            shift = rng.integers(1, num_classes, size=count)
            noisy[touched] = (labels[touched] + shift) % num_classes
        return noisy


def parse_noise(text: str, draw: str = "bernoulli") -> Noise:
    """`symmetric:0.2`, `none`, `given`, `matrix:T.npy` → `Noise`; `InputError` otherwise."""
    name, _, argument = str(text).strip().partition(":")
    if name == "matrix":
        return Noise(name, matrix=_read_matrix(argument), source=argument, draw=draw)
    if not argument or name not in PROTOCOLS:
        return Noise(name, draw=draw)
    if not PROTOCOLS[name][0]:
        raise InputError(f"noise '{name}' takes no rate, got {argument!r}: leave it out.")
    try:
        rate = float(argument)
    except ValueError:
        raise InputError(
            f"noise rate {argument!r} is not a number: write {name}:0.2 for 20%."
        ) from None
    return Noise(name, rate, draw=draw)


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


def _read_matrix(path: str) -> NDArray[np.float64]:
    file = Path(path)
    if not path or not file.is_file():
        raise InputError(
            f"no transition matrix at {path!r}: give a .npy file, or a text file with one row of "
            "numbers a line, as matrix:PATH."
        )
    try:
        matrix = (
            np.load(file, allow_pickle=False)
            if file.suffix == ".npy"
            else np.loadtxt(file, delimiter="," if "," in file.read_text() else None, ndmin=2)
        )
    except Exception as error:  # whatever a damaged file makes NumPy or zipfile raise
        why = " ".join(str(error).split())
        raise InputError(
            f"{path} cannot be read as a matrix ({why}): give a .npy file of numbers, or a text "
            "file with one row a line."
        ) from None
    return matrix


def _owner(name: str, dataset: str) -> str:
    """The dataset whose map a protocol uses."""
    return dataset if name == "asymmetric" else name.removesuffix("-asymmetric")


def _fixed_flips(name: str, dataset: str) -> Mapping[int, tuple[int, float]]:
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


def _map_matrix(pairs: Mapping[int, int], num_classes: int, name: str) -> NDArray[np.float64]:
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


def _draw_each(
    labels: NDArray[np.int64], t: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """One draw a label from its class's row of T, by inverting the row's distribution."""
    threshold = np.cumsum(t, axis=1)[:, :-1]  # the last bound is 1, whatever rounding made of it
    draw = rng.random(len(labels))
    noisy = np.empty(len(labels), np.int64)
    # In blocks: ImageNet's 1.3 million labels by 999 bounds at once would fill 10 GB.
    for start in range(0, len(labels), 50_000):
        part = slice(start, start + 50_000)
        noisy[part] = (draw[part, None] >= threshold[labels[part]]).sum(axis=1)
    return noisy


def _draw_counts(
    labels: NDArray[np.int64], t: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """In each clean class, the counts that T prescribes, rounded by largest remainder."""
    noisy = labels.copy()
    for clean in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == clean))
        share = t[clean] * len(members)
        counts = np.floor(share + 1e-9).astype(int)
        rest = len(members) - counts.sum()
        counts[np.argsort(counts - share, kind="stable")[:rest]] += 1
        noisy[members] = np.repeat(np.arange(len(t)), counts)
    return noisy
