"""A disk that is full or cannot be written, and files that somebody touched: a clear sentence, no
wrong number, no lost record."""

import copy
import json
import os
import resource
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from grid_helpers import short_configs, timeless
from ledger_helpers import real_record
from training_helpers import assert_same_runs, finish, small_run

from lnl_core import InputError
from lnl_core.atomic import replacing
from lnl_core.ledger import grid, locks
from lnl_core.ledger.grid import key_of, run_grid, run_one
from lnl_core.ledger.record_check import BadRecord
from lnl_core.ledger.records import Folder, read_record


@contextmanager
def full_disk(room: int):
    """No file can grow over so many bytes: the system itself refuses to write on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def locked_folder():
    """A folder with one record, and the context in which it can be read but not written."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name)
        Folder(path).write(real_record())
        key_of(short_configs(1, epochs=1)[0])  # what is loaded once is loaded, wherever it lies

        @contextmanager
        def read_only():
            path.chmod(0o555)
            root = os.geteuid() == 0  # whom permissions do not stop
            if root:
                os.seteuid(65534)
            try:
                yield
            finally:
                if root:
                    os.seteuid(0)
                path.chmod(0o755)

        yield Folder(path), read_only


def other_record() -> dict:
    record = copy.deepcopy(real_record())
    record["seconds"] += 1
    return record


# --- full, or not writable ------------------------------------------------------------------------


def test_a_record_for_which_there_is_no_room_leaves_the_one_before(tmp_path):
    folder = Folder(tmp_path)
    file = folder.write(real_record())
    with full_disk(1000), pytest.raises(InputError, match=r"cannot be written .*room to spare"):
        folder.write(other_record())
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert read_record(file)["seconds"] == real_record()["seconds"]


def test_a_checkpoint_for_which_there_is_no_room_leaves_the_one_before(tmp_path):
    run = iter(small_run(checkpoints=tmp_path))
    next(run)
    with full_disk(1000), pytest.raises(InputError, match=r"cannot be written .*room to spare"):
        next(run)
    assert [path.name for path in tmp_path.iterdir()] == ["train.pt"]
    assert_same_runs(finish(small_run()), finish(small_run(checkpoints=tmp_path)))


def test_a_grid_on_a_full_disk_stops_with_a_sentence_and_goes_on_later(tmp_path):
    first, second = short_configs(2, epochs=2)
    folder, alone = Folder(tmp_path / "full"), Folder(tmp_path / "alone")
    list(run_grid([first], folder, jobs=1, device="cpu"))
    before = folder.file(key_of(first)).stat()
    with full_disk(1000), pytest.raises(InputError, match=r"cannot be written .*room to spare"):
        list(run_grid([first, second], folder, jobs=1, device="cpu"))
    list(run_grid([first, second], folder, jobs=1, device="cpu"))
    assert folder.file(key_of(first)).stat().st_mtime_ns == before.st_mtime_ns
    run_one(second, alone, "cpu")
    assert timeless(folder.get(key_of(second))) == timeless(alone.get(key_of(second)))


def test_a_read_only_folder_can_be_read_and_refuses_the_rest(locked_folder):
    folder, read_only = locked_folder
    todo = short_configs(1, epochs=1)
    with read_only():
        assert [record["key"] for record in folder] == [real_record()["key"]]
        with pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"):
            folder.write(other_record())
        with pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"):
            list(run_grid(todo, folder, jobs=1, device="cpu"))
    assert [record["seconds"] for record in folder] == [real_record()["seconds"]]


def test_a_damaged_record_in_a_read_only_folder_is_named(locked_folder):
    folder, read_only = locked_folder
    file = folder.file(real_record()["key"])
    file.write_text("{")
    with read_only(), pytest.raises(InputError, match=rf"{file} is damaged .*: delete it"):
        list(folder)


def test_a_record_that_may_not_be_read_is_not_taken_for_a_damaged_one(locked_folder):
    folder, read_only = locked_folder
    file = folder.file(real_record()["key"])
    file.chmod(0)
    with read_only(), pytest.raises(InputError, match=rf"{file} cannot be read .*make it readable"):
        list(folder)
    file.chmod(0o644)
    assert len(list(folder)) == 1


def test_a_results_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    folder = Folder(tmp_path / "file" / "paper")
    with pytest.raises(InputError, match="cannot be written"):
        list(run_grid(short_configs(1, epochs=1), folder, jobs=1, device="cpu"))


# --- two processes on one cell --------------------------------------------------------------------


@pytest.mark.skipif(locks.fcntl is None or not hasattr(os, "fork"), reason="locks of Unix")
def test_two_processes_on_one_cell_compute_it_once(tmp_path, monkeypatch):
    (config,) = short_configs(1, epochs=1)
    folder, alone, log = Folder(tmp_path / "both"), Folder(tmp_path / "alone"), tmp_path / "log"
    run_one(config, alone, "cpu")

    def slowly(*_):
        with log.open("a") as stream:
            stream.write("x")
        time.sleep(0.5)
        folder.write(alone.get(key_of(config)))

    monkeypatch.setattr(grid, "run_unit", slowly)
    child = os.fork()
    done = 0
    try:
        done = len(list(run_grid([config], folder, jobs=1, device="cpu")))
    finally:
        if child == 0:
            os._exit(0 if done == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and done == 1
    assert log.read_text() == "x"


# Where the filesystem has no locks, both compute it; neither may spoil the other's files.


def test_two_that_write_one_file_at_once_leave_a_whole_one(tmp_path):
    file = tmp_path / "file"
    with replacing(file) as one, replacing(file) as other:
        other.write_text("another's")
        one.write_text("one's")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "one's"  # the last to be ready


def test_a_run_goes_on_when_another_removes_its_checkpoints(tmp_path):
    run = small_run(checkpoints=tmp_path / "run")
    for record in run:
        if record.epoch == 1:
            shutil.rmtree(tmp_path / "run")
    assert_same_runs(finish(small_run()), run)


# --- edited by hand -------------------------------------------------------------------------------


def leaves(value, *path):
    """The path to everything in a record that is no object or list, and to what is empty."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, below in inner:
        if isinstance(below, dict | list) and below:
            yield from leaves(below, *path, name)
        else:
            yield (*path, name)


def edited(path, value) -> dict:
    record = json.loads(json.dumps(real_record()))
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return record


EVERYWHERE = list(leaves(json.loads(json.dumps(real_record()))))


def test_a_change_of_any_one_value_is_noticed(tmp_path):
    file = Folder(tmp_path).write(real_record())
    digest = json.loads(file.read_text())["digest"]
    for path in EVERYWHERE:
        record = edited(path, "another")
        file.write_text(json.dumps(record | {"digest": digest}))
        with pytest.raises(BadRecord):
            read_record(file)
    file.write_text(json.dumps(real_record() | {"digest": digest}, indent=1))
    assert read_record(file)["key"] == real_record()["key"]  # its layout may change


@pytest.mark.parametrize("value", [None, "x", -1, [], {}, 1e999], ids=repr)
def test_a_record_without_a_digest_is_refused_or_read_whatever_was_edited(tmp_path, value):
    file = Folder(tmp_path).write(real_record())
    for path in EVERYWHERE:
        file.write_text(json.dumps(edited(path, value)))
        try:
            read_record(file)
        except BadRecord:
            continue
