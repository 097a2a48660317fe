"""The state of one `fit`, and its checkpoints: written whole or not at all, never another run's."""

from __future__ import annotations

import copy
import json
import os
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

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
        part = path.with_name(path.name + ".part")
        try:
            torch.save(state, part)
            os.replace(part, path)  # atomic: a kill leaves the old checkpoint or the new one
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
            with zipfile.ZipFile(path) as archive:  # torch.load compares no checksums
                if archive.testzip() is not None:
                    raise zipfile.BadZipFile
            saved = torch.load(path, map_location="cpu", weights_only=True)
            identity = saved["identity"]
        except (
            OSError, RuntimeError, ValueError, LookupError, TypeError, EOFError,
            NotImplementedError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error,
        ) as error:  # fmt: skip
            raise InputError(
                f"checkpoint {path} is damaged or not one of ours ({type(error).__name__}): "
                "delete it to start over."
            ) from None
        if identity != self._identity:
            raise InputError(
                f"checkpoint {path} belongs to a run with other settings: give another path, or "
                "delete it to start over."
            )
        self.method.load_state_dict(saved["method"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.stream.state |= saved["stream"]  # one that began on the CPU has none for the GPU
        self.history = saved["history"]
        self._best = saved["best"]


def _not_writable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"checkpoint {path} cannot be written ({error}): give a folder that can be written, with "
        "room to spare."
    )
