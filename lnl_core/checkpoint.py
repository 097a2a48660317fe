"""Checkpoints of one `fit`: written whole or not at all, and never another run's."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from lnl_core.errors import InputError
from lnl_core.methods.base import Method
from lnl_core.streams import RandomStream


def save_checkpoint(
    path: Path | None,
    identity: dict[str, Any],
    method: Method,
    optimizer: torch.optim.Optimizer,
    stream: RandomStream,
    history: list,
) -> None:
    """Write everything that `load_checkpoint` needs; nothing if `path` is None."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    torch.save(
        {
            "identity": json.dumps(identity, sort_keys=True),
            "history": [dataclasses.asdict(record) for record in history],
            "method": method.state_dict(),
            "optimizer": optimizer.state_dict(),
            "stream": stream.state,
        },
        part,
    )
    os.replace(part, path)  # atomic: a kill leaves the old checkpoint or the new one


def load_checkpoint(
    path: Path | None,
    identity: dict[str, Any],
    method: Method,
    optimizer: torch.optim.Optimizer,
    stream: RandomStream,
) -> list[dict[str, Any]]:
    """Restore method, optimiser and random stream; returns the records of the epochs done.

    An empty list where there is no checkpoint. Raises `InputError` for a file that is damaged or
    belongs to another run. Never unpickles anything but tensors and plain values.
    """
    if path is None or not path.is_file():
        return []
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state, history = saved["identity"], saved["method"], saved["history"]
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
        raise InputError(
            f"checkpoint {path} is damaged or not one of ours ({type(error).__name__}): delete it "
            "to start over."
        ) from None
    if theirs != json.dumps(identity, sort_keys=True):
        raise InputError(
            f"checkpoint {path} belongs to a run with other settings: give another path, or "
            "delete it to start over."
        )
    method.load_state_dict(state)
    optimizer.load_state_dict(saved["optimizer"])
    stream.state = saved["stream"]
    return history
