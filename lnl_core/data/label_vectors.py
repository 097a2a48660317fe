"""`digits-vectors`: scikit-learn's digits as Yao et al. 2018 have AMT and SD4."""

from __future__ import annotations

import torch

from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.noise.label_shuffle import shuffle_labels
from lnl_core.streams import numpy_generator

#: How a run's record says that it saw this dataset.
DIGITS_VECTORS = "scikit-learn load_digits, as feature vectors with label vectors"
#: The share of label vectors that are shuffled in the noisy labels that come with the data.
NOISE = 0.4


@takes(digits=Dataset)
def as_vectors(digits: Dataset) -> Dataset:
    """The digits as feature vectors [N, 64] in [0, 1], each with a label vector of one label."""
    features = [x.flatten(1).float() / 255 for x in (digits.x_train, digits.x_test)]
    one_hot = torch.eye(digits.num_classes, dtype=torch.uint8)
    train, test = one_hot[digits.y_train], one_hot[digits.y_test]
    noisy = shuffle_labels(train.numpy(), NOISE, False, numpy_generator("digits-vectors-noise", 0))
    return Dataset(
        "digits-vectors", features[0], train, features[1], test, digits.classes, DIGITS_VECTORS,
        y_train_noisy=torch.from_numpy(noisy),
    )  # fmt: skip
