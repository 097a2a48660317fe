"""Cross-entropy, the baseline of every table: what `Method` is when nothing is overridden."""

from lnl_core.methods.base import Method


class CrossEntropy(Method):
    """Cross-entropy (Patrini et al., eq. 1); for multi-label data a logistic loss a label."""

    multi_label = True
    stacks = True
