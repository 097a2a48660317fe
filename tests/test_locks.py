"""Locks: one holder at a time, none after its death, no file left behind."""

import os
import signal
import time

import pytest

from lnl_core.ledger.locks import lock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="locks of Unix")


def held_elsewhere(file) -> int:
    """A process that holds the lock until it is killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with lock(file, wait=True):
            os.write(writing, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(reading, 1)
    os.close(reading), os.close(writing)
    return child


def test_a_lock_has_one_holder_and_ends_with_it(tmp_path):
    file = tmp_path / "new" / "key.lock"
    child = held_elsewhere(file)
    try:
        with lock(file, wait=False) as free:
            assert not free
        assert file.exists()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with lock(file, wait=False) as free:
        assert free
    assert not file.exists()


def test_a_lock_that_was_let_go_is_free_again(tmp_path):
    for _ in range(2):
        with lock(tmp_path / "key.lock", wait=True) as free:
            assert free and (tmp_path / "key.lock").exists()
