"""Losses as pure functions, each beside the paper that it is from.

The losses of one label a sample are here by name; `soft` has those of label distributions,
`multi_label` those of label vectors, `noise_layers` and `quality_embedding` what those two families
are made of. Each says by `@takes(...)` what it takes (`contract.py`), and refuses anything else.
"""

from lnl_core.losses.per_sample import (
    BASE_LOSSES,
    BaseLoss,
    backward_corrected,
    binary_cross_entropy,
    bootstrap_hard,
    bootstrap_soft,
    cross_entropy,
    forward_corrected,
    log_loss,
    negative_log_likelihood,
    noisy_log_posterior,
    savage,
    sigmoid,
    square_loss,
    unhinged,
)

__all__ = [
    "BASE_LOSSES",
    "BaseLoss",
    "backward_corrected",
    "binary_cross_entropy",
    "bootstrap_hard",
    "bootstrap_soft",
    "cross_entropy",
    "forward_corrected",
    "log_loss",
    "negative_log_likelihood",
    "noisy_log_posterior",
    "savage",
    "sigmoid",
    "square_loss",
    "unhinged",
]
