"""Which records are a run's own: the same config but for the seeds, on the data as published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lnl_core.config import RunConfig
from lnl_core.data.amt import ORIGINAL as AMT_ORIGINAL
from lnl_core.data.clothing1m import ORIGINAL as CLOTHING1M_ORIGINAL
from lnl_core.data.imagenet import ORIGINAL as IMAGENET_ORIGINAL
from lnl_core.data.imdb import ORIGINAL as IMDB_ORIGINAL
from lnl_core.data.label_vectors import DIGITS_VECTORS
from lnl_core.data.shapes import SHAPES
from lnl_core.data.shapes_multi import SHAPES_MULTI
from lnl_core.data.tiny_imagenet import ORIGINAL as TINY_ORIGINAL
from lnl_core.data.web import ORIGINAL as WEB_ORIGINAL
from lnl_core.data.webvision import ORIGINAL as WEBVISION_ORIGINAL
from lnl_core.methods import get_method

Record = dict[str, Any]
#: Sources that are not torchvision's and still the dataset as published.
ORIGINALS = (
    IMDB_ORIGINAL, CLOTHING1M_ORIGINAL, IMAGENET_ORIGINAL, TINY_ORIGINAL, WEBVISION_ORIGINAL,
    WEB_ORIGINAL, AMT_ORIGINAL, DIGITS_VECTORS, SHAPES, SHAPES_MULTI,
)  # fmt: skip


def matching(
    records: Iterable[Record], config: RunConfig, *, original: bool = True
) -> list[Record]:
    """The records of this run with any seeds; with `original` on the data as published alone."""
    wanted = what_counts(config.to_dict())
    version = get_method(config.method).version  # a method that has changed has no old results
    return [
        record
        for record in records
        if record["config"]["method"] == config.method  # rules out most, at no cost
        and (not original or (is_original(record) and record["dataset"]["name"] == config.data))
        and record["method_version"] == version
        and what_counts(record["config"]) == wanted
    ]


def what_counts(config: dict[str, Any]) -> dict[str, Any]:
    """A config without what may vary between the runs of one cell: the seeds, and labels."""
    free = ("seeds", "profile", "paper", "protocol", "data")
    return {name: value for name, value in config.items() if name not in free}


def is_original(record: Record) -> bool:
    """Whether the run saw the dataset as published, checksums verified: through torchvision, or
    IMDB's own archive; scikit-learn's digits, which are part of it; Clothing1M, ImageNet, WEB and
    AMT, which have no checksums, by the number of images or answers.
    """
    source = record["dataset"]["source"]
    return source.startswith(("torchvision ", "scikit-learn ")) or source in ORIGINALS
