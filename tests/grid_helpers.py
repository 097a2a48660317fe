"""A grid of forty short runs in a process of its own, to be killed; and what has to be true after.

The tests of a grid use it, and so does `make soak`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lnl_core import RunConfig, configure
from lnl_core.ledger.grid import key_of
from lnl_core.ledger.records import Folder

RUNS = 40
GRID = """
import sys
from pathlib import Path
from grid_helpers import short_configs
from lnl_core.ledger.grid import run_grid
from lnl_core.ledger.records import Folder
for _ in run_grid(short_configs(), Folder(Path(sys.argv[1])), jobs=2, device="cpu"):
    pass
"""


def short_configs(count: int = RUNS, epochs: int = 6) -> list[RunConfig]:
    what = ("cross-entropy", "digits", "symmetric:0.2")
    return [configure(*what, seed=seed, epochs=epochs) for seed in range(count)]


def stamps(folder: Folder) -> dict[str, tuple[int, int]]:
    """What changes when a record is written anew."""
    files = {file.stem: file.stat() for file in folder.path.glob("*.json")}
    return {key: (stat.st_ino, stat.st_mtime_ns) for key, stat in files.items()}


def timeless(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what no two runs share, be they the same to the last bit."""
    history = [epoch | {"seconds": 0.0} for epoch in record["history"]]
    return record | {"history": history, "seconds": 0.0, "peak_memory_mb": 0.0, "finished": ""}


class Grid:
    """The grid at work in `folder`. `seen` holds every record's first stamp; that a later one
    differs is refused as soon as it is looked at. So is a grid without a new record for `limit`
    seconds."""

    def __init__(self, folder: Folder, limit: float = 300) -> None:
        self.folder = folder
        self.seen: dict[str, tuple[int, int]] = {}
        self._limit = limit
        self._last = time.monotonic()
        self._log = folder.path.with_suffix(".log")
        self._started: list[subprocess.Popen] = []
        folder.path.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Grid:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:  # with the workers that outlived it
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            finally:
                process.wait()

    def start(self) -> None:
        paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        with self._log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", GRID, str(self.folder.path)],
                stdout=log, stderr=log, start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
            )  # fmt: skip
        self._started.append(process)

    @property
    def process(self) -> subprocess.Popen:
        return self._started[-1]

    def look(self) -> int:
        """How many records there are; refuses one that was written again."""
        for key, stamp in stamps(self.folder).items():
            if key not in self.seen:
                self._last = time.monotonic()
            assert self.seen.setdefault(key, stamp) == stamp, f"{key} was computed twice"
        return len(self.seen)

    def wait_for(self, count: int) -> None:
        """Until so many records are there, or the grid has ended."""
        while self.look() < count and self.process.poll() is None:
            assert time.monotonic() < self._last + self._limit, f"no progress: {self.log()}"
            time.sleep(0.01)
        assert self.process.poll() in (None, 0), self.log()

    def kill_worker(self, chance: random.Random) -> None:
        victims = workers(self.process.pid)
        if victims:
            os.kill(chance.choice(victims), signal.SIGKILL)

    def kill_parent(self) -> None:
        """The parent alone, and begin again beside the workers that it leaves."""
        self.process.kill()
        self.process.wait()
        self.start()

    def finish(self) -> None:
        self.wait_for(RUNS + 1)  # that many there will never be: until it ends
        self.process.wait()

    def log(self) -> str:
        return self._log.read_text()


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


def disturb(folder: Folder, chance: random.Random, deaths: Sequence[str]) -> None:
    """Compute the grid; each of `deaths`, "worker" or "parent", comes at a random moment."""
    with Grid(folder) as grid:
        for victim in deaths:
            grid.wait_for(grid.look() + chance.randint(1, 6))
            time.sleep(chance.random() / 4)
            if victim == "worker":
                grid.kill_worker(chance)
            else:
                grid.kill_parent()
        grid.finish()
    assert not list(folder.path.glob("*.damaged")), "a damaged record"
    assert stamps(folder) == grid.seen and len(grid.seen) == RUNS
    records = {record["key"] for record in folder}  # each of them valid
    assert records == {key_of(config) for config in short_configs()}
