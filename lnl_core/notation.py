"""The symbols that the notebooks share, once, so that no two of them can disagree.

A notebook shows the rows that it uses (`lnl_core.notebook.table(notation("label", "noise"))`) and
adds its own. Where a paper writes otherwise, its notebook says so.
"""

from __future__ import annotations

from lnl_core.errors import unknown_name

#: Name → (how it is written, what it is called in the code, what it means).
SYMBOLS: dict[str, tuple[str, str, str]] = {
    "sample": ("$x$", "`x`", "a sample: an image, a vector, a sequence of words"),
    "truth": ("$y$", "`clean`", "its true label"),
    "label": (r"$\tilde y$", "`labels`", "the label that we are given, the noisy one"),
    "classes": ("$K$", "`num_classes`", "the number of classes"),
    "posterior": (r"$\hat p(y \mid x)$", "`predict(x)`", "what the network believes of the truth"),
    "noise": (
        r"$T_{ij} = p(\tilde y = j \mid y = i)$", "`transition_matrix`",
        "the noise, `T[clean, noisy]`; rows sum to 1, whatever a paper writes",
    ),
    "rate": (r"$\eta$", "`rate`", "the parameter of a noise protocol, not always the share of "
             "wrong labels"),
    "right": ("$s$", "`labels == clean`", "1 if the label is right, 0 if it is wrong"),
    "corrected": (r"$\hat y$", "`corrected_labels()`", "the label that a method puts in its place"),
    "trust": ("$t$", "`clean_probability()`", "how much a method trusts a label: larger is surer"),
    "accuracy": ("$a_t$", "`test_accuracy`", "test accuracy after epoch $t$, on true labels"),
    "memorised": ("$m$", "`memorised`", "share of the wrong training labels that the network "
                  "answers with"),
}  # fmt: skip


def notation(*names: str) -> list[dict[str, str]]:
    """The rows of those symbols, in that order: keys `symbol`, `in the code`, `meaning`.

    Raises `InputError` for a name that `SYMBOLS` does not have.
    """
    for name in names:
        if name not in SYMBOLS:
            raise unknown_name("symbol", name, SYMBOLS)
    return [
        dict(zip(("symbol", "in the code", "meaning"), SYMBOLS[name], strict=True))
        for name in names
    ]
