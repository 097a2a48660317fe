"""Run records: what one run leaves behind, `data/results/<paper>/<key>.json`.

A record is the run's document (`Run.document()`), written whole by the worker that ran it and
renamed into place, so that a kill leaves a record or none. Its key is a hash of what determines
the result: the config, the data and the method's version; not the machine, which the record
names. `record_check.py` says what a valid one is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnl_core.atomic import replacing
from lnl_core.errors import InputError
from lnl_core.ledger.record_check import BadRecord, check_record, digest_of


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
        try:
            return read_record(file)
        except (FileNotFoundError, NotADirectoryError):
            return None
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
        whole = record | {"digest": digest_of(record)}
        text = json.dumps(whole, sort_keys=True, allow_nan=False)
        file = self.file(record["key"])
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with replacing(file) as part, part.open("w") as stream:
                stream.write(text + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise not_writable(file, error) from None
        return file


def read_record(file: Path) -> dict[str, Any]:
    """The record in a file. Raises `BadRecord` unless it is whole and valid, `FileNotFoundError`
    where there is none, and `InputError` where it cannot be read."""
    try:
        record = json.loads(file.read_text())
        json.dumps(record, allow_nan=False)  # Python reads NaN and Infinity; JSON has none
    except (ValueError, RecursionError) as error:  # no JSON, no text, or nested without end
        raise BadRecord(f"not whole JSON ({error})") from None
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise InputError(
            f"{file} cannot be read ({error.strerror or error}): make it readable, or delete it to "
            "have it computed again."
        ) from None
    digest = record.pop("digest", None) if isinstance(record, dict) else None
    check_record(record)
    if digest not in (None, digest_of(record)):  # records of before there was one have none
        raise BadRecord("its content has changed since it was written: edited by hand?")
    if record["key"] != file.stem:
        raise BadRecord(f"its key is {record['key']}, but the file is named {file.stem}")
    return record


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
