"""Patrini et al. 2017: how the networks were trained (Section 5.1), Table 2, and its claims.

`text` is the paper as printed; `code` is what the authors' public code does, which produced the
published tables. They differ.
"""

from __future__ import annotations

from lnl_core.config import TrainConfig
from lnl_core.papers.spec import Claim, Table, beats

_MNIST_TRAINING = TrainConfig(
    epochs=40, batch_size=128, optimizer="adagrad", lr=0.01, epsilon=1e-6, preprocess="unit"
)

#: Dataset → protocol → keywords of `RunConfig`, `options` by method. The first protocol of a
#: dataset is the default.
SETTINGS: dict[str, dict[str, dict]] = {
    "mnist": {
        # Dropout 0.2, and Keras 2.0's he_normal in every layer, the output's as well.
        "code": {
            "net": "mlp",
            "net_options": {"dropout": 0.2, "init": "keras"},
            "train": _MNIST_TRAINING,
            "options": {
                "backward": {"clip": 1e-7},
                "backward-estimated": {"clip": 1e-7, "view_bug": True},
                "forward-estimated": {"view_bug": True},
            },
        },
        # Dropout 0.5, and U[-0.05, 0.05] for the layer that no ReLU follows.
        "text": {
            "net": "mlp",
            "net_options": {"dropout": 0.5, "init": "text"},
            "train": _MNIST_TRAINING,
        },
    },
    "cifar10": {
        "text": {
            "net": "resnet14",
            "net_options": {"init": "text"},
            "train": TrainConfig(
                epochs=120, batch_size=128, optimizer="sgd", lr=0.01, momentum=0.9,
                weight_decay=1e-4, schedule="step", lr_drops=(40, 80), preprocess="pixel-mean",
                augmentation="crop-flip",
            ),
        },
    },
}  # fmt: skip

_METHODS = (
    "cross-entropy", "unhinged", "sigmoid", "savage", "bootstrap-soft", "bootstrap-hard",
    "backward", "backward-estimated", "forward", "forward-estimated",
)  # fmt: skip

TABLES = (
    Table(
        paper="patrini2017",
        name="table2-mnist",
        title="Table 2, MNIST, fully connected network",
        data="mnist",
        methods=_METHODS,
        columns=("none", "symmetric:0.2", "asymmetric:0.2", "asymmetric:0.6"),
        selection="best_val",
        runs=5,
    ),
)

_HARD = "asymmetric:0.6"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "table2-mnist",
        "Section 5.2 (b): at low asymmetric noise, cross-entropy and forward correction are "
        "within a point of each other",
        (("cross-entropy", "asymmetric:0.2"), ("forward", "asymmetric:0.2")),
        lambda means: (
            abs(means["forward", "asymmetric:0.2"] - means["cross-entropy", "asymmetric:0.2"])
            <= 1.0
        ),
    ),
    beats("table2-mnist", "forward", "cross-entropy", _HARD, points=30),
    beats("table2-mnist", "forward", "backward", _HARD),
)
