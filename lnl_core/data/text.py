"""Token ids: what the first four mean, and how reviews of any length become one tensor.

The convention is that of Keras' `imdb`, which Patrini et al. 2017 ran on. Id 3 is never used
there: Keras counts words from 1 and adds 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lnl_core.contract import takes

PAD, START, OUT_OF_VOCABULARY, FIRST_WORD = 0, 1, 2, 4


@takes(reviews=Sequence, length="whole")
def pad_left(reviews: Sequence[Sequence[int]], length: int) -> Tensor:
    """int64 [N, length]: the *last* `length` ids of each review, after so many `PAD` as it lacks.

    Keras' `pad_sequences` does the same by default. The last position is a word in every review,
    which is what the last state of an LSTM has read.
    """
    ids = np.full((len(reviews), length), PAD, np.int64)
    for row, review in zip(ids, reviews, strict=True):
        kept = review[-length:]
        row[length - len(kept) :] = kept
    return torch.from_numpy(ids)
