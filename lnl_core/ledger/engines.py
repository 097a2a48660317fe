"""Where a grid's work is done: here, or in processes that joblib hands it out to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from lnl_core.accel import pick_device
from lnl_core.errors import InputError


class WorkerDied(RuntimeError):
    """A worker was killed or ran out of memory. What it had finished is kept."""


@dataclass(frozen=True)
class Engine:
    """`jobs` pieces of work at a time."""

    jobs: int

    def map(self, function: Callable, arguments: Iterable[tuple]) -> Iterator[Any]:
        """What `function` returns for each tuple of arguments, as it comes. Raises `WorkerDied`."""
        if self.jobs == 1:
            yield from (function(*given) for given in arguments)
            return
        work = (joblib.delayed(function)(*given) for given in arguments)
        with joblib.parallel_config("loky", n_jobs=self.jobs, inner_max_num_threads=1):
            pool = joblib.Parallel(
                return_as="generator_unordered", batch_size=1, pre_dispatch=self.jobs
            )
            try:
                yield from pool(work)
            except TerminatedWorkerError:
                raise WorkerDied from None


def pick_engine(jobs: int | None, device: str) -> Engine:
    """So many processes; by default one a core, or one on a GPU. `InputError` below 1."""
    jobs = _default_jobs(device) if jobs is None else jobs
    if jobs < 1:
        raise InputError(f"{jobs} jobs were asked for, but at least 1 is needed.")
    return Engine(jobs)


def _default_jobs(device: str) -> int:
    if pick_device(device).type == "cuda":
        return 1
    # The cores this process may use, which on a shared machine are fewer than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
