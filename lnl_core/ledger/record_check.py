"""What a record has to be: every field with its type, and nothing that contradicts another.

`docs/records.md` describes the fields. `records.py` reads and writes them.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from lnl_core.errors import shown

#: Raised when a field changes its meaning: older records are then refused, not misread.
SCHEMA = 1

#: Field → type. Nested fields as "outer.inner". Numbers may be whole.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "key": str,
    "status": str,
    "error": (str, type(None)),
    "config": dict,
    "config.method": str,
    "config.data": str,
    "config.noise": dict,
    "config.seeds": dict,
    "config.train": dict,
    "config.stages": dict,
    "config.net": str,
    "config.net_options": dict,
    "config.options": dict,
    "config.val_fraction": float,
    "config.limit": (int, type(None)),
    "config.paper": (str, type(None)),
    "config.protocol": (str, type(None)),
    "config.profile": str,
    "method_version": int,
    "dataset": dict,
    "dataset.name": str,
    "dataset.source": str,
    "dataset.fingerprint": str,
    "dataset.train": int,
    "dataset.val": int,
    "dataset.test": int,
    "noise": dict,
    "realised_noise": float,
    "metrics": dict,
    "history": list,
    "seconds": float,
    "peak_memory_mb": float,
    "device": str,
    "threads": int,
    "precision": str,
    "finished": str,
    "versions": dict,
}
#: The same of each epoch in `history`. A field of None may be missing: older records lack it.
EPOCH_FIELDS: dict[str, type | tuple[type, ...]] = {
    "stage": str,
    "epoch": int,
    "diagnostics": dict,
    **dict.fromkeys(
        ("lr", "test_accuracy", "train_accuracy", "train_clean_accuracy", "seconds"), float
    ),
    **dict.fromkeys(
        ("train_loss", "val_loss", "val_accuracy", "val_clean_loss", "val_clean_accuracy",
         "memorised", "test_top5"),
        (float, type(None)),
    ),
}  # fmt: skip


class BadRecord(ValueError):
    """A file that is not a whole, valid record. The message says why."""


def determining(config: dict[str, Any]) -> dict[str, Any]:
    """What determines a run, of `RunConfig.to_dict()`: all but where its settings came from and
    where its data lie."""
    return {k: v for k, v in config.items() if k not in ("profile", "paper", "protocol", "data")}


def record_key(config: dict[str, Any], fingerprint: str, method_version: int) -> str:
    """16 hex digits that name a run: the same for the same config, data and method version.

    `config` is `RunConfig.to_dict()`. Where its settings came from (profile, paper, protocol)
    does not change a result and is left out: two ways of asking for one run find one record.
    """
    what = determining(config)
    precision = config["train"].get("precision", "float32")  # older configs do not say
    what |= {"dataset": fingerprint, "method_version": method_version, "precision": precision}
    text = json.dumps(what, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of(record: dict[str, Any]) -> str:
    """SHA-256 of the record's content, however it is laid out in its file."""
    plain = json.loads(json.dumps(record))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def check_record(record: Any) -> None:
    """Raise `BadRecord` unless every field is there with its type and the key is the config's."""
    if not isinstance(record, dict):
        raise BadRecord("not a JSON object")
    for name, kind in FIELDS.items():
        value = record
        for part in name.split("."):
            if not isinstance(value, dict) or part not in value:
                raise BadRecord(f"field {name} is missing")
            value = value[part]
        _check_kind(name, value, kind)
    for epoch in record["history"]:
        _check_kind("history[]", epoch, dict)
        for name, kind in EPOCH_FIELDS.items():
            _check_kind(f"history[].{name}", epoch.get(name), kind)
        for name, value in epoch["diagnostics"].items():
            _check_kind(f"history[].diagnostics.{name}", value, (float, bool))
    if record["schema"] != SCHEMA:
        raise BadRecord(f"schema {record['schema']}, this is {SCHEMA}")
    if record["status"] not in ("finished", "diverged"):
        raise BadRecord(f"status {record['status']!r}")
    key = record_key(record["config"], record["dataset"]["fingerprint"], record["method_version"])
    if record["key"] != key:
        raise BadRecord(f"its config belongs to the key {key}: edited by hand?")
    if record["metrics"] != _metrics_of(record):
        raise BadRecord("its metrics are not those of its history: edited by hand?")
    if record["realised_noise"] != record["noise"].get("realised_rate"):
        raise BadRecord("its realised noise is not that of its draw: edited by hand?")
    for name, value in record["metrics"].items():
        if value is not None and not 0 <= value <= 1:
            raise BadRecord(f"its {name} is {value}, and an accuracy lies in [0, 1]")


def _check_kind(name: str, value: Any, kind: type | tuple[type, ...]) -> None:
    """Raise `BadRecord` unless the value is of that type, and finite if it is a number."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds:
        try:
            value = float(value)
        except OverflowError:
            raise BadRecord(f"field {name} is {shown(value)}") from None
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise BadRecord(f"field {name} is {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRecord(f"field {name} is {value}")


def _metrics_of(record: dict[str, Any]) -> dict[str, float | None]:
    from lnl_core.measures.selection import select
    from lnl_core.train import EpochRecord

    try:
        return select([EpochRecord(**epoch) for epoch in record["history"]])
    except (TypeError, KeyError) as error:
        raise BadRecord(f"its history cannot be read ({error})") from None
