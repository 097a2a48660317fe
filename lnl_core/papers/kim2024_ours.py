"""The story of Kim et al. 2024 at a size for a CPU: tables of our own, on digits and on shapes.

Nobody published a number for them, so none is judged: they show whether what the paper says of
CIFAR also holds for a small network on a small task. The schedule is the paper's shape, a cosine
without restart and a warm-up at the start (of a quarter of the epochs at most: what each method
does by itself); rate, batch and epochs are ours. All methods have the same training but for
what `_ADAPTED` says, and the options that their papers give for a noise. Digits are not augmented
but in the strong view. Shapes are flipped and no more: the usual crop cuts outlines off, and only
the outline tells a shape from its look-alike. With shifts as well the network memorises one wrong
label in twenty, and plain training has 94% with half of the labels drawn anew: there would be
nothing to mend.

`cifar10-short` is a first look at the paper's data, labelled as what it is. `figure5-*` are Figure
5's curves at their end, on the paper's data, and `table7` is Table 7's first column: both have no
printed number that a verdict could rest on, a curve being no table and "seconds" those of a
machine that the paper does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from lnl_core.config import TrainConfig
from lnl_core.noise import Noise
from lnl_core.papers.kim2024_settings import FLYWHEELS, options_of
from lnl_core.papers.kim2024_tables import ROWS, SYMMETRIC
from lnl_core.papers.kim2024_training import early
from lnl_core.papers.spec import Setting, Study, Table, Variant

METHODS = (
    "cross-entropy", "mixup", "forward-estimated", "co-teaching-plus", "elr", "dividemix", "unicon",
    *FLYWHEELS,
)  # fmt: skip
#: The other rows of the paper's tables, in print's order, and two that they are measured against.
FIELD = tuple(
    dict.fromkeys(
        method
        for rows in (*ROWS.values(), ("co-teaching", "elr-plus"))
        for method in rows
        if method not in METHODS
    )
)
#: Of those, the ones that compare views of an image, and so have something to gain on images.
VIEWERS = ("moit", "sel-cl-plus", "instancegm", "ngc")
#: Of those, the ones that train an embedding in which two views of a sample are to be near.
COMPARERS = ("ngc", "moit", "sel-cl-plus")
#: Epochs of a first look at CIFAR-10 on a GPU, a fifth of the paper's.
SHORT = 60
#: Those that judge labels and replace them: Figure 5.
JUDGES = ("dividemix", "unicon", "flywheel")
COLUMNS = (
    "symmetric-inclusive:0.2", "symmetric-inclusive:0.5", "symmetric-inclusive:0.8",
    "asymmetric:0.4", "part-dependent:0.4",
)  # fmt: skip
_DATA: dict[str, dict[str, Any]] = {
    "digits": {
        "net": "mlp",
        "train": TrainConfig(
            epochs=60, batch_size=64, lr=0.05, weight_decay=5e-4, schedule="cosine",
            preprocess="unit",
        ),
    },
    "shapes": {
        "net": "small-cnn",
        "train": TrainConfig(
            epochs=30, batch_size=32, lr=0.05, weight_decay=5e-4, schedule="cosine",
            preprocess="standardise", augmentation="flip", train_eval=1000,
        ),
    },
}  # fmt: skip


def _by_noise(train: TrainConfig) -> Callable[[str, Noise], dict[str, Any]]:
    def by_noise(method: str, noise: Noise) -> dict[str, Any]:
        own = _ADAPTED.get(method, lambda train: {})(train)
        return own | {"options": options_of(method, noise) | own.get("options", {})}

    return by_noise


def _t_revision(train: TrainConfig) -> dict[str, Any]:
    """For T̂ a tenth of the epochs that reweighting has, as the authors' code has 20 to 200: with as
    many, the network memorises noisy labels before T̂ is read off it. ΔT learns at the rate at which
    it can go as far as there, in 200 epochs of 352 updates of Adam at 5e-7.
    """
    return {
        "options": {"rate": 6e-4},
        "stages": {
            "estimate": early(train),
            "revise": replace(train, optimizer="adam", schedule="constant"),
        },
    }


def _iterative_cv(train: TrainConfig) -> dict[str, Any]:
    """A quarter of the epochs for each half, as the authors' code has 50 to 200."""
    folds = [f"fold-{turn}{half}" for turn in range(1, 5) for half in "ab"]
    return {"stages": dict.fromkeys(folds, replace(train, epochs=max(1, train.epochs // 4)))}


#: What is otherwise for a method where its defaults are those of another schedule.
_ADAPTED: dict[str, Callable[[TrainConfig], dict[str, Any]]] = {
    "t-revision": _t_revision,
    # Nothing is held out, which would tell when wrong labels begin to be learned by heart. After
    # these epochs they do on digits, and before them a network knows too little of shapes: T̂ is at
    # its best about there.
    "forward-estimated": lambda train: {"stages": {"estimate": replace(early(train), epochs=6)}},
    "iterative-cv": _iterative_cv,
    # Half the network's rate, as in the authors' code.
    "kmeidtm": lambda train: {"options": {"rate": train.lr / 2}},
    # Its 30 epochs for asymmetric noise are of 300.
    "ngc": lambda train: {"options": {"warm_up": 5}},
}

#: As `SETTINGS`, for the tables below alone: whoever else trains on these data is not concerned.
OWN_SETTINGS = {
    data: {"ours": own | {"val_fraction": 0.0, "by_noise": _by_noise(own["train"])}}
    for data, own in _DATA.items()
}

_FIGURE5 = (
    ("auc", "selection-auc", "clean from wrong labels, area under the curve"),
    ("refurbished", "recovery-accuracy", "accuracy of the refurbished labels"),
)


def _table(name: str, title: str, data: str, **given: Any) -> Table:
    return Table(
        paper="kim2024", name=name, title=title, data=data, marks=False,
        **{"methods": METHODS, "columns": COLUMNS, "selection": "last", "runs": 3} | given,
    )  # fmt: skip


_FIELDS = {"digits": (FIELD, ""), "shapes": (VIEWERS, " that compares views of an image")}


def _own() -> Iterator[Table]:
    for data in _DATA:
        own = {"smoke": data}
        words = f"{data.capitalize()}, the flywheel and its rivals: test accuracy, last"
        yield _table(data, words, data, **own)
        field, whom = _FIELDS[data]
        words = f"{data.capitalize()}, the rest of the field{whom}: test accuracy, last"
        yield _table(f"{data}-field", words, data, methods=field, **own)
        for suffix, metric, words in _FIGURE5:
            yield _table(
                f"{data}-{suffix}", f"{data.capitalize()}, Figure 5's end: {words}", data,
                methods=JUDGES, metric=metric, **own,
            )  # fmt: skip


def _figure5() -> Iterator[Table]:
    for suffix, metric, words in _FIGURE5:
        yield _table(
            f"figure5-{suffix}", f"Figure 5's end, CIFAR-10 with 90% symmetric noise: {words}",
            "cifar10", methods=JUDGES, columns=("symmetric-inclusive:0.9",), metric=metric, runs=1,
            smoke="shapes",
        )  # fmt: skip


def _short() -> Table:
    epochs = {"epochs": SHORT}
    columns = {c: Setting(c, changes=epochs) for c in SYMMETRIC if c.endswith((":0.5", ":0.9"))}
    return _table(
        "cifar10-short",
        f"Table 1's question on CIFAR-10 in {SHORT} epochs, every schedule squeezed into them",
        "cifar10", methods=("cross-entropy", "elr", "dividemix", "flywheel"),
        columns=tuple(columns), settings=columns, runs=1, smoke="shapes",
    )  # fmt: skip


def _table7() -> Table:
    return _table(
        "table7",
        "Table 7, CIFAR-10: seconds an epoch, on whatever machine a run was; `python -m "
        "benchmarks.methods` times training and inference side by side, beside the paper's ratios",
        "cifar10", methods=JUDGES, columns=("symmetric-inclusive:0.5",), metric="seconds", runs=1,
        smoke="shapes",
    )  # fmt: skip


OWN_TABLES: tuple[Table, ...] = (*_own(), *_figure5(), _short(), _table7())


#: What the paper does not say, one choice at a time, and the two together that DivideMix and the
#: regulariser's own authors would have made.
_THEIRS = {"mixup": 4.0, "floor": 1e-8}
_CHOSEN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("MixUp of 4, not 0.5", {"mixup": _THEIRS["mixup"]}),
    ("log(g + 1e-8) in η, not log(g + 0.001)", {"floor": _THEIRS["floor"]}),
    ("both", _THEIRS),
)
_CHOICES = (
    *_CHOSEN,
    ("MixUp of 1", {"mixup": 1.0}),
    ("warm-up of 4 epochs", {"warm_up": 4}),
    ("p_data(ŷ) uniform", {"prior": "uniform"}),
    ("λ of 1, not 3", {"regularisation": 1.0}),
    # On digits, which are not augmented, this changes nothing: a control.
    ("the main network sees plain samples", {"main_view": "plain"}),
)
_TEMPERATURE = ("temperature of 0.5, not 0.05", {"temperature": 0.5})


def _choices(
    columns: tuple[str, ...], choices: tuple[tuple[str, dict[str, Any]], ...], method: str
) -> Iterator[Variant]:
    for column in columns:
        for label, options in choices:
            yield Variant(label, method, column, {"options": options})


def _studies() -> Iterator[Study]:
    """Without the contrastive term, which costs three quarters of the time, but where it is what is
    varied."""
    tables = {table.name: table for table in OWN_TABLES}
    columns, without = ("symmetric-inclusive:0.8", "asymmetric:0.4"), "flywheel-no-cl"
    digits = (
        *_choices(columns, _CHOICES, without),
        *_choices(columns, (_TEMPERATURE,), "flywheel"),
    )
    shapes = _choices(("symmetric-inclusive:0.5",), _CHOICES, without)
    # Whether what was chosen on digits and shapes carries over to the paper's data.
    cifar10 = _choices(("symmetric-inclusive:0.5",), _CHOSEN, "flywheel")
    for base, data, variants in (
        ("digits", "Digits", digits),
        ("shapes", "Shapes", tuple(shapes)),
        ("cifar10-short", f"CIFAR-10 in {SHORT} epochs", tuple(cifar10)),
    ):
        title = f"{data}: what the paper of the flywheel does not say"
        yield Study(tables[base], f"choices-{base}", title, variants)
    yield Study(
        tables["shapes-field"],
        "views-shapes",
        "Shapes: the view that a sample is compared with",
        tuple(
            Variant(label, method, "symmetric-inclusive:0.5", {"options": options})
            for label, options, methods in (
                # A shear makes an ellipse of a circle, and only the outline says which it was.
                ("the second view weak, not RandAugment", {"view": "weak"}, COMPARERS),
                ("nothing compared", {"weight": 0.0}, ("ngc",)),
            )
            for method in methods
        ),
    )


STUDIES: tuple[Study, ...] = tuple(_studies())
