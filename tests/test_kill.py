"""A grid loses nothing that was finished, whoever is killed. `make soak` does this at length."""

import random
from pathlib import Path

import pytest
from grid_helpers import disturb, short_configs, timeless

from lnl_core.ledger.grid import key_of, run_one
from lnl_core.ledger.records import Folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers in /proc")
def test_kill_9_of_workers_and_of_the_parent_loses_only_what_was_in_flight(tmp_path):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    folder, alone = Folder(tmp_path / "killed"), Folder(tmp_path / "alone")
    disturb(folder, random.Random(seed), ("worker", "parent", "worker"))
    for config in short_configs(3):
        run_one(config, alone, "cpu", threads=1)
        assert timeless(folder.get(key_of(config))) == timeless(alone.get(key_of(config)))
