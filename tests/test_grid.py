"""Grids: nothing finished is computed twice, nothing finished is lost, whoever is killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lnl_core import InputError, configure
from lnl_core.accel.together import Group
from lnl_core.ledger.grid import CHECKPOINTS, key_of, missing, run_grid, run_one, units
from lnl_core.ledger.records import Folder

GRID = """
import sys
from pathlib import Path
from lnl_core import configure
from lnl_core.ledger.grid import run_grid
from lnl_core.ledger.records import Folder
what = "cross-entropy", "digits", "symmetric:0.2"
configs = [configure(*what, seed=seed, epochs=6) for seed in range(40)]
for config in run_grid(configs, Folder(Path(sys.argv[1])), jobs=2, device="cpu"):
    print(config.seeds.noise, flush=True)
"""


def configs(count, **changes):
    return [
        configure("cross-entropy", "digits", "symmetric:0.2", seed=seed, epochs=1, **changes)
        for seed in range(count)
    ]


def stamps(folder: Folder) -> dict[str, int]:
    return {file.stem: file.stat().st_mtime_ns for file in folder.path.glob("*.json")}


def test_a_grid_leaves_one_valid_record_a_config(tmp_path):
    folder = Folder(tmp_path)
    todo = configs(2)
    done = list(run_grid(todo * 2, folder, jobs=1, device="cpu"))  # asked for twice, run once
    assert len(done) == 2
    assert {record["key"] for record in folder} == {key_of(config) for config in todo}
    assert not any((tmp_path / CHECKPOINTS).iterdir())


def test_what_is_there_is_not_computed_again(tmp_path):
    folder = Folder(tmp_path)
    list(run_grid(configs(1), folder, jobs=1, device="cpu"))
    before = stamps(folder)
    assert len(list(run_grid(configs(2), folder, jobs=1, device="cpu"))) == 1
    after = stamps(folder)
    assert before.items() <= after.items() and len(after) == 2


def test_a_damaged_record_is_computed_again_and_comes_out_the_same(tmp_path, capsys):
    folder = Folder(tmp_path)
    (config,) = configs(1)
    run_one(config, folder, "cpu")
    first = folder.get(key_of(config))
    file = folder.file(key_of(config))
    file.write_text(file.read_text()[:500])
    assert missing([config], folder) == [config]
    list(run_grid([config], folder, jobs=1, device="cpu"))
    again = folder.get(key_of(config))
    assert again["metrics"] == first["metrics"]
    assert "Set aside" in capsys.readouterr().err


def test_a_run_that_diverges_is_a_record_and_the_grid_goes_on(tmp_path):
    folder = Folder(tmp_path)
    bad = configure("cross-entropy", "digits", seed=0, epochs=2, lr=1e30)
    (good,) = configs(1)
    list(run_grid([bad, good], folder, jobs=1, device="cpu"))
    record = folder.get(key_of(bad))
    assert record["status"] == "diverged" and "epoch 1" in record["error"]
    assert folder.get(key_of(good))["status"] == "finished"
    assert missing([bad, good], folder) == []


def test_too_few_jobs_are_refused(tmp_path):
    with pytest.raises(InputError, match="0 jobs"):
        list(run_grid(configs(1), Folder(tmp_path), jobs=0))


@pytest.mark.slow
def test_processes_give_what_one_process_gives(tmp_path):
    apart, together = Folder(tmp_path / "apart"), Folder(tmp_path / "together")
    list(run_grid(configs(3), apart, jobs=2, device="cpu"))
    for config in configs(3):
        run_one(config, together, "cpu", threads=1)
    for config in configs(3):
        ours, theirs = (folder.get(key_of(config)) for folder in (apart, together))
        assert ours["metrics"] == theirs["metrics"]
        losses = [[epoch["train_loss"] for epoch in r["history"]] for r in (ours, theirs)]
        assert losses[0] == losses[1]


def start(folder: Folder) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", GRID, str(folder.path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def workers(parent: int) -> list[int]:
    """The grid's worker processes, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text, command = stat.read_text(), stat.with_name("cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if int(text.rpartition(")")[2].split()[1]) == parent and b"popen_loky" in command:
            found.append(int(stat.parent.name))
    return found


def wait_for_records(folder: Folder, count: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while len(stamps(folder)) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the grid makes no progress"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers in /proc")
def test_kill_9_of_workers_and_of_the_parent_loses_only_what_was_in_flight(tmp_path):
    """Forty short runs; a worker dies twice, then the parent, at random moments."""
    folder = Folder(tmp_path)
    chance = random.Random()
    process = start(folder)
    for count in (chance.randint(1, 4), chance.randint(6, 10)):
        wait_for_records(folder, count, process)
        victims = workers(process.pid)
        if victims:
            os.kill(chance.choice(victims), signal.SIGKILL)
    wait_for_records(folder, chance.randint(12, 18), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    finished = stamps(folder)
    assert len(list(folder)) == len(finished)  # each of them valid
    assert not list(tmp_path.glob("*.damaged"))
    out, err = start(folder).communicate(timeout=240)
    assert len(out.split()) == 40 - len(finished), err
    after = stamps(folder)
    assert len(after) == 40 and finished.items() <= after.items()
    assert len(list(folder)) == 40


# --- stacks ---------------------------------------------------------------------------------------


def grid_of(*methods: str, seeds: int = 2, **changes) -> list:
    return [
        configure(method, "digits", noise, seed=seed, epochs=1, **changes)
        for seed in range(seeds)
        for method in methods
        for noise in ("none", "symmetric:0.2")
    ]


def test_runs_of_one_shape_are_stacked_and_no_others():
    todo = [*grid_of("forward", "joint"), *grid_of("forward", net="lenet"), *grid_of("savage")]
    lists = units(todo, stack=3)
    assert sorted(map(id, todo)) == sorted(id(config) for configs in lists for config in configs)
    sizes = {}
    for configs in lists:
        assert len({(config.method, config.net) for config in configs}) == 1
        sizes.setdefault((configs[0].method, configs[0].net), []).append(len(configs))
    assert sizes == {
        ("forward", "mlp"): [3, 1], ("forward", "lenet"): [3, 1], ("savage", "mlp"): [3, 1],
        ("joint", "mlp"): [1, 1, 1, 1],
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"lr": 0.3}, {"options": {"beta": 0.5}}, {"net_options": {"hidden": (9,)}}]
)
def test_other_settings_are_another_stack(changes):
    todo = [*grid_of("bootstrap-soft"), *grid_of("bootstrap-soft", **changes)]
    assert [len(configs) for configs in units(todo, stack=8)] == [4, 4]


def test_by_default_small_nets_are_stacked_on_a_gpu_and_nothing_on_a_cpu(monkeypatch):
    todo = [*grid_of("forward"), *grid_of("forward", net="lenet")]
    assert [len(configs) for configs in units(todo, device="cpu")] == [1] * 8
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert [len(configs) for configs in units(todo, device="cuda")] == [4] + [1] * 4


def test_a_stacked_grid_leaves_the_records_of_a_separate_one(tmp_path):
    together, apart = Folder(tmp_path / "together"), Folder(tmp_path / "apart")
    todo = grid_of("forward", "forward-estimated", net_options={"dropout": 0.0})
    done = list(run_grid(todo, together, jobs=1, device="cpu", stack=3))
    assert sorted(map(key_of, done)) == sorted(map(key_of, todo))
    assert not any((tmp_path / "together" / CHECKPOINTS).iterdir())
    list(run_grid(todo, apart, jobs=1, device="cpu"))
    assert {record.pop("stacked", 1) for record in apart} == {1}
    counts = []
    for config in todo:
        ours, theirs = (folder.get(key_of(config)) for folder in (together, apart))
        counts.append(ours.get("stacked", 1))
        assert ours["config"] == theirs["config"] and ours["metrics"] == theirs["metrics"]
        for one, other in zip(ours["history"], theirs["history"], strict=True):
            assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
    assert sorted(counts) == [1, 1, 3, 3, 3, 3, 3, 3]
    assert list(run_grid(todo, together, jobs=1, device="cpu", stack=3)) == []


def test_a_stack_that_was_broken_off_goes_on(tmp_path, monkeypatch):
    """Killed in its second epoch: nothing is left but the checkpoints, and they are used."""
    folder = Folder(tmp_path)
    todo = [configure("forward", "digits", "symmetric:0.2", seed=s, epochs=3) for s in range(3)]
    trained = []
    own = Group.train

    def train(self, epochs, seed):
        if len(trained) == 1:
            raise KeyboardInterrupt
        trained.append(len(epochs))
        own(self, epochs, seed)

    monkeypatch.setattr(Group, "train", train)
    with pytest.raises(KeyboardInterrupt):
        list(run_grid(todo, folder, jobs=1, device="cpu", stack=3))
    assert list(folder) == [] and len(list((tmp_path / CHECKPOINTS).iterdir())) == 3
    again = []
    monkeypatch.setattr(Group, "train", lambda *a: again.append(1) or own(*a))
    list(run_grid(todo, folder, jobs=1, device="cpu", stack=3))
    assert len(again) == 2  # epochs 2 and 3
    assert [len(record["history"]) for record in folder] == [3, 3, 3]


def test_stacks_that_diverge_are_records_as_well(tmp_path):
    folder = Folder(tmp_path)
    todo = grid_of("cross-entropy", lr=1e30)
    list(run_grid(todo, folder, jobs=1, device="cpu", stack=4))
    assert {record["status"] for record in folder} == {"diverged"} and len(list(folder)) == 4


@pytest.mark.slow
def test_stacks_in_processes(tmp_path):
    folder = Folder(tmp_path)
    todo = grid_of("forward", seeds=3)
    done = list(run_grid(todo, folder, jobs=2, device="cpu", stack=2))
    assert sorted(map(key_of, done)) == sorted(map(key_of, todo))
    assert {record["stacked"] for record in folder} == {2}


def test_too_small_a_stack_is_refused(tmp_path):
    with pytest.raises(InputError, match="0 runs a stack"):
        list(run_grid(configs(1), Folder(tmp_path), jobs=1, stack=0))
