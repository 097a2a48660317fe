"""Functions that check by themselves, and what each of them must refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from training_helpers import random_dataset

from lnl_core import (
    Dataset,
    Noise,
    RunConfig,
    Seeds,
    TrainConfig,
    configure,
    load_dataset,
    make_noisy,
    parse_noise,
    transition,
)
from lnl_core.crops import check_crops
from lnl_core.cross_validation import choose, trials
from lnl_core.ledger.measures import measured
from lnl_core.ledger.published import read_published
from lnl_core.measures.average_precision import average_precision
from lnl_core.measures.calibration import reliability
from lnl_core.measures.matrix_error import row_error
from lnl_core.measures.selection import select
from lnl_core.methods import options
from lnl_core.nets import build_net
from lnl_core.noise import check_rate
from lnl_core.noise.label_shuffle import shuffle_labels
from lnl_core.plots import learning_curves
from lnl_core.streams import check_seed

NAN = float("nan")
X, Y = torch.rand(6, 4), torch.arange(6) % 3
IMAGES = torch.zeros(6, 1, 4, 4, dtype=torch.uint8)
LABELS = np.arange(6) % 3
EYE = np.eye(3)
NO_MATRICES = (
    None, "text", 3, 10**400, [], [[1, 2]], [[0.5, 0.5], [1]], EYE * NAN, -EYE, 2 * EYE, EYE[:2],
    EYE * 1j, torch.eye(3, requires_grad=True),
)  # fmt: skip
NO_LABELS = (
    None, 3, "text", LABELS * 1.0, LABELS.astype(str), LABELS - 1, LABELS + 9, EYE, [[0], [1, 2]],
)  # fmt: skip


def dataset(**changes) -> Dataset:
    """Six vectors of three classes, with changes."""
    fields = {"x_train": X, "y_train": Y, "x_test": X[:3], "y_test": Y[:3]} | changes
    return Dataset("own", classes=fields.pop("classes", ("a", "b", "c")), source="here", **fields)


def given(function: Callable, values, *before, **named) -> list[Callable]:
    """One call a value, in the place behind `before`."""
    return [lambda value=value: function(*before, value, **named) for value in values]


def set_to(function: Callable, *before, **fields) -> list[Callable]:
    """One call a value of each field."""
    return [
        lambda name=name, value=value: function(*before, **{name: value})
        for name, values in fields.items()
        for value in values
    ]


def config(**changes) -> RunConfig:
    return RunConfig(**{"method": "forward"} | changes)


HUGE = (10**19, 10**400, 10**5000)  # the last one is more than Python writes out
NO_WHOLE = (0, -1, 2.5, "3", None, True, NAN, [1])
NO_NUMBER = ("much", None, True, NAN, float("inf"), [1.0], 1j, np.complex64(0.2), *HUGE[1:])
NO_NAME = ("nothing", "", 3, None, ["sgd"])

BORDERS: dict[str, list[Callable]] = {
    "transition.check_matrix": [
        *given(transition.check_matrix, NO_MATRICES),
        *given(transition.check_matrix, (4, 2), EYE),
    ],
    "transition.inverse": given(transition.inverse, (*NO_MATRICES, np.full((3, 3), 1 / 3))),
    "transition.check_labels": [lambda v=v: transition.check_labels(v, 3) for v in NO_LABELS],
    "transition.realised_matrix": [
        *[lambda v=v: transition.realised_matrix(v, LABELS, 3) for v in NO_LABELS],
        *[lambda v=v: transition.realised_matrix(LABELS, v, 3) for v in (*NO_LABELS, LABELS[:5])],
    ],
    "transition.estimate": [
        *given(transition.estimate, (None, "text", [], LABELS, EYE * NAN, -EYE)),
        *given(transition.estimate, (0, -1, 101, NAN, "97", [97], *HUGE), EYE),
    ],
    "noise.noise.check_rate": given(check_rate, (-0.1, 1.1, 20, *NO_NUMBER)),
    "noise.parse.parse_noise": given(
        parse_noise,
        ("", "symetric:0.2", "symmetric", "symmetric:much", "symmetric:nan", "symmetric:20",
         "none:0.2", "matrix", "matrix:nowhere.npy", "matrix:/dev/null", None, 3, ["symmetric"]),
    ),
    "noise.noise.Noise": [
        *given(Noise, NO_NAME), *given(Noise, (None, *NO_NUMBER, 2, -1), "symmetric"),
        *set_to(Noise, "none", draw=NO_NAME, rate=(0.2,)),
        *[lambda v=v: Noise("matrix", matrix=v) for v in NO_MATRICES],
    ],
    "noise.noise.Noise.corrupt": [
        *[lambda v=v: Noise("symmetric", 0.2).corrupt(v, 3, 0) for v in NO_LABELS],
        *[lambda v=v: Noise("symmetric", 0.2).corrupt(LABELS, 3, v) for v in (-1, 2**32, 0.5, "0")],
        lambda: Noise("given").corrupt(LABELS, 3, 0),
        lambda: Noise("asymmetric", 0.2).corrupt(LABELS, 3, 0, "unheard-of"),
        lambda: Noise("mnist-asymmetric", 0.2).corrupt(LABELS, 3, 0),
        lambda: Noise("part-dependent", 0.2).corrupt(LABELS, 3, 0),
    ],
    "noise.label_shuffle.shuffle_labels": [
        lambda: shuffle_labels(EYE.astype(int), 0.5, True, np.random.RandomState(0)),
    ],
    "streams.check_seed": given(check_seed, (-1, 2**32, 2**64, 0.5, "0", None, True, NAN, [0])),
    "config.Seeds": set_to(Seeds, **dict.fromkeys(
        ("noise", "split", "init", "order"), (-1, 2**32, 2**64, 0.5, "0", None, True)
    )),
    "config.TrainConfig": set_to(
        TrainConfig,
        **dict.fromkeys(
            ("epochs", "batch_size", "train_eval", "epoch_batches"), (*NO_WHOLE, *HUGE)
        ),
        **dict.fromkeys(
            ("optimizer", "schedule", "preprocess", "augmentation", "epoch_length", "decay",
             "precision"), NO_NAME,
        ),
        **dict.fromkeys(("lr", "epsilon", "lr_gamma"), (0, -1, 1e300, *NO_NUMBER)),
        momentum=(1, -0.1, *NO_NUMBER), weight_decay=(-1, *NO_NUMBER), lr_min=(-1, 9, *NO_NUMBER),
        lr_drops=(3, "3", None, (0,), (1.5,), ("3",)), lr_period=(0, -1, 1.5, "3", True, *HUGE),
        nesterov=(1, "yes", None), penalised_val_loss=(1, "yes", None),
        test_crops=(0, 2, 6, "6", None, True),
    ),
    "config.RunConfig": set_to(
        config,
        **dict.fromkeys(("method", "data", "net", "profile"), (3, None, ["mlp"], b"mlp")),
        noise=("symmetric:0.2", None, 3), train=({}, None, 3), seeds=(0, None, {}),
        stages=(None, 3, {"train": {}}, []), options=(None, [], 3), net_options=(None, [], 3),
        val_fraction=("0.1", None, True), limit=("3", 2.5, True), paper=(3,), protocol=(3,),
    ),
    "profiles.configure": [
        *given(configure, ("foward", "")),
        *set_to(
            configure, "forward", data=("digit", "nowhere.npz", ""), noise=("symetric:0.2",),
            profile=("smok",), protocol=("cod",), paper=("patrini",), net=("lennet",),
            options=({"zeal": 1},), stages=({"train": {"epoch": 1}},), epochs=NO_WHOLE,
            epoch=(3,), lr=(0, *NO_NUMBER), seed=(-1, 2**32, 0.5, "0"),
        ),
    ],
    "data.dataset.Dataset": [
        *set_to(
            dataset,
            x_train=(X[:5], X[:, :0], X * NAN, X / 0, X.long() - 1, X.double(), IMAGES),
            y_train=(Y[:5], Y * 1.0, Y - 1, Y + 1, Y * 0, Y.int(), Y.bool(), Y[:, None]),
            x_test=(X[:0], X[:2], X[:3, :2], X[:3] * NAN), y_test=(Y[:2], Y[:3] * 1.0, Y[:3] + 9),
            classes=((), ("a",), ("a", "b"), ("a", "b", "c", "d")),
            y_train_noisy=(Y[:5], Y + 1, Y * 1.0), x_val=(X,), y_val=(Y,),
            x_trusted=(X,), y_trusted=(Y,), transition_matrix=(EYE,),
        ),
        *[lambda n=n, v=v: dataset(**{n: v})
          for n in ("x_train", "y_train", "x_test", "y_test", "y_train_noisy", "x_val")
          for v in (3, "text", X.numpy(), [[1.0]])],
        *[lambda n=n: dataset(**{n: None}) for n in ("x_train", "y_train", "x_test", "y_test")],
        lambda: dataset(x_train=X[:1], y_train=Y[:1], classes=("a", "b")),  # one sample, one class
        *[lambda v=v: dataset().subset(v, np.random.default_rng(0)) for v in (0, -1, 7, 2.5, "3")],
    ],
    "data.noisy.make_noisy": set_to(
        make_noisy, random_dataset(12), Noise("none"), val_fraction=(-0.1, 1, 1.5, 0.99, "0.1"),
        limit=(0, -1, 13, 2.5, "3"), noise_seed=(-1, 2**32, 0.5), split_seed=(-1, 2**32, 0.5),
    ),
    "data.sources.load_dataset": given(
        load_dataset, ("", "mnits", "../secret", "nowhere.npz", ".npz", "\0", "x" * 5000)
    ),
    "measures.matrix_error.row_error": [
        *given(row_error, NO_MATRICES, EYE), *[lambda v=v: row_error(v, EYE) for v in NO_MATRICES],
        lambda: row_error(EYE, np.eye(4)),
    ],
    "measures.average_precision.average_precision": [
        lambda: average_precision(LABELS * 1.0, LABELS[:5]),
        lambda: average_precision(EYE, EYE),
        lambda: average_precision(LABELS * NAN, LABELS),
        lambda: average_precision(LABELS * 1.0, LABELS, "areas"),
    ],
    "measures.calibration.reliability": [
        lambda: reliability(X[:0, 0], Y[:0] > 0), lambda: reliability(X[:, 0], Y[:5] > 0),
        lambda: reliability(X[:, 0] + 1, Y > 0), lambda: reliability(X[:, 0] * NAN, Y > 0),
        *[lambda v=v: reliability(X[:, 0], Y > 0, v) for v in NO_WHOLE],
    ],
    "measures.selection.select": given(select, ([3], [None], "text")),
    "cross_validation.choose": given(choose, ([], ())),
    "cross_validation.trials": [
        lambda: next(trials(config(val_fraction=0.0), {"beta": (1,)})),
        lambda: next(trials(config(), {"beta": ()})),
        lambda: next(trials(config(), {}, splits=())),
    ],
    "crops.check_crops": [lambda: check_crops(6, X, "own")],
    "nets.build_net": [
        *given(build_net, ("lennet", ""), input_shape=(4,), num_classes=3),
        *[lambda v=v: build_net("mlp", v, 3)
          for v in (None, 4, "4", (), (0,), (-1,), (2.5,), (4, 4), (1, 2, 3, 4), ("4",))],
        *[lambda v=v: build_net("mlp", (4,), v) for v in (0, 1, 2.5, "3", None, NAN)],
        *set_to(build_net, "mlp", (4,), 3, vocabulary=(0, -1, 2.5, "9", 9), zeal=(1,)),
        lambda: build_net("lenet", (1, 4, 4), 3), lambda: build_net("lstm", (9,), 3),
    ],
    "methods.options.number": [
        *[lambda v=v: options.number("beta", v, "in [0, 1]", lambda b: 0 <= b <= 1)
          for v in (-1, 2, *NO_NUMBER)],
        *[lambda v=v: options.number("weight", v, *options.WEIGHT) for v in (1e300, *HUGE)],
    ],
    "methods.options.flag": given(options.flag, (0, 1, "yes", None, *HUGE), "soft"),
    "methods.options.whole": [
        *[lambda v=v: options.whole("top", v, 1) for v in (*NO_WHOLE, *HUGE)],
        lambda: options.whole("top", 6, 1, most=5),
    ],
    "methods.options.warm_up_epochs": [
        lambda v=v: options.warm_up_epochs("start", v, 3, 9) for v in (-1, 2.5, "3", True)
    ],
    "plots.learning_curves": [
        lambda: learning_curves({"a": []}, ("acuracy",)), lambda: learning_curves({}, ()),
    ],
    "ledger.published.read_published": [
        lambda: read_published("patrini"), lambda: read_published("", Path("nowhere")),
    ],
    "ledger.measures.measured": [
        lambda: measured({}, "acuracy", "last"), lambda: measured({}, "accuracy", "lst"),
    ],
}  # fmt: skip
