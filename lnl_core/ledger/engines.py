"""Where a grid's work is done: here, in processes that joblib runs, or on a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from lnl_core.accel import pick_device
from lnl_core.errors import InputError, unknown_name

ENGINES = ("processes", "dask")


class WorkerDied(RuntimeError):
    """A worker was killed or ran out of memory. What it had finished is kept."""


class Engine(Protocol):
    """What spreads pieces of work over workers; when one dies, others have to take over."""

    #: Whether work is done side by side, and so with one thread each.
    many: bool
    #: How many runs are trained as one where nobody says; None for what the device here is worth.
    stack: int | None
    #: What helps where workers keep dying.
    remedy: str

    def map(self, function: Callable, arguments: Iterable[tuple]) -> Iterator[Any]:
        """What `function` returns for each tuple of arguments, as it comes. Raises `WorkerDied`."""


@dataclass(frozen=True)
class Processes:
    """`jobs` processes on this machine; one job is done in this very process."""

    jobs: int
    stack: ClassVar[None] = None

    @property
    def many(self) -> bool:
        return self.jobs > 1

    @property
    def remedy(self) -> str:
        return f"use fewer jobs than {self.jobs}"

    def map(self, function: Callable, arguments: Iterable[tuple]) -> Iterator[Any]:
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


def pick_engine(
    name: str, *, jobs: int | None, device: str, scheduler: str | None, shared: Path
) -> Engine:
    """The engine of that name, one of `ENGINES`.

    `jobs` is the number of processes; by default one a core, or one on a GPU. `scheduler` is the
    address of a Dask cluster, whose workers see the folder `shared` as we do. Raises `InputError`
    for an unknown name and for what does not go with it.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if name == "dask":
        if scheduler is None:
            raise InputError("engine 'dask' needs --scheduler, as in tcp://127.0.0.1:8786.")
        if jobs is not None:
            raise InputError(
                f"{jobs} jobs were asked for, but on a cluster the workers are as many as were "
                "started: leave --jobs out."
            )
        from lnl_core.ledger.cluster import Cluster

        return Cluster(scheduler, shared)
    if scheduler is not None:
        raise InputError(f"the scheduler {scheduler} is used by --engine dask alone: add that.")
    jobs = _default_jobs(device) if jobs is None else jobs
    if jobs < 1:
        raise InputError(f"{jobs} jobs were asked for, but at least 1 is needed.")
    return Processes(jobs)


def _default_jobs(device: str) -> int:
    if pick_device(device).type == "cuda":
        return 1
    # The cores this process may use, which on a shared machine are fewer than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
