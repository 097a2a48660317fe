"""Grids: what is missing is computed, and nothing else."""

import numpy as np
import pytest
from grid_helpers import stamps

from lnl_core import InputError, Method, configure
from lnl_core.ledger import grid
from lnl_core.ledger.grid import CHECKPOINTS, key_of, missing, run_grid, run_one
from lnl_core.ledger.records import Folder
from lnl_core.methods import register, registry


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


def write_own(path, seed):
    draw, y = np.random.default_rng(seed), np.arange(60) % 2
    x = draw.normal(size=(60, 5)).astype("float32")
    np.savez(path, x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    folder, path = Folder(tmp_path / "records"), tmp_path / "own.npz"
    for seed in range(2):
        write_own(path, seed)
        for runs in (1, 0):  # of data that stay as they are, the second time none
            config = configure("cross-entropy", str(path), epochs=1)
            assert len(list(run_grid([config], folder, jobs=1, device="cpu"))) == runs
    assert len({record["dataset"]["fingerprint"] for record in folder}) == 2


def test_a_file_that_is_written_anew_while_the_grid_reads_it_is_refused(tmp_path):
    folder, path = Folder(tmp_path / "records"), tmp_path / "own.npz"
    write_own(path, 0)
    todo = [configure("cross-entropy", str(path), epochs=1, seed=seed) for seed in range(2)]
    runs = run_grid(todo, folder, jobs=1, device="cpu")
    assert next(runs) is todo[0]
    write_own(path, 1)
    with pytest.raises(InputError, match="write no file anew while"):
        next(runs)


def test_a_method_that_the_workers_do_not_have_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    register("own", Method, "registered here alone")
    config = configure("own", "digits", epochs=1)
    asked = {key_of(config): config}
    del registry._REGISTRY["own"]  # as it is in a worker
    with pytest.raises(InputError, match=r"'own' is registered in the process .* jobs=1"):
        grid._claim(asked, Folder(tmp_path), "cpu", 1, False)


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
