"""Jindal et al. 2019, Tables 3 and 4: ImageNet and Clothing1M, their settings and claims.

What the text leaves open:

- ImageNet: learning rate, schedule, number of epochs and weight decay. Ours: 0.001 for 10 epochs,
  a tenth of it for the last 3, weight decay 5·10⁻⁴, MatConvNet's own. No augmentation is named.
- Clothing1M: "similar to [Patrini et al.] we train the network with different weight-decay
  parameter depending on the training dataset size": their settings, with batches of 100.
- Which epoch is reported: the last one on ImageNet, whose validation images are tested on. On
  Clothing1M, which has clean labels to choose by, the best one on those, as in Patrini et al.

Table 4: #1 and #2 are Xiao et al.'s and were copied. #4 and #5 are Patrini et al.'s numbers and #6
is Tanaka et al.'s, here run with this paper's batches and their own methods.
"""

from __future__ import annotations

from dataclasses import replace

from lnl_core.config import TrainConfig
from lnl_core.papers import patrini2017_clothing
from lnl_core.papers.spec import Claim, Table, errs_less

IMAGENET_SETTINGS: dict[str, dict] = {
    "text": {
        "net": "alexnet",
        "net_options": {"pretrained": True, "frozen": 4},
        "train": TrainConfig(
            epochs=10, batch_size=100, optimizer="sgd", lr=1e-3, momentum=0.9, weight_decay=5e-4,
            schedule="step", lr_drops=(7,), preprocess="imagenet", train_eval=2000,
        ),
        "val_fraction": 0.0,
    },
}  # fmt: skip

_PATRINI = patrini2017_clothing.CLOTHING_SETTINGS["text"]
CLOTHING_SETTINGS: dict[str, dict] = {
    "text": _PATRINI
    | {
        "train": replace(_PATRINI["train"], batch_size=100),
        "stages": {
            stage: replace(train, batch_size=100) for stage, train in _PATRINI["stages"].items()
        },
    },
}

IMAGENET_TABLE = Table(
    paper="jindal2019",
    name="table3",
    title="Table 3, ImageNet, AlexNet with four frozen blocks, top-5",
    data="imagenet",
    methods=("cross-entropy", "trace", "nnaqc", "nnaqc-dropout"),
    columns=("random-k:0", "random-k:0.1", "random-k:0.5"),
    selection="last",
    runs=1,
    metric="top5-error",
    smoke="shapes",
    marks=False,
)

#: The rows of Table 4 that are run: method → the printed number.
ROWS = {
    "clean-only": "3", "forward": "4", "forward-fine-tuned": "5", "joint": "6",
    "nnaqc-clean-only": "7", "nnaqc": "8", "nnaqc-with-clean": "9", "nnaqc-fine-tuned": "10",
}  # fmt: skip

CLOTHING_TABLE = Table(
    paper="jindal2019",
    name="table4",
    title="Table 4, Clothing1M, ResNet-50 (#1 and #2 are copied in the paper)",
    data="clothing1m",
    methods=tuple(ROWS),
    columns=("given",),
    selection="best_val_clean",
    runs=1,
    metric="error",
    smoke="shapes-folder",
    marks=False,
    rows=ROWS,
)


def large_claims() -> tuple[Claim, ...]:
    """What Sections 4.2 and 4.3 say of the two tables."""
    clean, half, given = "random-k:0", "random-k:0.5", "given"
    imagenet, clothing = "Section 4.2, ImageNet", "Section 4.3"
    return (
        Claim(
            "table3",
            f"{imagenet}: without noise a slight gain over the base model, perhaps with dropout",
            tuple((method, clean) for method in ("cross-entropy", "nnaqc", "nnaqc-dropout")),
            lambda means: (
                min(means["nnaqc", clean], means["nnaqc-dropout", clean])
                < means["cross-entropy", clean]
            ),
        ),
        errs_less("table3", "nnaqc", "cross-entropy", half, points=5, text=imagenet),
        errs_less("table3", "nnaqc-dropout", "nnaqc", half, text=imagenet),
        errs_less("table4", "nnaqc-clean-only", "clean-only", given, text=f"{clothing}, #7 and #3"),
        errs_less("table4", "nnaqc", "forward", given, points=2, text=f"{clothing}, #8 and #4"),
        errs_less(
            "table4", "nnaqc-with-clean", "nnaqc", given, points=2, text=f"{clothing}, #9 and #8"
        ),
        Claim(
            "table4",
            f"{clothing}: #10 outperforms all the methods in Table 4",
            tuple((method, given) for method in ROWS),
            lambda means: all(
                means["nnaqc-fine-tuned", given] < means[method, given]
                for method in ROWS
                if method != "nnaqc-fine-tuned"
            ),
        ),
    )
