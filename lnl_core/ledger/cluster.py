"""A grid on a Dask cluster (docs/cluster.md). Dask schedules, and starts the work of a dead worker
again elsewhere; records come back by the results folder, which every worker has to share.

Through Dask's own client: joblib's backend for it never returns from work whose workers were
killed more often than Dask allows (joblib 1.6).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from typing import Any, ClassVar
from uuid import uuid4

from lnl_core.errors import InputError
from lnl_core.ledger.engines import WorkerDied
from lnl_core.ledger.records import not_writable

#: Seconds to wait for an answer of the scheduler.
PATIENCE = 15


@dataclass(frozen=True)
class Cluster:
    """The workers of the Dask scheduler at that address, which share the folder `shared`."""

    scheduler: str
    shared: Path
    many: ClassVar[bool] = True
    stack: ClassVar[int] = 1
    remedy: ClassVar[str] = "give each worker more memory"

    def map(self, function: Callable, arguments: Iterable[tuple]) -> Iterator[Any]:
        """What `function` returns for each tuple of arguments, as it comes. Raises `WorkerDied`.

        Raises `InputError` where the scheduler does not answer or is lost, and where a worker is
        not one that can be used."""
        distributed = _distributed()
        with _connected(distributed, self.scheduler) as client, _marker(self.shared) as marker:
            print(f"{len(client.nthreads())} workers at {self.scheduler}", file=sys.stderr)
            work = [(function, given, marker) for given in arguments]
            # Not pure: the same work is done again when a second grid asks for it.
            futures = client.map(_on_worker, work, pure=False)
            try:
                for future in distributed.as_completed(futures, loop=client.loop):
                    yield future.result()
            except distributed.scheduler.KilledWorker:
                raise WorkerDied from None
            except CancelledError:
                raise InputError(
                    f"the scheduler at {self.scheduler} was lost: start it and its workers again, "
                    "then this command; what is finished is kept."
                ) from None


def _on_worker(work: tuple[Callable, tuple, Path]) -> Any:
    from distributed import get_worker

    function, given, marker = work
    # torch's random state and number of threads are the process's: it holds one run at a time.
    threads = get_worker().state.nthreads
    if threads != 1:
        raise InputError(
            f"a worker on {gethostname()} does {threads} runs at a time in one process: start the "
            "workers with --nthreads 1, and more of them with --nworkers."
        )
    if not marker.exists():
        raise InputError(
            f"a worker on {gethostname()} does not see {marker.parent}: give a results folder that "
            "all workers share, by the same path."
        )
    return function(*given)


@contextmanager
def _connected(distributed: Any, scheduler: str) -> Iterator[Any]:
    try:
        client = distributed.Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler!r} ({error}): start one with `dask "
            "scheduler`, which prints its address."
        ) from None
    with client:
        yield client


@contextmanager
def _marker(folder: Path) -> Iterator[Path]:
    """A file that a worker sees if it shares the folder. Its name is new: no cache knows it."""
    file = folder / f"{uuid4().hex}.shared"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise not_writable(folder, error) from None
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError(
            "engine 'dask' needs the package distributed, which is not installed: pip install "
            "distributed."
        ) from None
    return distributed
