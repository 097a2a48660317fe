"""Which runs of a grid are trained as one: those that differ in seeds and noise alone."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lnl_core.accel import pick_device
from lnl_core.config import RunConfig
from lnl_core.methods import get_method

#: How many runs to stack on a GPU, by net, where `stack` is not given: it pays for small ones.
STACKED = {"mlp": 20}


def units(
    configs: Sequence[RunConfig], stack: int | None = None, device: str = "cpu"
) -> list[list[RunConfig]]:
    """The configs in lists that are each computed at once, in the order of their first ones."""
    on_gpu = stack is None and pick_device(device).type == "cuda"
    lists: list[list[RunConfig]] = []
    open_lists: dict[str, list[RunConfig]] = {}
    for config in configs:
        most = stack or (STACKED.get(config.net, 1) if on_gpu else 1)
        shape = _shape(config)
        if most == 1 or not get_method(config.method).stacks:
            lists.append([config])
        elif shape in open_lists and len(open_lists[shape]) < most:
            open_lists[shape].append(config)
        else:
            open_lists[shape] = [config]
            lists.append(open_lists[shape])
    return lists


def _shape(config: RunConfig) -> str:
    """What runs have to have in common to be trained as one: all but seeds, noise and its name."""
    free = ("seeds", "noise", "profile", "paper", "protocol")
    return json.dumps({k: v for k, v in config.to_dict().items() if k not in free}, sort_keys=True)
