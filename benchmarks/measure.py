"""Interleaved measurements, and what is read off them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.contestants import Bare, Fit, Loader, wait_for
from benchmarks.settings import Setting

#: Makes so many updates; the seconds.
Contestant = Callable[[int], float]


def measure(
    name: str,
    setting: Setting,
    device: torch.device,
    precision: str,
    *,
    repeats: int,
    workers: Sequence[int],
    steps: int | None = None,
) -> dict[str, Any]:
    """One net: rates in images a second, and medians of paired ratios with their spread.

    The loader is measured as it is usually written, in float32; then with channels last; and if
    another precision is asked for, with that as well.
    """
    steps = steps or setting.steps
    best, swept = _best_workers(name, setting, device, workers, steps)
    fit, bare = Fit(name, setting, device, precision, steps), Bare(name, setting, device, precision)
    contestants: dict[str, Contestant] = {"fit": fit, "bare": bare}
    contestants["loader"] = Loader(name, setting, device, best)
    contestants["loader, channels last"] = Loader(name, setting, device, best, last=True)
    if precision != "float32":
        contestants[f"loader, channels last, {precision}"] = Loader(
            name, setting, device, best, last=True, precision=precision
        )
    operations = bare.operations()
    seconds = interleaved(contestants, steps, repeats)
    images = steps * setting.train.batch_size
    result = {
        "net": name,
        "precision": precision,
        "batch_size": setting.train.batch_size,
        "steps": steps,
        "repeats": repeats,
        "seconds": seconds,
        "workers": best,
        "workers_swept": swept,
        "images_per_second": {
            each: images / statistics.median(times) for each, times in seconds.items()
        },
        "evaluated_per_second": fit.evaluation_rate,
        "operations_per_step": operations,
        "fit_over_bare": ratio(seconds["fit"], seconds["bare"]),
    }
    for each in contestants:
        if each.startswith("loader"):
            result[f"{each}_over_fit"] = ratio(seconds[each], seconds["fit"])
    return result


def interleaved(
    contestants: dict[str, Contestant], steps: int, repeats: int
) -> dict[str, list[float]]:
    """Seconds a contestant and round. All take part in each round, every other one in reverse,
    so that whatever slows the machine down for a while slows them all."""
    for contestant in contestants.values():
        contestant(min(steps, 3))  # the first updates compile and allocate
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for repeat in range(repeats):
        for name in list(contestants)[:: 1 if repeat % 2 == 0 else -1]:
            seconds[name].append(contestants[name](steps))
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> dict[str, float]:
    """The median of the rounds' own ratios, and their quartiles."""
    each = [a / b for a, b in zip(numerator, denominator, strict=True)]
    if len(each) == 1:
        return {"median": each[0], "low": each[0], "high": each[0]}
    low, median, high = statistics.quantiles(each, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def _best_workers(
    name: str, setting: Setting, device: torch.device, workers: Sequence[int], steps: int
) -> tuple[int, dict[int, float]]:
    """How many workers serve the loader best: images a second for each number of them."""
    if len(workers) == 1:
        return workers[0], {}
    rates = {}
    for count in workers:
        loader = Loader(name, setting, device, count)
        loader(2)
        rates[count] = steps * setting.train.batch_size / min(loader(steps) for _ in range(2))
    return max(rates, key=rates.get), rates


def product_rate(device: torch.device, precision: str, size: int = 1024) -> float:
    """Floating-point operations a second in a product of square matrices: what the processor
    reaches where nothing else costs time."""
    x = torch.randn(size, size, device=device, dtype=getattr(torch, precision))
    best = float("inf")
    deadline = time.perf_counter() + 1
    while time.perf_counter() < deadline:
        started = wait_for(device)
        for _ in range(10):
            x @ x
        best = min(best, wait_for(device) - started)
    return 10 * 2 * size**3 / best
