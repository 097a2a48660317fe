"""A grid on a real Dask cluster: several processes, of which one is killed."""

import os
import signal
import threading
import time

import pytest
from grid_helpers import short_configs, timeless

from lnl_core import InputError
from lnl_core.ledger import cluster, grid
from lnl_core.ledger.engines import WorkerDied
from lnl_core.ledger.grid import key_of, run_grid, run_one
from lnl_core.ledger.records import Folder

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Two workers, each a process that does one run at a time."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=":0",
        local_directory=tmp_path_factory.mktemp("dask"),
    ) as started:
        yield started


def here(folder, threads: int = 1):
    """A worker in this very process."""
    return distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=threads,
        processes=False,
        dashboard_address=":0",
        local_directory=folder / "dask",
    )


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_costs_no_record_and_changes_none(processes, tmp_path):
    todo = short_configs(4, epochs=2)
    folder, alone = Folder(tmp_path / "cluster"), Folder(tmp_path / "alone")
    work = run_grid(
        todo, folder, device="cpu", engine="dask", scheduler=processes.scheduler_address
    )
    done = [next(work)]
    os.kill(next(iter(processes.workers.values())).pid, signal.SIGKILL)
    done += work
    assert sorted(map(key_of, done)) == sorted(map(key_of, todo))
    for config in todo:
        run_one(config, alone, "cpu", threads=1)
        assert timeless(folder.get(key_of(config))) == timeless(alone.get(key_of(config)))
    hidden = {path.name for path in folder.path.glob(".*")}
    assert hidden == {".checkpoints"} and not any((folder.path / ".checkpoints").iterdir())


@pytest.mark.slow
def test_work_that_kills_its_workers_is_given_back_and_does_not_hang(processes, tmp_path):
    with distributed.Client(processes, set_as_default=False) as client:
        client.run_on_scheduler(
            lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0)
        )
    with pytest.raises(WorkerDied):
        list(cluster.Cluster(processes.scheduler_address, tmp_path).map(os._exit, [(1,)]))
    assert not list(tmp_path.iterdir())


def test_what_a_run_refuses_is_refused_here(tmp_path):
    with here(tmp_path) as one, pytest.raises(ValueError, match="invalid literal"):
        list(cluster.Cluster(one.scheduler_address, tmp_path).map(int, [("no number",)]))


def test_a_worker_that_does_several_runs_at_a_time_is_refused(tmp_path):
    with (
        here(tmp_path, threads=2) as two,
        pytest.raises(InputError, match=r"2 runs at a time.*--nthreads 1"),
    ):
        list(cluster.Cluster(two.scheduler_address, tmp_path).map(abs, [(1,)]))


def test_a_worker_that_does_not_share_the_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.touch", lambda self: None)  # as if on another disk
    with here(tmp_path) as one, pytest.raises(InputError, match=f"does not see {tmp_path}: give"):
        list(cluster.Cluster(one.scheduler_address, tmp_path).map(abs, [(1,)]))


def test_a_worker_with_other_data_or_another_version_is_refused(tmp_path):
    (config,) = short_configs(1)
    with pytest.raises(InputError, match="same LNL_DATA and the same checkout"):
        grid._claim({"0" * 16: config}, Folder(tmp_path), "cpu", 1, False)
    assert not list(tmp_path.iterdir())


def test_a_lost_scheduler_is_said_in_a_sentence(tmp_path):
    with here(tmp_path) as one:
        answers = cluster.Cluster(one.scheduler_address, tmp_path).map(
            time.sleep, [(0,), (3,), (3,)]
        )
        next(answers)
        threading.Thread(target=one.close).start()
        with pytest.raises(InputError, match="was lost: start it"):
            list(answers)
