"""Many runs: compute those that have no record yet, each written by the worker that ran it.

joblib spreads them over processes (`engines.py`), Dask over a cluster (`cluster.py`). On a CPU each
gets one thread, because two runs side by side beat one run on two threads; on a GPU they run one
after the other. A kill loses at most what was in flight, and of that no more than the epoch at
work: each run checkpoints as it goes. Two grids on one folder share the work: a run that is locked
is another's.

Runs that differ in seeds and noise alone can be trained as one (`accel/together.py`), which pays
on a GPU for small nets. Each still leaves the record that it would leave alone.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from socket import gethostname

import torch

from lnl_core.accel import default_threads
from lnl_core.accel import threads as with_threads
from lnl_core.accel.together import Deferred, train_together
from lnl_core.config import RunConfig
from lnl_core.data import Dataset, load_dataset
from lnl_core.data.sources import npz_file
from lnl_core.errors import DivergedError, InputError
from lnl_core.ledger.engines import Engine, WorkerDied, pick_engine
from lnl_core.ledger.locks import lock
from lnl_core.ledger.record_check import record_key
from lnl_core.ledger.records import Folder, not_writable, project_folder
from lnl_core.ledger.units import units
from lnl_core.methods import get_method, method_names
from lnl_core.run import Run

CHECKPOINTS = ".checkpoints"
#: How often in a row a pool may lose a worker before a single run is finished.
PATIENCE = 3


def _dataset(name: str) -> Dataset:
    """Loaded once a process, and again where its `.npz` was written anew."""
    return _loaded(name, _stamp(name))


@lru_cache(maxsize=2)  # a grid rarely needs more than one
def _loaded(name: str, stamp: tuple | None) -> Dataset:
    return load_dataset(name)


def _stamp(name: str) -> tuple | None:
    """What changes when the file of that name is written; None for data that are no such file."""
    try:
        path = npz_file(name)
        found = None if path is None else path.stat()
    except OSError:  # not there, or not for us: what is wrong with it, loading says
        return None
    return None if found is None else (path.resolve(), found.st_mtime_ns, found.st_size)


def key_of(config: RunConfig) -> str:
    """The key of the run's record."""
    version = get_method(config.method).version
    return record_key(config.to_dict(), _dataset(config.data).fingerprint, version)


def missing(configs: Sequence[RunConfig], folder: Folder) -> list[RunConfig]:
    """The configs that have no valid record, each once."""
    by_key = {key_of(config): config for config in configs}
    return [config for key, config in by_key.items() if not folder.has(key)]


def run_grid(
    configs: Sequence[RunConfig],
    folder: Folder,
    *,
    jobs: int | None = None,
    device: str = "auto",
    stack: int | None = None,
    engine: str = "processes",
    scheduler: str | None = None,
) -> Iterator[RunConfig]:
    """Compute the missing records, yielding each config as its record is there.

    `jobs` processes at a time; by default one a CPU core, or one on a GPU. With the engine "dask"
    the workers of the cluster whose scheduler has that address, all of which share the folder. A
    worker that dies (killed, out of memory) is replaced and its run started again from its last
    checkpoint. `stack` runs at most are trained as one, where they can be; by default none on a
    CPU or a cluster, and on a GPU what `units.STACKED` says. Raises `InputError` where a record
    cannot be written.
    """
    folder = Folder(folder.path.resolve())  # a worker may be in another directory
    shared = folder.path / CHECKPOINTS
    spread = pick_engine(engine, jobs=jobs, device=device, scheduler=scheduler, shared=shared)
    if stack is not None and stack < 1:
        raise InputError(f"{stack} runs a stack were asked for, but at least 1 is needed.")
    left = {key_of(config): config for config in missing(configs, folder)}
    # What another grid is computing comes last: by then it has a record, or its owner is dead.
    for wait in (False, True):
        deaths = 0
        while left:
            keys = {id(config): key for key, config in left.items()}
            lists = units(list(left.values()), stack or spread.stack, device)
            work = [{keys[id(config)]: config for config in configs} for configs in lists]
            try:
                for key, config in _compute(work, folder, device, spread, wait):
                    deaths = 0
                    del left[key]
                    yield config
                break
            except WorkerDied:
                deaths += 1
                if deaths > PATIENCE:
                    raise InputError(_died(deaths, spread)) from None
                print(f"a worker died; {len(left)} runs are left and go on", file=sys.stderr)


def _died(deaths: int, spread: Engine) -> str:
    return (
        f"a worker died {deaths} times in a row without finishing a run, probably out of memory: "
        f"{spread.remedy}. What is finished is kept."
    )


def _compute(
    work: Sequence[dict[str, RunConfig]], folder: Folder, device: str, spread: Engine, wait: bool
) -> Iterator[tuple[str, RunConfig]]:
    given = ((asked, folder, device, 1 if spread.many else None, wait) for asked in work)
    for done in spread.map(_claim, given):
        yield from done.items()


def _claim(
    asked: dict[str, RunConfig], folder: Folder, device: str, threads: int | None, wait: bool
) -> dict[str, RunConfig]:
    """Compute what of `asked`, by key, has no record yet and is not locked; what has one
    afterwards."""
    for config in asked.values():
        if config.method not in method_names():
            raise InputError(
                f"method '{config.method}' is registered in the process that started the grid "
                "alone, and its workers have lnl_core's methods: put it into lnl_core/methods "
                "(README, 'A method of your own'), or use jobs=1."
            )
    if threads is None:
        threads = default_threads(next(iter(asked.values())).net)
    if any(key_of(config) != key for key, config in asked.items()):
        raise InputError(
            f"{gethostname()} has other data, or another version of a method, than where the grid "
            "was started: give both the same LNL_DATA and the same checkout, and write no file "
            "anew while a grid reads it."
        )
    with ExitStack() as locks, with_threads(threads):
        held = {}
        for key, config in sorted(asked.items()):  # in one order: two grids never wait in a ring
            try:
                free = locks.enter_context(
                    lock(folder.path / CHECKPOINTS / f"{key}.lock", wait=wait)
                )
            except OSError as error:
                raise not_writable(folder.path, error) from None
            if free:
                held[key] = config
        todo = [config for key, config in held.items() if not folder.has(key)]
        if todo:
            run_unit(todo, folder, device)
        return held


def run_unit(
    configs: Sequence[RunConfig], folder: Folder, device: str = "auto", threads: int | None = None
) -> Sequence[RunConfig]:
    """Train these configs to their ends, several as one, and write their records."""
    if len(configs) == 1:
        return [run_one(configs[0], folder, device, threads)]
    if threads is not None:
        torch.set_num_threads(threads)
    members = []
    for config in configs:
        deferred = Deferred()
        run = Run(
            config,
            device=device,
            dataset=_dataset(config.data),
            checkpoints=_checkpoints(config, folder),
            steps=True,
            updates=deferred,
        )
        members.append((run, deferred))
    for run, problem in train_together(members):
        folder.write(run.document(problem) | {"stacked": len(configs)})
        shutil.rmtree(_checkpoints(run.config, folder), ignore_errors=True)
    return configs


def _checkpoints(config: RunConfig, folder: Folder) -> Path:
    return folder.path / CHECKPOINTS / key_of(config)


def run_one(
    config: RunConfig, folder: Folder, device: str = "auto", threads: int | None = None
) -> RunConfig:
    """Train one config to its end and write its record. A diverged run is a result as well."""
    if threads is not None:
        torch.set_num_threads(threads)
    checkpoints = _checkpoints(config, folder)
    run = Run(config, device=device, dataset=_dataset(config.data), checkpoints=checkpoints)
    problem = None
    try:
        for _ in run:
            pass
    except DivergedError as error:
        problem = error
    folder.write(run.document(problem))
    shutil.rmtree(checkpoints, ignore_errors=True)
    return config


def results_folder(paper: str, profile: str, root: Path | None = None) -> Folder:
    """Where the records of a table lie: `data/results/PAPER`, which is committed, at the paper
    profile; `build/results/PAPER`, which is not, at the others."""
    if root is None:
        committed = project_folder("results")
        root = committed if profile == "paper" else committed.parent.parent / "build" / "results"
    return Folder(root / paper)
