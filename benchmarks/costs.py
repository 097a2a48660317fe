"""`python -m benchmarks.costs`: what methods cost beside cross-entropy, for `docs/methods.md`.

A method and cross-entropy train in turns, in one process and one thread, and the ratio of each pair
of runs is taken: whatever slows the machine down slows both. CPU time is counted and not the
clock's, because others may be running there. What evaluation takes is taken off; E-steps, selection
and a recipe's other stages are not. It leaves `data/costs.json`, from which `lnl report` writes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import torch

from lnl_core import Run, configure
from lnl_core.accel import describe_device
from lnl_core.atomic import replacing
from lnl_core.config import RunConfig
from lnl_core.data import Dataset, load_dataset
from lnl_core.errors import DivergedError, InputError
from lnl_core.ledger.methods_page import costs_file
from lnl_core.methods import get_method, method_names
from lnl_core.train import EpochRecord, evaluate, one_by_one

UNIT = "cross-entropy"
#: Data → the net and how many samples.
SETTINGS: dict[str, dict[str, Any]] = {
    "digits": {"net": "mlp", "samples": 600},
    "shapes": {"net": "small-cnn", "samples": 200},
}
NOISE = "symmetric-inclusive:0.5"
EPOCHS, BATCH = 4, 32
#: Samples to evaluate on: few, because what that takes is no cost of the method.
EVALUATED = 50


class Trained:
    """One method: each call is a run, whose cost an update and an epoch it returns."""

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self._config, self._dataset = config, dataset

    def __call__(self) -> dict[str, float]:
        """CPU seconds."""
        updates = 0

        def counted(*what: Any) -> Iterator[torch.Tensor]:
            nonlocal updates
            for loss in one_by_one(*what):
                updates += 1
                yield loss

        run = Run(self._config, device="cpu", dataset=self._dataset, updates=counted)
        seconds, started = 0.0, time.process_time()
        for record in run:
            trained = time.process_time()
            if isinstance(record, EpochRecord):
                evaluate(run.method, run.data, run.stage_config(record.stage))
            evaluated = time.process_time()
            seconds += (trained - started) - (evaluated - trained)
            started = evaluated
        return {"update": seconds / updates, "epoch": seconds / len(run.history)}


def costs(data: str, methods: list[str], repeats: int, epochs: int, samples: int) -> dict[str, Any]:
    """Each method's medians on these data; a method that is not defined on them is left out."""
    dataset, net = load_dataset(data), SETTINGS[data]["net"]
    few = {"x_test": dataset.x_test[:EVALUATED], "y_test": dataset.y_test[:EVALUATED]}
    dataset = replace(dataset, **few)
    train = {"epochs": epochs, "batch_size": BATCH, "train_eval": EVALUATED}
    train |= {"limit": samples, "net": net}

    def trained(method: str, slower: float = 1.0) -> Trained:
        config = configure(method, data, NOISE, dataset=dataset, **train)
        lr = slower * config.train.lr
        return Trained(replace(config, train=replace(config.train, lr=lr)), dataset)

    unit = trained(UNIT)
    unit()  # the first run of a process compiles and allocates
    found = {}
    for method in methods:
        print(f"{data}: {method} …", file=sys.stderr)
        try:
            try:
                found[method] = _ratios(trained(method), unit, repeats)
            except DivergedError:  # what an update takes does not go by the learning rate
                found[method] = _ratios(trained(method, 0.1), unit, repeats)
        except (InputError, DivergedError) as error:
            print(f"  left out: {error}", file=sys.stderr)
    return found


def _ratios(method: Trained, unit: Trained, repeats: int) -> dict[str, float]:
    """The medians of the pairs' ratios; every other pair the other way round."""
    pairs = []
    for turn in range(repeats):
        turns = (method, unit) if turn % 2 == 0 else (unit, method)
        times = {one: one() for one in turns}
        pairs.append((times[method], times[unit]))
    return {
        what: round(statistics.median(own[what] / base[what] for own, base in pairs), 3)
        for what in ("update", "epoch")
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The document: what was measured, on what and how. With `--methods` the numbers of all other
    methods stay, if they were measured alike."""
    if min(arguments.repeats, arguments.epochs) < 1:
        raise InputError("repeats and epochs are whole numbers from 1 up.")
    methods = method_names() if arguments.methods is None else arguments.methods.split(",")
    for method in methods:
        get_method(method)
    torch.set_num_threads(1)
    document = {
        "device": describe_device(torch.device("cpu")),
        "torch": torch.__version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "noise": NOISE,
        "repeats": arguments.repeats,
        "epochs": arguments.epochs,
    }
    settings = {
        data: setting | {"samples": arguments.samples or setting["samples"]}
        for data, setting in SETTINGS.items()
    }
    kept = {} if arguments.methods is None else _kept(document | {"settings": settings})
    document["settings"] = {
        data: setting
        | {
            "costs": kept.get(data, {})
            | costs(data, methods, arguments.repeats, arguments.epochs, setting["samples"])
        }
        for data, setting in settings.items()
    }
    return document


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    """The costs that are there already, by data and method; they must have been measured alike."""
    if not costs_file().is_file():
        return {}
    old = json.loads(costs_file().read_text())
    kept = {data: setting.pop("costs") for data, setting in old["settings"].items()}
    for name in ("device", "torch", "noise", "repeats", "epochs", "settings"):
        if old[name] != document[name]:
            raise InputError(
                f"{costs_file().name} was measured with {name} {old[name]!r}, and this would be "
                f"{document[name]!r}: measure all methods anew, without --methods."
            )
    return kept


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--methods", help="names with commas (default: all)")
    parser.add_argument("--repeats", type=int, default=3, help="pairs (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="default %(default)s")
    parser.add_argument("--samples", type=int, help="default: as the data have it")
    parser.add_argument("--json", action="store_true", help="print it instead of writing the file")
    arguments = parser.parse_args(argv)
    try:
        document = measure(arguments)
    except InputError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    text = json.dumps(document, indent=1) + "\n"
    if arguments.json:
        print(text, end="")
        return 0
    with replacing(costs_file()) as part:
        part.write_text(text)
    print(f"wrote {costs_file()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
