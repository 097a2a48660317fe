"""Run records: what one run leaves behind, `data/results/<paper>/<key>.json`.

A record is the run's document (`Run.document()`), written whole by the worker that ran it and
renamed into place, so that a kill leaves a record or none. Its key is a hash of what determines
the result: the config, the data and the method's version; not the machine, which the record
names. `docs/records.md` describes every field.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnl_core.errors import InputError

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
    "method_version": int,
    "dataset": dict,
    "dataset.name": str,
    "dataset.source": str,
    "dataset.fingerprint": str,
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


class BadRecord(ValueError):
    """A file that is not a whole, valid record. The message says why."""


@dataclass(frozen=True)
class Folder:
    """The records of one paper, or of runs that belong to none."""

    path: Path

    def file(self, key: str) -> Path:
        return self.path / f"{key}.json"

    def has(self, key: str) -> bool:
        """Whether a valid record lies there. A damaged one is set aside and does not count."""
        return self.get(key) is not None

    def get(self, key: str) -> dict[str, Any] | None:
        """The record, or None. A damaged file is renamed to `*.damaged` and reported."""
        file = self.file(key)
        if not file.is_file():
            return None
        try:
            return read_record(file)
        except BadRecord as error:
            set_aside(file, error)
            return None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every valid record, by key."""
        for file in sorted(self.path.glob("*.json")):
            record = self.get(file.stem)
            if record is not None:
                yield record

    def write(self, record: dict[str, Any]) -> Path:
        """Write the record under its key, whole or not at all. Refuses an invalid one.

        Raises `InputError` where the disk is full or the folder cannot be written."""
        check_record(record)
        text = json.dumps(record, sort_keys=True, allow_nan=False)
        file = self.file(record["key"])
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("w") as stream:
                    stream.write(text + "\n")
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(part, file)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise not_writable(file, error) from None
        return file


def record_key(config: dict[str, Any], fingerprint: str, method_version: int) -> str:
    """16 hex digits that name a run: the same for the same config, data and method version.

    `config` is `RunConfig.to_dict()`. Where its settings came from (profile, paper, protocol)
    does not change a result and is left out: two ways of asking for one run find one record.
    """
    what = {k: v for k, v in config.items() if k not in ("profile", "paper", "protocol", "data")}
    precision = config["train"].get("precision", "float32")  # older configs do not say
    what |= {"dataset": fingerprint, "method_version": method_version, "precision": precision}
    text = json.dumps(what, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_record(file: Path) -> dict[str, Any]:
    """The record in a file. Raises `BadRecord` unless it is whole and valid."""
    try:
        record = json.loads(file.read_text())
    except (ValueError, RecursionError) as error:  # no JSON, no text, or nested without end
        raise BadRecord(f"not whole JSON ({error})") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error}): give it back to its reader.") from None
    check_record(record)
    if record["key"] != file.stem:
        raise BadRecord(f"its key is {record['key']}, but the file is named {file.stem}")
    return record


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
        numeric = kind is float and isinstance(value, int) and not isinstance(value, bool)
        if not (numeric or isinstance(value, kind)):
            raise BadRecord(f"field {name} is {type(value).__name__}")
        if kind is float and not math.isfinite(value):
            raise BadRecord(f"field {name} is {value}")
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


def _metrics_of(record: dict[str, Any]) -> dict[str, float | None]:
    from lnl_core.measures.selection import select
    from lnl_core.train import EpochRecord

    try:
        return select([EpochRecord(**epoch) for epoch in record["history"]])
    except (TypeError, KeyError) as error:
        raise BadRecord(f"its history cannot be read ({error})") from None


def set_aside(file: Path, why: Exception) -> None:
    """Move a damaged file out of the way, so that its run is computed again.

    Raises `InputError` where the folder cannot be written."""
    target = file.with_name(file.name + ".damaged")
    try:
        os.replace(file, target)
    except FileNotFoundError:  # another process was quicker
        return
    except OSError as error:
        raise InputError(
            f"{file} is damaged ({why}) and cannot be set aside ({error}): delete it."
        ) from None
    print(f"{file}: {why}. Set aside as {target.name}; it will be computed again.", file=sys.stderr)


def not_writable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be written ({error.strerror or error}): give a folder that can be, with "
        "room to spare; what is finished is kept."
    )


def project_folder(name: str) -> Path:
    """`data/NAME` of the checkout that this package is in."""
    folder = Path(__file__).resolve().parent.parent.parent / "data"
    if not folder.is_dir():
        raise InputError(
            f"no data folder beside lnl_core ({folder}): run from a checkout of the project, or "
            "name a folder with --results."
        )
    return folder / name
