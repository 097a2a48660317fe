"""Kim et al. 2024: Tables 1 to 6 as specifications. Table 7, seconds, is in `kim2024_ours.py`.

Which epoch's accuracy Tables 1, 2 and 6 print is not said. DivideMix's row is the one that its
paper calls "best", the highest test accuracy of all epochs; ours is the mean of the last ten,
which can only lose by it. Table 3 has both. Clothing1M's is chosen on its clean validation
images, WebVision's is the last.
"""

from __future__ import annotations

from typing import Any

from lnl_core.papers.kim2024_settings import FLYWHEELS
from lnl_core.papers.spec import Table

LEVELS = ("0.2", "0.5", "0.8", "0.9")
SYMMETRIC = tuple(f"symmetric-inclusive:{rate}" for rate in LEVELS)
ASYMMETRIC = tuple(f"asymmetric:{rate}" for rate in ("0.1", "0.3", "0.4"))
PART_DEPENDENT = tuple(f"part-dependent:{rate}" for rate in ("0.2", "0.4", "0.6"))
TINY = tuple(f"symmetric-inclusive:{rate}" for rate in ("0", "0.2", "0.5"))

#: Table → its rows, in print's order.
ROWS = {
    "table1": (
        "l-dmi", "mixup", "jpl", "pencil", "moit", "dividemix", "sel-cl-plus", "elr", "sft",
        "unicon", "flywheel",
    ),
    "table2": (
        "co-teaching-plus", "jocor", "t-revision", "peer-loss", "cores2", "cal", "kmeidtm", "sft",
        "instancegm", "flywheel",
    ),
    "table3": (
        "forward-estimated", "mentornet", "co-teaching-plus", "m-correction", "nct", "unicon",
        "flywheel",
    ),
    "table4": ("pencil", "jpl", "instancegm", "dividemix", "elr", "unicon", "sft", "flywheel"),
    "table5": (
        "iterative-cv", "dividemix", "elr", "moit", "unicon", "ngc", "sel-cl-plus", "flywheel",
    ),
    "table6": (*FLYWHEELS[1:], "flywheel"),
}  # fmt: skip
COLUMNS = {
    "table1": SYMMETRIC + ASYMMETRIC,
    "table2": PART_DEPENDENT,
    "table6": (*SYMMETRIC[2:], ASYMMETRIC[-1]),
}
DASHES = {
    "table1": frozenset(
        ("sft", column)
        for column in COLUMNS["table1"]
        if column not in ("symmetric-inclusive:0.5", "asymmetric:0.4")
    ),
    "table2": frozenset(
        (method, "part-dependent:0.6") for method in ("kmeidtm", "sft", "instancegm")
    ),
    "table3": frozenset(
        (method, "symmetric-inclusive:0") for method in ("forward-estimated", "mentornet")
    ),
}
_NOISE = {
    "table1": "symmetric and asymmetric noise",
    "table2": "instance-dependent noise",
    "table6": "ablation",
}
CIFAR = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}


def _table(name: str, title: str, data: str, **given: Any) -> Table:
    printed = given.get("printed") or name
    rows = printed.partition("-")[0]
    return Table(
        paper="kim2024", name=name, title=f"Table {rows[-1]}, {title}", data=data, runs=1,
        marks=False,
        **{"methods": ROWS[rows], "dashes": DASHES.get(rows, frozenset()), "smoke": "shapes"}
        | given,
    )  # fmt: skip


TABLES: tuple[Table, ...] = (
    *(
        _table(
            f"{name}-{data}", f"{words}, {_NOISE[name]}", data,
            columns=COLUMNS[name], selection="last10",
        )
        for name in COLUMNS
        for data, words in CIFAR.items()
    ),
    *(
        _table(
            f"table3{suffix}", f"Tiny-ImageNet, symmetric noise: {words}", "tiny-imagenet",
            columns=TINY, selection=rule, printed="table3",
        )
        for suffix, rule, words in (
            ("", "last10", "average of the last 10 epochs"),
            ("-best", "best_test", "best epoch"),
        )
    ),
    _table(
        "table4", "Clothing1M, ResNet-50", "clothing1m",
        columns=("given",), selection="best_val_clean", smoke="shapes-folder",
    ),
    *(
        _table(
            f"table5{suffix}", f"WebVision's first 50 classes, Inception-ResNet-v2: {words}",
            "webvision50", columns=("given",), selection="last", metric=metric, printed="table5",
            printed_data="webvision", methods=methods, smoke="shapes-folder",
        )
        for suffix, metric, words, methods in (
            ("", "top1", "top-1", ROWS["table5"]),
            ("-top5", "top5", "top-5", tuple(m for m in ROWS["table5"] if m != "moit")),
        )
    ),
)  # fmt: skip
