"""`python -m benchmarks.methods`: Table 7 of Kim et al. 2024, what training and inference cost.

Seconds an epoch, and seconds for the whole test set, of the flywheel and of the two-network methods
that it is compared with: in one process, turn by turn, so that a machine that slows down slows
them all. Seconds are this machine's; the paper does not name its own. What can be compared are
ratios, and those stand beside the paper's. Times depend on the data: how many samples a method
takes for clean decides how many updates its epoch has.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from typing import Any

import torch

from benchmarks.contestants import wait_for
from benchmarks.measure import interleaved, ratio
from lnl_core import Run, configure
from lnl_core.accel import describe_device, pick_device
from lnl_core.accel.capture import updates_for
from lnl_core.config import RunConfig
from lnl_core.data import Dataset, load_dataset
from lnl_core.errors import InputError
from lnl_core.ledger.published import read_published
from lnl_core.train import evaluate, fit, predict_logits

METHODS = ("dividemix", "unicon", "flywheel")
PHASES = {"training-epoch": "training", "inference": "inference"}
#: Section 5.3: "spending less than 60%".
SHARE = 0.6


class Timed:
    """One method, an epoch of it or a pass over the test data at a time. Its first epoch is a
    warm-up, all others are whole ones."""

    def __init__(self, config: RunConfig, dataset: Dataset, device: str) -> None:
        run = Run(config, device=device, dataset=dataset)
        self._device, self._data = run.device, run.data
        self._train = dataclasses.replace(config.train, epochs=10**6)
        options = run.entry.fixed | config.options | {"warm_up": 1}
        self._method = run.build(run.entry.method, **options)
        self._preprocess = run.data.preprocess(config.train.preprocess)
        self._epochs = fit(self._method, run.data, self._train, updates=updates_for(self._device))

    def train(self, epochs: int) -> float:
        """Seconds of so many epochs, without their evaluation."""
        seconds = 0.0
        for _ in range(epochs):
            whole = next(self._epochs).seconds
            started = wait_for(self._device)
            evaluate(self._method, self._data, self._train)
            seconds += whole - (wait_for(self._device) - started)
        return seconds

    def infer(self, passes: int) -> float:
        """Seconds of predicting all test samples so many times."""
        started = wait_for(self._device)
        for _ in range(passes):
            predict_logits(self._method, self._data.test.x, self._preprocess)
        return wait_for(self._device) - started


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Every round's seconds by phase and method, and on what."""
    if arguments.repeats < 1:
        raise InputError(f"{arguments.repeats} rounds were asked for, but at least 1 is needed.")
    dataset = load_dataset(arguments.data)
    timed = {
        method: Timed(
            configure(
                method, arguments.data, arguments.noise, profile="paper", paper="kim2024",
                net=arguments.net, limit=arguments.limit,
            ),
            dataset,
            arguments.device,
        )
        for method in METHODS
    }  # fmt: skip
    return {
        "data": arguments.data,
        "noise": arguments.noise,
        "device": describe_device(pick_device(arguments.device)),
        "threads": torch.get_num_threads(),
        "seconds": {
            "training-epoch": interleaved(
                {name: one.train for name, one in timed.items()}, 1, arguments.repeats
            ),
            "inference": interleaved(
                {name: one.infer for name, one in timed.items()}, 1, arguments.repeats
            ),
        },
    }


def printed() -> dict[str, dict[str, float]]:
    """Table 7's seconds by phase and method."""
    rows = [row for row in read_published("kim2024") if row.table == "table7"]
    return {
        phase: {row.method: row.value for row in rows if row.setting == f"phase={phase}"}
        for phase in PHASES
    }


def table(document: dict[str, Any]) -> str:
    """Medians, and ratios to DivideMix with their quartiles beside the paper's, as Markdown; then
    what becomes of the paper's sentence."""
    paper, first = printed(), METHODS[0]
    lines = [
        f"Seconds on {document['data']}, {document['noise']}: {document['device']}, "
        f"{document['threads']} threads. Paper's: as printed, on a machine that is not named.\n",
        "| method | " + " | ".join(f"{word}, s | / {first} | paper's" for word in PHASES.values())
        + " |",
        "|---" * (1 + 3 * len(PHASES)) + "|",
    ]  # fmt: skip
    for method in METHODS:
        cells = [method]
        for phase in PHASES:
            found = document["seconds"][phase]
            r = ratio(found[method], found[first])
            cells += [
                f"{statistics.median(found[method]):.4g}",
                f"{r['median']:.2f} ({r['low']:.2f}–{r['high']:.2f})",
                f"{paper[phase][method] / paper[phase][first]:.2f}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *claims(document["seconds"]["inference"])])


def claims(seconds: dict[str, list[float]]) -> list[str]:
    """Section 5.3 on inference, decided by the medians of the rounds' ratios."""
    lines = []
    for rival in METHODS[:-1]:
        found = ratio(seconds["flywheel"], seconds[rival])["median"]
        verdict = "holds" if found < SHARE else "does not hold"
        lines.append(
            f"Section 5.3, inference takes less than {SHARE:.0%} of {rival}'s time: {verdict} "
            f"({found:.0%})"
        )
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods", description=__doc__)
    parser.add_argument("--data", default="shapes", help="shapes, digits or cifar10")
    parser.add_argument("--noise", default="symmetric-inclusive:0.5")
    parser.add_argument("--net", help="default: the data's own")
    parser.add_argument("--limit", type=int, help="training samples (default: all)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (default %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args(argv)
    try:
        document = measure(arguments)
    except InputError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(json.dumps(document) if arguments.json else table(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
