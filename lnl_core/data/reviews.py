"""`reviews`: generated film reviews, two classes, for text without a download.

No licence, no file. A review is a handful of clauses: what was seen and with whom, which says
nothing of the opinion, and three or five opinions, of which the majority decides the class.
Three reviews in ten hold one opinion of the other kind, and 15% of all opinions are said by
denying their opposite ("not dull at all"), so that a word alone misleads. Logistic regression on
counts of words reaches 89%, the net `word-embedding` 91%.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.text import FIRST_WORD, pad_left
from lnl_core.streams import numpy_generator

LENGTH = 40
CLASSES = ("negative", "positive")
#: Share of reviews with one opinion of the other kind; of opinions that deny their opposite.
MIXED, DENIED_SHARE = 0.3, 0.15

THINGS = (
    "acting", "camera", "cast", "costumes", "dialogue", "director", "ending", "film", "hero",
    "humour", "music", "pace", "plot", "script", "story", "villain",
)  # fmt: skip
#: By class: words of that opinion.
WORDS = (
    ("awful", "boring", "cheap", "clumsy", "dull", "empty", "flat", "noisy", "poor", "silly"),
    ("brilliant", "clever", "fine", "fresh", "funny", "moving", "rich", "sharp", "smart", "warm"),
)  # fmt: skip
#: How an opinion is put; `{}` is the thing, then the word.
PLAIN = ("the {} was {}", "the {} is really {}", "i found the {} very {}", "such a {} {}")
DENIED = ("the {} was not {}", "the {} is never {}", "i found the {} not {} at all")
JOINTS = ("", "", "", "and", "but", "although", "then")
#: Sentences without an opinion, with what may stand in their gap.
FILLER = (
    ("we saw it on a {} evening", ("rainy", "sunday", "winter", "summer", "quiet", "spring")),
    ("my {} took me there", ("brother", "sister", "friend", "uncle", "aunt", "neighbour")),
    ("it is set in {}", ("paris", "london", "texas", "japan", "space", "venice")),
    ("a {} plays the lead", ("newcomer", "dancer", "singer", "stranger", "comedian", "child")),
    ("it runs for {} hours", ("two", "three", "four")),
    ("the cinema was half {}", ("full", "asleep", "deserted")),
)  # fmt: skip


@takes(n_train="whole", n_test="whole", seed="seed")
def make_reviews(n_train: int = 1500, n_test: int = 500, seed: int = 0) -> Dataset:
    """The dataset; the same arguments give the same words. Balanced but for rounding."""
    (x_train, y_train), (x_test, y_test) = (
        _draw(count, numpy_generator(f"reviews-{split}", seed))
        for split, count in (("train", n_train), ("test", n_test))
    )
    return Dataset(
        "reviews", x_train, y_train, x_test, y_test, CLASSES,
        f"generated, reviews version 1, {seed=}", vocabulary=FIRST_WORD + len(VOCABULARY),
    )  # fmt: skip


@takes(ids="int L")
def read(ids: Tensor) -> str:
    """The words of one review [L]."""
    return " ".join(VOCABULARY[i - FIRST_WORD] for i in ids.tolist() if i >= FIRST_WORD)


def _draw(count: int, rng: Generator) -> tuple[Tensor, Tensor]:
    labels = rng.permutation(count) % len(CLASSES)
    reviews = [_review(label, rng) for label in labels]
    return pad_left(reviews, LENGTH), torch.from_numpy(labels)


def _review(label: int, rng: Generator) -> list[int]:
    sides = [label] * (3 if rng.random() < 0.5 else 5)
    if rng.random() < MIXED:
        sides[rng.integers(len(sides))] = 1 - label
    clauses = [_opinion(side, rng) for side in sides]
    for _ in range(rng.integers(1, 4)):
        sentence, gap = _one(FILLER, rng)
        clauses.insert(rng.integers(len(clauses) + 1), sentence.format(_one(gap, rng)))
    words = " ".join(f"{_one(JOINTS, rng)} {clause}" for clause in clauses).split()
    return [IDS[word] for word in words]


def _opinion(side: int, rng: Generator) -> str:
    thing, denied = _one(THINGS, rng), rng.random() < DENIED_SHARE
    word = _one(WORDS[1 - side if denied else side], rng)
    frame = _one(DENIED if denied else PLAIN, rng)
    return frame.format(word, thing) if frame.startswith("such") else frame.format(thing, word)


def _one(choices: tuple, rng: Generator) -> Any:
    return choices[rng.integers(len(choices))]


_GAPS = [word for _, gap in FILLER for word in gap]
_TEXT = (
    *THINGS,
    *WORDS[0],
    *WORDS[1],
    *PLAIN,
    *DENIED,
    *JOINTS,
    *_GAPS,
    *(text for text, _ in FILLER),
)
#: Every word there is; the id of a word is its place here plus `FIRST_WORD`.
VOCABULARY = tuple(sorted({word for text in _TEXT for word in text.split()} - {"{}"}))
IDS = {word: FIRST_WORD + place for place, word in enumerate(VOCABULARY)}
