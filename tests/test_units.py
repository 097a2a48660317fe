"""Stacks in a grid: which runs are trained as one, and that each leaves its own record."""

import pytest

from lnl_core import InputError, configure
from lnl_core.accel.together import Group
from lnl_core.ledger.grid import CHECKPOINTS, key_of, run_grid
from lnl_core.ledger.records import Folder
from lnl_core.ledger.units import units


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
        list(run_grid(grid_of("forward"), Folder(tmp_path), jobs=1, stack=0))
