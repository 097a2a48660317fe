"""A generated folder in the layout of AMT and SD4: for tests, and to see that all runs beforehand.

Features are Gaussian around their breed's centre. Workers differ: each answers rightly with a
probability of its own, and otherwise anything.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lnl_core.data.amt import CROWD, FEATURES, NAMES, TRUTH
from lnl_core.streams import numpy_generator

CLASSES = ("norfolk-terrier", "norwich-terrier", "irish-wolfhound", "scottish-wolfhound")
#: How reliable workers are, from the worst to the best.
RELIABILITY = (0.4, 0.9)


def write_amt(
    folder: Path, items: int = 120, answers: int = 9, features: int = 40, seed: int = 0
) -> None:
    """Write the four files, with so many answers an item, by as many workers of twice that."""
    rng = numpy_generator("amt-folder", seed)
    truth = rng.permutation(np.arange(items) % len(CLASSES))
    centres = rng.normal(size=(len(CLASSES), features))
    x = centres[truth] + rng.normal(size=(items, features))
    reliable = rng.uniform(*RELIABILITY, 2 * answers)
    crowd = []
    for item in range(items):
        for worker in rng.permutation(len(reliable))[:answers]:
            right = rng.random() < reliable[worker]
            label = truth[item] if right else rng.integers(len(CLASSES))
            crowd.append(f"{item + 1}\t{worker + 1}\t{label + 1}")
    folder.mkdir(parents=True)
    _write(folder / CROWD, crowd)
    _write(folder / TRUTH, [f"{item + 1}\t{label + 1}" for item, label in enumerate(truth)])
    _write(folder / NAMES, list(CLASSES))
    np.save(folder / FEATURES, x.astype(np.float32))


def _write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
