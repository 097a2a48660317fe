"""The names of label noise, and what each says.

"50% symmetric" means three different things in the five papers, so every protocol has a name.
On the command line it is written `NAME:RATE` with the rate as a fraction, `symmetric:0.2`.
"""

from __future__ import annotations

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
