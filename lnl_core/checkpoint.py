"""The state of one `fit`, and its checkpoints: written whole or not at all, never another run's."""

from __future__ import annotations

import copy
import json
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lnl_core.atomic import replacing
from lnl_core.errors import InputError
from lnl_core.methods.base import Method
from lnl_core.streams import RandomStream


class TrainingState:
    """Everything that changes while a method trains.

    `identity` (plain JSON values) tells this run from any other. `history` holds the finished
    epochs' records as dicts.
    """

    def __init__(
        self,
        method: Method,
        optimizer: torch.optim.Optimizer,
        stream: RandomStream,
        identity: Mapping[str, Any],
    ) -> None:
        self.method = method
        self.optimizer = optimizer
        self.stream = stream
        self.history: list[dict[str, Any]] = []
        self._identity = json.dumps(identity, sort_keys=True)
        self._best: dict[str, Any] | None = None

    def note_best(self, val_loss: float) -> None:
        """Keep a copy of the method's state if no earlier epoch had so low a loss."""
        if self._best is None or val_loss < self._best["val_loss"]:
            state = copy.deepcopy(self.method.state_dict())
            self._best = {"val_loss": val_loss, "method": state}

    def load_best(self) -> None:
        self.method.load_state_dict(self._best["method"])

    def save(self, path: Path | None) -> None:
        """Write the state; do nothing without a path."""
        if path is None:
            return
        state = {
            "identity": self._identity,
            "history": self.history,
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "stream": self.stream.state,
            "best": self._best,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)  # another may have done with it
            with replacing(path) as part:  # a kill leaves the old checkpoint or the new one
                torch.save(state, part)
        except (OSError, RuntimeError) as error:  # the latter is torch's for a full disk
            raise _not_writable(path, error) from None

    def load(self, path: Path | None) -> None:
        """Restore a saved state; where there is none, make the folder that will hold it.

        Raises `InputError` for a file that is damaged or belongs to another run, and for a path
        that cannot be written. Never unpickles anything but tensors and plain values.
        """
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(path, error) from None
        if not path.exists():
            return
        try:
            _check_archive(path)
            saved = torch.load(path, map_location="cpu", weights_only=True)
            if saved["identity"] != self._identity:
                raise InputError(
                    f"checkpoint {path} belongs to a run with other settings: give another path, "
                    "or delete it to start over."
                )
            self._restore(saved)
        except InputError:
            raise
        except (
            OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError,
            NotImplementedError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error,
        ) as error:  # fmt: skip
            raise InputError(
                f"checkpoint {path} is damaged or not one of ours ({type(error).__name__}): "
                "delete it to start over."
            ) from None

    def _restore(self, saved: dict[str, Any]) -> None:
        self.method.load_state_dict(saved["method"])
        self.optimizer.load_state_dict(saved["optimizer"])
        torch.Generator().set_state(saved["stream"]["cpu"])  # refuses what is no such state
        self.stream.state |= saved["stream"]  # one that began on the CPU has none for the GPU
        self.history = [dict(record) for record in saved["history"]]
        self._best = saved["best"]


def _check_archive(path: Path) -> None:
    """`BadZipFile` unless every entry lies in the file as torch stores it: as it is, and whole.

    torch compares no checksums, and unpacks what is compressed, to whatever size.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise zipfile.BadZipFile
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise zipfile.BadZipFile
        if archive.testzip() is not None:
            raise zipfile.BadZipFile


def _not_writable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"checkpoint {path} cannot be written ({error}): give a folder that can be written, with "
        "room to spare."
    )
