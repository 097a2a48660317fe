"""Tanaka et al. 2018: Tables 1 to 3 and 6 to 13 as specifications.

The tables say "best", "the epoch where the validation accuracy is optimal", and "last". Recovery of
this method is its labels' in step 1. Tables 6 to 11 do not say which network's validation accuracy
they print, nor at which epoch: here it is step 2's at its last. A label that is no longer changed
makes the rest of step 1 idle, so that "stop epoch" is how long step 1 lasts.
"""

from __future__ import annotations

from typing import Any

from lnl_core.papers.spec import Setting, Table
from lnl_core.papers.tanaka2018_settings import ASYMMETRIC, SYMMETRIC

COLUMNS = {
    "table1": tuple(f"symmetric-inclusive:{rate:g}" for rate in SYMMETRIC),
    "table2": tuple(f"asymmetric:{rate:g}" for rate in (0.1, 0.2, 0.3, 0.4, 0.5)),
}
_METHODS = {
    "table1": ("cross-entropy", "joint"),
    "table2": ("cross-entropy", "forward", "cnn-crf", "joint"),
}
_NOISE = {"table1": "symmetric noise", "table2": "asymmetric noise"}
_DRAWS = {"code": "exact"}
_RULES = {"": ("best_val_clean", "best"), "-last": ("last", "last")}


def _blocks():
    """Tables 1 and 2: test and recovery accuracy, best and last."""
    for printed, columns in COLUMNS.items():
        for part, metric, words in (
            ("", "accuracy", "test accuracy"),
            ("-recovery", "recovery-accuracy", "recovery accuracy"),
        ):
            for suffix, (rule, word) in _RULES.items():
                yield Table(
                    paper="tanaka2018",
                    name=f"{printed}{part}{suffix}",
                    printed=printed,
                    title=f"Table {printed[-1]}, CIFAR-10 with {_NOISE[printed]}: {words}, {word}",
                    data="cifar10",
                    methods=_METHODS[printed],
                    columns=columns,
                    selection=rule,
                    runs=5,
                    metric=metric,
                    draws=_DRAWS,
                    marks=False,
                )


def _varied(name: str, title: str, noise: str, settings: dict[str, Setting], **given: Any) -> Table:
    """A table of this method alone, at one noise."""
    return Table(
        paper="tanaka2018",
        name=name,
        title=f"Table {name.removeprefix('table').removesuffix('-count')}, {title}, {noise}",
        data="cifar10",
        methods=("joint",),
        columns=tuple(settings),
        selection="last",
        draws=_DRAWS,
        marks=False,
        settings=settings,
        **{"runs": 3, "metric": "val-accuracy"} | given,
    )


_RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_AN = ((0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 5.0), (0.05, 0.1, 0.2, 0.4, 0.5, 1.0, 2.0))
_SN = ((0.1, 0.2, 0.5, 1.0, 1.2, 2.0, 5.0), (0.05, 0.1, 0.2, 0.5, 0.8, 1.0, 2.0))
#: Table → noise, its base (α, β, learning rate), and the values of each that were tried while the
#: others stayed.
SWEEPS = {
    "table6": ("asymmetric:0.4", ASYMMETRIC, (*_AN, _RATES)),
    "table7": ("asymmetric:0.2", ASYMMETRIC, (*_AN, _RATES)),
    "table8": (
        "symmetric-inclusive:0.7", SYMMETRIC[0.7], (*_SN, (0.005, 0.01, 0.02, 0.05, 0.08, 0.1, 0.2))
    ),
    "table9": ("symmetric-inclusive:0.3", SYMMETRIC[0.3], (*_SN, _RATES)),
}  # fmt: skip


def _sweep(name: str) -> dict[str, Setting]:
    noise, base, tried = SWEEPS[name]
    found = {}
    for place, (what, values) in enumerate(zip(("alpha", "beta", "lr"), tried, strict=True)):
        for value in values:
            alpha, beta, lr = (*base[:place], value, *base[place + 1 :])
            found[f"{what}={value:g}"] = Setting(
                noise,
                f"alpha={alpha};beta={beta};lr={lr};sweep={what}",
                {
                    "options": {"alpha": alpha, "beta": beta},
                    "stages": {"relabel": {"lr": lr}},
                },
            )
    return found


#: Tables 10 and 11: their noise, and (α, β, learning rate).
TIMED = {
    "table10": ("asymmetric:0.4", (0.8, 0.4, 0.1)),
    "table11": ("symmetric-inclusive:0.7", (1.2, 0.8, 0.08)),
}


def _timing(name: str) -> dict[str, Setting]:
    """The first and the last epoch after which labels change: 70 and 200 where the other varies."""
    noise, (alpha, beta, lr) = TIMED[name]
    starts = [("start_epoch", start, start, 200) for start in (0, 50, 70, 100, 150)]
    stops = [("stop_epoch", stop, 70, stop) for stop in (100, 150, 200, 250, 300)]
    return {
        f"{what}={value}": Setting(
            noise,
            f"alpha={alpha};beta={beta};lr={lr};{what}={value}",
            {
                "options": {"alpha": alpha, "beta": beta, "start_epoch": start},
                "stages": {"relabel": {"lr": lr, "epochs": epochs}},
            },
        )
        for what, value, start, epochs in starts + stops
    }


CONFIDENT = ("0.99-1", "0.95-0.99", "0.9-0.95", "0-0.9")
BINNED = {"table12": "asymmetric:0.4", "table13": "symmetric-inclusive:0.7"}


def _bins(noise: str, *, whole: bool) -> dict[str, Setting]:
    bins = {part: Setting(noise, f"confidence={part}", part=part) for part in CONFIDENT}
    return bins | ({"0-1": Setting(noise, "confidence=0-1")} if whole else {})


TABLES: tuple[Table, ...] = (
    *_blocks(),
    *(
        Table(
            paper="tanaka2018",
            name=f"table3{suffix}",
            printed="table3",
            title=f"Table 3, Clothing1M, ResNet-50, {word} (#3 and #4; #1 and #2 are quoted)",
            data="clothing1m",
            smoke="shapes-folder",
            methods=("cross-entropy", "joint"),
            columns=("given",),
            selection=rule,
            runs=1,
            rows={"cross-entropy": "3", "joint": "4"},
            marks=False,
        )
        for suffix, (rule, word) in _RULES.items()
    ),
    *(
        _varied(name, "validation accuracy by α, β and learning rate", noise, _sweep(name))
        for name, (noise, _, _) in SWEEPS.items()
    ),
    *(
        _varied(name, "validation accuracy by start and stop epoch", noise, _timing(name))
        for name, (noise, _) in TIMED.items()
    ),
    *(
        _varied(
            f"{name}{suffix}", title, noise, _bins(noise, whole=not suffix),
            runs=1, metric=metric, printed=name, unit=unit,
        )
        for name, noise in BINNED.items()
        for suffix, metric, unit, title in (
            ("", "recovery-accuracy", 1.0, "recovery accuracy by the labels' confidence"),
            ("-count", "count", 100 / 45_000, "samples by confidence, percent of 45,000"),
        )
    ),
)  # fmt: skip
