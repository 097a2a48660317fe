"""`python -m benchmarks`: measure, print a table, leave a picture and a JSON record."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torchvision

from benchmarks.measure import measure, product_rate
from benchmarks.picture import draw
from benchmarks.settings import SETTINGS
from lnl_core.accel import check_precision, describe_device, peak_memory_mb, pick_device
from lnl_core.config import PRECISIONS
from lnl_core.errors import InputError, unknown_name
from lnl_core.plots import png


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        document = run(arguments)
    except InputError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(table(document))
    arguments.out.mkdir(parents=True, exist_ok=True)
    name = f"{document['device_type']}-{document['precision']}"
    (arguments.out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (arguments.out / f"{name}.png").write_bytes(png(draw(document)))
    print(f"\n{arguments.out / name}.json and .png hold the same, and each measurement")
    return 0


def _parser() -> argparse.ArgumentParser:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--nets", default=",".join(SETTINGS), help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=7, help="rounds (default %(default)s)")
    parser.add_argument("--steps", type=int, help="updates a measurement (default: by the net)")
    parser.add_argument("--precision", default="float32", help=" or ".join(PRECISIONS))
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument(
        "--workers", default=",".join(map(str, range(min(cores, 8) + 1))),
        help="numbers of DataLoader workers to try (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    return parser


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements that were asked for, with what they were made on."""
    names = arguments.nets.split(",")
    for name in names:
        if name not in SETTINGS:
            raise unknown_name("net to measure", name, SETTINGS)
    if arguments.precision not in PRECISIONS:
        raise unknown_name("precision", arguments.precision, PRECISIONS)
    counts = [arguments.repeats, arguments.steps or 1, arguments.threads or 1]
    try:
        workers = [int(count) for count in arguments.workers.split(",")]
    except ValueError:
        raise InputError(
            f"workers are {arguments.workers!r}: write numbers, as in 0,1,2."
        ) from None
    if min(counts) < 1 or min(workers) < 0:
        raise InputError("repeats, steps and threads are at least 1, and workers at least 0.")
    device = pick_device(arguments.device)
    check_precision(arguments.precision, device)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    results = []
    for name in names:
        print(f"{name} …", file=sys.stderr)
        results.append(
            measure(
                name, SETTINGS[name], device, arguments.precision,
                repeats=arguments.repeats, workers=workers, steps=arguments.steps,
            )
        )  # fmt: skip
    return {
        "device_type": device.type,
        "device": describe_device(device),
        "processor": describe_device(torch.device("cpu")),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "precision": arguments.precision,
        "product_rate": product_rate(device, arguments.precision),
        "peak_memory_mb": peak_memory_mb(device),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "results": results,
    }


def table(document: dict[str, Any]) -> str:
    """The results as Markdown, under a line on the machine."""
    rates = document["results"][0]["images_per_second"]
    loaders = [each for each in rates if each.startswith("loader")]
    lines = [
        "Images a second, and ratios with their quartiles. "
        f"{document['device']}, {document['threads']} threads, {document['precision']}, "
        f"torch {document['versions']['torch']}; matrix products reach "
        f"{document['product_rate'] / 1e9:,.0f} GFLOP/s\n",
        f"| net | {' | '.join(loaders)} | `fit` | bare step | time of `fit` / bare | "
        f"{' | '.join(f'`fit` / {each}' for each in loaders)} | GFLOP/s, bare | evaluated/s |",
        "|---" * (6 + 2 * len(loaders)) + "|",
    ]
    for result in document["results"]:
        rates = result["images_per_second"]
        flops = result["operations_per_step"] / result["batch_size"] * rates["bare"]
        cells = [
            f"{result['net']} ({result['workers']} workers)",
            *(f"{rates[each]:,.0f}" for each in [*loaders, "fit", "bare"]),
            _spread(result["fit_over_bare"]),
            *(_spread(result[f"{each}_over_fit"]) for each in loaders),
            f"{flops / 1e9:,.0f}",
            f"{result['evaluated_per_second']:,.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


if __name__ == "__main__":
    sys.exit(main())
