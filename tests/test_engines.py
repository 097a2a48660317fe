"""Engines: which one is meant, and what a grid does when its workers keep dying."""

import sys
from dataclasses import dataclass, field

import pytest
from grid_helpers import short_configs

from lnl_core import InputError
from lnl_core.ledger import cluster, grid
from lnl_core.ledger.engines import Processes, WorkerDied, pick_engine
from lnl_core.ledger.records import Folder


def pick(tmp_path, name="processes", jobs=None, scheduler=None):
    return pick_engine(name, jobs=jobs, device="cpu", scheduler=scheduler, shared=tmp_path)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "dsk"}, "did you mean 'dask'"),
        ({"name": "dask"}, "needs --scheduler"),
        ({"name": "dask", "scheduler": "tcp://x:1", "jobs": 3}, "leave --jobs out"),
        ({"scheduler": "tcp://x:1"}, "--engine dask alone"),
        ({"jobs": 0}, "0 jobs were asked for, but at least 1"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, asked, words):
    with pytest.raises(InputError, match=words):
        pick(tmp_path, **asked)


def test_one_job_is_done_in_this_process_and_alone(tmp_path):
    engine = pick(tmp_path, jobs=1)
    assert engine == Processes(1) and not engine.many
    here = []
    assert list(engine.map(lambda *given: here.append(given) or given, [(1, 2), (3, 4)])) == here


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="pip install distributed"):
        next(pick(tmp_path, "dask", scheduler="tcp://127.0.0.1:9").map(print, [()]))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x", "host:port"])
def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch, address):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(InputError, match=f"no Dask scheduler answers at '{address}'"):
        next(pick(tmp_path, "dask", scheduler=address).map(print, [()]))
    assert not list(tmp_path.iterdir())


@dataclass
class Deadly:
    """Finishes as many pieces of work as `plan` says, then loses a worker; and so on."""

    plan: list[int]
    many: bool = False
    stack: int = 1
    remedy: str = "buy memory"
    asked: list[int] = field(default_factory=list)

    def map(self, function, arguments):
        arguments = list(arguments)
        self.asked.append(len(arguments))
        for (configs, *_), _ in zip(arguments, range(self.plan.pop(0)), strict=False):
            yield configs
        if self.plan:
            raise WorkerDied


def run_with(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "pick_engine", lambda *_, **__: engine)
    return list(grid.run_grid(short_configs(5), Folder(tmp_path), device="cpu"))


def test_a_grid_goes_on_with_what_is_left_after_a_death(tmp_path, monkeypatch, capsys):
    engine = Deadly([0, 1, 0, 0, 2, 9])  # never four deaths in a row without a finished run
    assert len(run_with(engine, tmp_path, monkeypatch)) == 5
    assert engine.asked == [5, 5, 4, 4, 4, 2]
    assert "a worker died; 2 runs are left" in capsys.readouterr().err


def test_a_grid_whose_workers_die_of_it_is_given_up_with_a_remedy(tmp_path, monkeypatch):
    engine = Deadly([1, 0, 0, 0, 9])
    with pytest.raises(InputError, match=r"died 4 times in a row .* buy memory"):
        run_with(engine, tmp_path, monkeypatch)
