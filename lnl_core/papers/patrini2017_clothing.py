"""Patrini et al. 2017, Section 5.3: Clothing1M, how its networks were trained, Table 3, its claims.

Settings as printed: "SGD with learning rate 10⁻³ and 10⁻⁴ for 5 epochs each, 0.9 momentum, and
batch size 32. When we train with 50k we use weight decay of 5·10⁻² and data augmentation, while
with 1M we use only weight decay of 10⁻³." The authors' code has nothing of it: `text` is the only
protocol.

Where the text is silent:

- Size of the pictures: 256 x 256 of which the net sees 224 x 224, the central ones in evaluation,
  with ImageNet's means and deviations, as was usual with a net pre-trained on it.
- "Data augmentation": a random window and a flip. Of Xiao et al.'s Section 5.3 says "same as in
  Section 5.1 for CIFAR-10", crops after padding with 4 pixels: that is `augmentation="crop-flip"`.
- What is decayed: every parameter.
- Which epoch is reported: the best on the 14k for validation, whose labels are clean.
- T: from the pictures of the 50k that have both labels, 24,637 of 47,570.

Rows #1 to #3, two AlexNets, are Xiao et al.'s results, quoted and not run.
"""

from __future__ import annotations

from dataclasses import replace

from lnl_core.config import TrainConfig
from lnl_core.ledger.published import read_published
from lnl_core.papers.spec import Claim, Means, Table

_NOISY = TrainConfig(
    epochs=10, batch_size=32, optimizer="sgd", lr=1e-3, momentum=0.9, weight_decay=1e-3,
    schedule="step", lr_drops=(5,), preprocess="imagenet", train_eval=2000,
)  # fmt: skip
_TRUSTED = replace(_NOISY, weight_decay=5e-2, augmentation="window-flip")

CLOTHING_SETTINGS: dict[str, dict] = {
    "text": {
        "net": "resnet50",
        "net_options": {"pretrained": True},
        "train": _NOISY,
        "stages": {"trusted": _TRUSTED},
    },
}

#: The rows that are run: method → the printed number.
ROWS = {
    "cross-entropy": "4", "backward": "5", "forward": "6", "clean-only": "7",
    "forward-fine-tuned": "8",
}  # fmt: skip

CLOTHING_TABLE = Table(
    paper="patrini2017",
    name="table3",
    title="Table 3, Clothing1M, ResNet-50 (#4 to #8; #1 to #3 are quoted from Xiao et al. 2015)",
    data="clothing1m",
    smoke="shapes-folder",
    methods=tuple(ROWS),
    columns=("given",),
    selection="best_val_clean",
    runs=1,
    rows=ROWS,
)


def clothing_claims() -> tuple[Claim, ...]:
    """What Section 5.3 says of Table 3."""
    return (
        _better("both corrections work better than cross-entropy", "cross-entropy", "forward"),
        _better("both corrections work better than cross-entropy", "cross-entropy", "backward"),
        _better("no correction is enough without the clean labels", "forward", "clean-only"),
        _better("the noisy images are essential", "clean-only", "forward-fine-tuned"),
        Claim(
            "table3",
            "Section 5.3: #8 is above Xiao et al.'s #3 by more than 2 points",
            (("forward-fine-tuned", "given"),),
            lambda means: means["forward-fine-tuned", "given"] - _quoted("3") > 2,
        ),
    )


def _better(text: str, worse: str, better: str) -> Claim:
    def check(means: Means) -> bool:
        return means[better, "given"] > means[worse, "given"]

    return Claim(
        "table3",
        f"Section 5.3: {text} (#{ROWS[better]} above #{ROWS[worse]})",
        ((better, "given"), (worse, "given")),
        check,
    )


def _quoted(row: str) -> float:
    """A row that the paper quotes, as printed."""
    (value,) = (
        published.value
        for published in read_published("patrini2017")
        if published.table == "table3" and f"row={row}" in published.setting.split(";")
    )
    return value
