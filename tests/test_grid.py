"""Grids: what is missing is computed, and nothing else."""

import pytest
from grid_helpers import stamps

from lnl_core import InputError, configure
from lnl_core.ledger.grid import CHECKPOINTS, key_of, missing, run_grid, run_one
from lnl_core.ledger.records import Folder


def configs(count, **changes):
    return [
        configure("cross-entropy", "digits", "symmetric:0.2", seed=seed, epochs=1, **changes)
        for seed in range(count)
    ]


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
