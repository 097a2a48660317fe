"""Many runs: compute those that have no record yet, each written by the worker that ran it.

joblib spreads them over processes. On a CPU each gets one thread, because two runs side by side
beat one run on two threads; on a GPU they run one after the other. A kill loses at most what was
in flight, and of that no more than the epoch at work: each run checkpoints as it goes.

Runs that differ in seeds and noise alone can be trained as one (`accel/together.py`), which pays
on a GPU for small nets. Each still leaves the record that it would leave alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import joblib
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from lnl_core.accel import default_threads, pick_device, threads
from lnl_core.accel.together import Deferred, train_together
from lnl_core.config import RunConfig
from lnl_core.data import Dataset, load_dataset
from lnl_core.errors import DivergedError, InputError
from lnl_core.ledger.records import Folder, project_folder, record_key
from lnl_core.methods import get_method
from lnl_core.run import Run

CHECKPOINTS = ".checkpoints"
#: How many runs to stack on a GPU, by net, where `stack` is not given: it pays for small ones.
STACKED = {"mlp": 20}
#: How often in a row a pool may lose a worker before a single run is finished.
PATIENCE = 3


@lru_cache(maxsize=2)
def _dataset(name: str) -> Dataset:
    """Loaded once a process; a grid rarely needs more than one."""
    return load_dataset(name)


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
) -> Iterator[RunConfig]:
    """Compute the missing records, yielding each config as its record is written.

    `jobs` processes at a time; by default one a CPU core, or one on a GPU. A worker that dies
    (killed, out of memory) is replaced and its run started again from its last checkpoint.
    `stack` runs at most are trained as one, where they can be; by default none on a CPU, and on
    a GPU what `STACKED` says.
    """
    jobs = _default_jobs(device) if jobs is None else jobs
    for count, what in ((jobs, "jobs"), (1 if stack is None else stack, "runs a stack")):
        if count < 1:
            raise InputError(f"{count} {what} were asked for, but at least 1 is needed.")
    todo, deaths = missing(configs, folder), 0
    while todo:
        try:
            for config in _compute(units(todo, stack, device), folder, jobs, device):
                deaths = 0
                yield config
            return
        except TerminatedWorkerError:
            deaths += 1
            if deaths > PATIENCE:
                raise InputError(
                    f"a worker died {deaths} times in a row without finishing a run, probably out "
                    f"of memory: use fewer jobs than {jobs}. What is finished is kept."
                ) from None
            todo = missing(todo, folder)
            print(f"a worker died; {len(todo)} runs are left and go on", file=sys.stderr)


def units(
    configs: Sequence[RunConfig], stack: int | None = None, device: str = "cpu"
) -> list[list[RunConfig]]:
    """The configs in lists that are each computed at once, in the order of their first ones."""
    on_gpu = pick_device(device).type == "cuda"
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


def _compute(
    lists: Sequence[Sequence[RunConfig]], folder: Folder, jobs: int, device: str
) -> Iterator[RunConfig]:
    if jobs == 1:
        for configs in lists:
            with threads(default_threads(configs[0].net)):
                yield from run_unit(configs, folder, device)
        return
    with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        pool = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)
        work = (joblib.delayed(run_unit)(configs, folder, device, 1) for configs in lists)
        for configs in pool(work):
            yield from configs


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


def _default_jobs(device: str) -> int:
    if pick_device(device).type == "cuda":
        return 1
    # The cores this process may use, which on a shared machine are fewer than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def results_folder(paper: str, profile: str, root: Path | None = None) -> Folder:
    """Where the records of a table lie: `data/results/PAPER`, which is committed, at the paper
    profile; `build/results/PAPER`, which is not, at the others."""
    if root is None:
        committed = project_folder("results")
        root = committed if profile == "paper" else committed.parent.parent / "build" / "results"
    return Folder(root / paper)
