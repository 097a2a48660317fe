"""Faults that are none of the notebook's: `make notebooks` names notebook, cell and remedy, and
executes the others all the same. A dead kernel and a cell past its limit are in test_tools.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from test_tools import PROGRAM, convert, write

from nbtools.cells import describe

MEAN = 'print("mean", 0.25)'
#: What a cell does → how its line begins and ends.
FAULTS = {
    "no_widgets": (
        "import sys; sys.modules['ipywidgets'] = None; import ipywidgets",
        ("cell 2 `import sys;", "ModuleNotFoundError", "ipywidgets", "`make setup`"),
    ),
    "no_data": (
        "from lnl_core import load_dataset; [load_dataset(name) for name in ('digits', 'mnist')]",
        ("cell 2 `from lnl_core", "InputError: mnist is not in", "fetch mnist", "set LNL_DATA to"),
    ),
}
#: A widget needs no manager that would draw it.
SOUND = {"widget": "import ipywidgets; display(ipywidgets.IntSlider())"}


@pytest.mark.slow
def test_each_fault_is_named_with_its_cell_and_a_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    for name, (source, _) in FAULTS.items():
        convert(write(folder, name, MEAN, source))
    for name, source in SOUND.items():
        convert(write(folder, name, MEAN, source))
    line = [sys.executable, PROGRAM, "run", "--source", folder, "--out", tmp_path / "build"]
    environment = os.environ | {"LNL_DATA": str(tmp_path / "nowhere")}
    answer = subprocess.run(line, capture_output=True, text=True, env=environment)
    assert answer.returncode == 1
    lines = {line.split()[1]: line for line in answer.stdout.splitlines() if " s   " in line}
    for name, (_, words) in FAULTS.items():
        assert lines[name].startswith("FAILED"), lines[name]
        for word in words:
            assert word in lines[name], lines[name]
    for name in SOUND:
        assert lines[name].startswith("ok"), lines[name]
    assert "2 of 3 notebooks failed: no_data, no_widgets" in answer.stdout


class RemoteError(Exception):
    """As nbclient hands over what a cell raised."""

    def __init__(self, ename: str, evalue: str) -> None:
        super().__init__(evalue)
        self.ename, self.evalue = ename, evalue


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CellTimeoutError("…"), "still running after 7 s; on a busy machine run it alone (JOBS=1)"),
        (DeadKernelError("…"), "memory running out is the usual cause: run it alone (JOBS=1)"),
        (RemoteError("NoSuchKernel", "python3"), "NoSuchKernel: python3; install Jupyter's kernel"),
        (RemoteError("ValueError", "first\nsecond"), "ValueError: first"),
        (RemoteError("KeyboardInterrupt", ""), "KeyboardInterrupt"),
    ],
    ids=str,
)
def test_a_fault_is_one_line(error: Exception, words: str) -> None:
    said = describe(error, 7)
    assert words in said and "\n" not in said


def test_only_the_sentence_of_an_input_error_is_never_cut() -> None:
    """How to mend it stands at its end."""
    long = "word " * 200 + "the way out"
    assert describe(RemoteError("InputError", long), None).endswith("the way out")
    assert not describe(RemoteError("ValueError", long), None).endswith("the way out")
