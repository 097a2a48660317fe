"""Explorers under papermill: a broken one fails the run, and none trains in a thread."""

import jupytext
import pytest
from test_tools import program

from nbtools.twins import Notebook

HEAD = """\
# %% [markdown]
# # Explorers

# %% tags=["parameters"]
PROFILE = "smoke"
OUT_DIR = None

# %%
import threading
from lnl_core import load_dataset
from lnl_core.notebook import Session
from lnl_core.widgets import CorrectionExplorer, NoiseExplorer, TrainAndWatchExplorer, noise

session = Session("NAME", PROFILE, OUT_DIR)
digits = load_dataset("digits")
"""
QUIET = """
# %%
NoiseExplorer(digits)

# %%
CorrectionExplorer(digits)

# %%
TrainAndWatchExplorer([digits])

# %%
assert "lnl-training" not in {thread.name for thread in threading.enumerate()}
session.finish()
"""
BROKEN = """
# %%
def no_noise(*_):
    raise ValueError("the draw is broken")

noise.draw_noise = no_noise

# %%
NoiseExplorer(digits)

# %%
session.finish()
"""


@pytest.mark.slow
def test_a_broken_explorer_fails_the_run_and_a_good_one_trains_nothing(tmp_path):
    for name, cells in (("quiet", QUIET), ("broken", BROKEN)):
        notebook = Notebook(tmp_path / "notebooks", name)
        notebook.twin.parent.mkdir(parents=True, exist_ok=True)
        notebook.twin.write_text((HEAD + cells).replace("NAME", name))
        jupytext.write(notebook.read_twin(), notebook.ipynb, fmt="ipynb")
    answer = program("run", "--source", tmp_path / "notebooks", "--out", tmp_path / "build")
    lines = {line.split()[1]: line for line in answer.stdout.splitlines() if " s   " in line}
    assert lines["quiet"].startswith("ok")
    assert "cell 4 `NoiseExplorer(digits)`: ValueError: the draw is broken" in lines["broken"]
    assert answer.returncode == 1 and "1 of 2 notebooks failed: broken" in answer.stdout
