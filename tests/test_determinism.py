"""The same config and seeds give the same history, in whatever process and order; and what that
depends on stands in the record."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import torch
from grid_helpers import short_configs, timeless
from training_helpers import finish, small_run

from lnl_core.ledger.grid import key_of, run_grid, run_one
from lnl_core.ledger.records import Folder
from lnl_core.methods import method_names

TESTS = Path(__file__).parent
BACKWARDS = """
import json, sys
from test_determinism import fingerprint
names = json.loads(sys.argv[1])
print(json.dumps({name: fingerprint(name) for name in reversed(names)}))
"""


def fingerprint(name: str) -> str:
    """Of all that a run of that method leaves behind: weights, and the document but for time."""
    run = finish(small_run(name, epochs=2))
    whole = hashlib.sha256(json.dumps(timeless(run.document()), sort_keys=True).encode())
    for key, value in sorted(run.method.state_dict().items()):
        whole.update(key.encode() + value.contiguous().numpy().tobytes())
    return whole.hexdigest()


@pytest.mark.slow
def test_another_process_another_hash_seed_another_order_the_same_runs():
    names = method_names()
    answer = subprocess.run(
        [sys.executable, "-c", BACKWARDS, json.dumps(names)],
        capture_output=True, text=True, check=True,
        env=os.environ | {
            "PYTHONHASHSEED": "12345",
            "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
            "OMP_NUM_THREADS": "1",
        },
    )  # fmt: skip
    theirs = json.loads(answer.stdout)
    assert theirs == {name: fingerprint(name) for name in names}


def test_what_a_history_depends_on_stands_in_the_record(tmp_path):
    (config,) = short_configs(1, epochs=1)
    run_one(config, Folder(tmp_path), "cpu", threads=1)
    record = Folder(tmp_path).get(key_of(config))
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["project"]
    draws_nothing = {"joblib", "matplotlib", "tqdm", "pillow"}
    counts = {line.split(">=")[0] for line in project["dependencies"]} - draws_nothing
    assert counts <= record["versions"].keys()
    for name in counts:
        assert record["versions"][name].split("+")[0] == metadata.version(name).split("+")[0]
    assert record["instructions"] == torch.backends.cpu.get_cpu_capability()
    assert (record["threads"], record["precision"]) == (1, "float32") and record["device"]


def test_the_threads_in_the_record_are_those_that_it_was_trained_with():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert finish(small_run(epochs=1)).document()["threads"] == 2
    finally:
        torch.set_num_threads(before)


def test_a_grid_in_this_process_gives_a_small_net_one_thread(tmp_path):
    list(run_grid(short_configs(1, epochs=1), Folder(tmp_path), jobs=1, device="cpu"))
    (record,) = Folder(tmp_path)
    assert record["threads"] == 1
