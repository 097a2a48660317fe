"""tools/notebooks.py, on notebooks of four cells."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import nbformat
import pytest

from lnl_core.errors import InputError
from nbtools.check import problems
from nbtools.refresh import EXPLORER, refresh
from nbtools.twins import Notebook, find

PROGRAM = Path(__file__).resolve().parent.parent / "tools" / "notebooks.py"
TINY = """\
# %% [markdown]
# # Tiny

# %% tags=["parameters"]
PROFILE = "smoke"
OUT_DIR = None

# %% tags=["nbval-check-output"]
print("mean", 0.25)

# %%
if OUT_DIR is not None:
    import json, os, pathlib

    claims = [
        {"text": "1 < 2", "holds": True, "detail": ""},
        {"text": "told", "holds": False, "detail": f"{PROFILE} {os.getcwd()} {OUT_DIR}"},
    ]
    pathlib.Path(OUT_DIR, "NAME.run.json").write_text(json.dumps({"claims": claims}))
"""


def write(folder: Path, name: str, old: str = "", new: str = "") -> Notebook:
    """A twin like TINY, with `old` replaced by `new`, in `folder`."""
    assert old in TINY
    notebook = Notebook(folder, name)
    notebook.twin.parent.mkdir(parents=True, exist_ok=True)
    notebook.twin.write_text((TINY.replace(old, new) if old else TINY).replace("NAME", name))
    return notebook


def convert(notebook: Notebook) -> Notebook:
    """The notebook of a twin, not executed: `refresh` would refuse to make one that fails."""
    jupytext.write(notebook.read_twin(), notebook.ipynb, fmt="ipynb")
    return notebook


def program(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(PROGRAM), command, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True)


# --- run -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    """One run over a good notebook and one of each kind that fails."""
    folder = tmp_path_factory.mktemp("{braces}") / "notebooks"
    mean = 'print("mean", 0.25)'
    convert(write(folder, "good"))
    convert(write(folder, "raises", mean, "\nrate = 1 / 0"))
    convert(write(folder, "dies", mean, "import os; os._exit(3)"))
    convert(write(folder, "hangs", mean, "import time; time.sleep(60)"))
    convert(write(folder, "silent", "if OUT_DIR is not None", "if False"))
    convert(write(folder, "untold", "OUT_DIR = None\n", "FOLDER = None\n"))
    out = folder.parent / "build"
    stale = out / "notebooks" / "silent.run.json"
    stale.parent.mkdir(parents=True)
    stale.write_text('{"claims": []}')
    options = ["--profile", "laptop", "--timeout", "3", "--source", folder, "--out", out]
    return program("run", *options), folder, out


@pytest.mark.slow
def test_failures_are_named_and_do_not_stop_the_others(ran) -> None:
    answer, _, _ = ran
    assert answer.returncode == 1
    lines = {line.split()[1]: line for line in answer.stdout.splitlines() if " s   " in line}
    assert lines["good"].startswith("ok") and "1 of 2 claims hold" in lines["good"]
    assert "cell 2 `rate = 1 / 0`: ZeroDivisionError: division by zero" in lines["raises"]
    assert "cell 2 `import os; os._exit(3)`: DeadKernelError" in lines["dies"]
    assert "cell 2 `import time; time.sleep(60)`: TimeoutError" in lines["hangs"]
    assert "JOBS=1" in lines["dies"] and "--timeout SECONDS" in lines["hangs"]  # the ways out
    assert "did not reach its last cell" in lines["silent"]
    assert "does not set OUT_DIR" in lines["untold"]
    assert "5 of 6 notebooks failed: dies, hangs, raises, silent, untold" in answer.stdout


@pytest.mark.slow
def test_parameters_reach_the_notebook_in_its_own_folder(ran) -> None:
    answer, folder, out = ran
    assert f"does not hold: told (laptop {folder} {out / 'notebooks'})" in answer.stdout


@pytest.mark.slow
def test_the_index_shows_every_notebook_and_links_to_what_there_is(ran) -> None:
    _, _, out = ran
    page = (out / "index.html").read_text()
    for name in ("good", "raises", "dies", "hangs", "silent"):
        assert f'href="notebooks/{name}.html"' in page
        assert (out / "notebooks" / f"{name}.html").exists()
        assert nbformat.read(out / "notebooks" / f"{name}.ipynb", as_version=4).cells
    assert "untold" in page and 'href="notebooks/untold' not in page
    assert page.count(">failed<") == 5 and page.count(">ok<") == 1
    assert "1 &lt; 2" not in page  # it holds
    assert "does not hold: told" in page
    assert "http" not in page


@pytest.mark.slow
def test_an_interrupted_run_stops_its_notebooks(tmp_path: Path) -> None:
    wait = f"import os, time; open('{tmp_path}/pid', 'w').write(str(os.getpid())); time.sleep(60)"
    convert(write(tmp_path, "waits", 'print("mean", 0.25)', wait))
    line = [sys.executable, PROGRAM, "run", "--source", tmp_path, "--out", tmp_path / "build"]
    child = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    end = time.monotonic() + 30
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < end, "the notebook did not start"
        time.sleep(0.1)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=20) == 130
    assert child.stderr.read() == "notebooks: interrupted\n"
    with pytest.raises(ProcessLookupError):  # its kernel was gone before it was
        os.kill(int(pid.read_text()), 0)


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "01_loss_correction")
    assert [n.name for n in find(tmp_path, ["01_loss_correction.ipynb"])] == ["01_loss_correction"]
    with pytest.raises(InputError, match="did you mean '01_loss_correction'"):
        find(tmp_path, ["01_los_correction"])
    with pytest.raises(InputError, match="no notebooks in"):
        find(tmp_path / "none", [])


# --- refresh, check, compare ---------------------------------------------------------------------


UNSETTLED = """\
import sys, time
import ipywidgets

print("first", flush=True)
time.sleep(0.3)
print("second")
print("careful", file=sys.stderr)
ipywidgets.IntSlider()
"""


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    folder = tmp_path_factory.mktemp("refreshed")
    notebook = write(folder, "tiny", "# %%\nif", f"# %%\n{UNSETTLED}\n# %%\nif")
    assert refresh(notebook) == ["cell 3 `import sys, time`: left out a warning: careful"]
    return notebook


def copy(notebook: Notebook, folder: Path) -> Notebook:
    shutil.copytree(notebook.folder, folder, dirs_exist_ok=True)
    return Notebook(folder, notebook.name)


def change(notebook: Notebook, edit) -> None:
    """Apply `edit` to the stored notebook."""
    document = notebook.read_ipynb()
    edit(document)
    nbformat.write(document, notebook.ipynb)


def test_refresh_writes_the_same_bytes_each_time(refreshed: Notebook, tmp_path: Path) -> None:
    again = copy(refreshed, tmp_path)
    again.ipynb.unlink()
    refresh(again)
    assert again.ipynb.read_bytes() == refreshed.ipynb.read_bytes()


def test_refresh_keeps_counts_and_nothing_that_changes_by_itself(refreshed: Notebook) -> None:
    document = refreshed.read_ipynb()
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    text, widget = code[2].outputs
    assert text.text == "first\nsecond\n"
    assert widget.data == {"text/plain": EXPLORER}
    assert set(document.metadata) == {"kernelspec", "language_info"}
    assert problems(refreshed) == []


def test_refresh_writes_nothing_when_a_cell_errs(refreshed: Notebook, tmp_path: Path) -> None:
    broken = copy(refreshed, tmp_path)
    broken.twin.write_text(broken.twin.read_text().replace("0.25", "1 / 0"))
    with pytest.raises(InputError, match=r"tiny cell 2 `print\(\"mean\", 1 / 0\)`: ZeroDivision"):
        refresh(broken)
    assert broken.ipynb.read_bytes() == refreshed.ipynb.read_bytes()
    assert not list(tmp_path.glob("*.tmp"))


def set_source(index: int, source: str):
    return lambda document: document.cells[index].update(source=source)


EDITS = {
    "differs from its source at cell 2": set_source(2, 'print("mean", 0.5)'),
    "differs from its source at text": set_source(0, "# Big"),
    "its source 5": lambda d: d.cells.pop(),
    "was not executed": lambda d: d.cells[2].update(execution_count=None),
    "holds an error: KeyError": lambda d: d.cells[4].outputs.append(
        nbformat.v4.new_output("error", ename="KeyError", evalue="", traceback=[])
    ),
    "has 0 cells tagged `parameters`": lambda d: d.cells[1].metadata.pop("tags"),
    "has 2 cells tagged `parameters`": lambda d: d.cells[3].metadata.update(tags=["parameters"]),
    "lines like NAME = literal": set_source(1, 'PROFILE = "smoke"\nOUT_DIR = str(3)'),
    "does not set PROFILE": set_source(1, "OUT_DIR = None"),
    "PROFILE = 'smoke' and OUT_DIR = None": set_source(1, "PROFILE = 'paper'\nOUT_DIR = None"),
    "has no cell tagged `nbval-check-output`": lambda d: d.cells[2].metadata.pop("tags"),
    "prints nothing to compare": lambda d: d.cells[2].outputs.clear(),
    "ends with ';'": set_source(2, "x;"),
    "cannot compare widgets": set_source(2, "clear_output()"),
    "asks for the kernel 'conda'": lambda d: d.metadata.kernelspec.update(name="conda"),
    "holds widget state": lambda d: d.metadata.update(widgets={}),
}


@pytest.mark.parametrize("problem", EDITS)
def test_check_finds(problem: str, refreshed: Notebook, tmp_path: Path) -> None:
    notebook = copy(refreshed, tmp_path)
    change(notebook, EDITS[problem])
    assert any(problem in line for line in problems(notebook)), problems(notebook)


def test_check_finds_files_without_each_other(refreshed: Notebook, tmp_path: Path) -> None:
    notebook = copy(refreshed, tmp_path)
    notebook.twin.rename(tmp_path / "py" / "other.py")
    assert "has no source py/tiny.py" in problems(notebook)[0]
    assert "has no notebook yet: run `make refresh`" in problems(Notebook(tmp_path, "other"))[0]


@pytest.mark.slow
def test_nbval_sees_one_corrupted_number(refreshed: Notebook, tmp_path: Path) -> None:
    notebook = copy(refreshed, tmp_path)
    # A warning that was stored and does not come again is no difference.
    noise = nbformat.v4.new_output("stream", name="stderr", text="careful\n")
    change(notebook, lambda d: d.cells[2].outputs.append(noise))
    sound = program("compare", "--source", tmp_path)
    assert sound.returncode == 0, sound.stdout
    assert "4 passed" in sound.stdout

    text = notebook.ipynb.read_text()
    assert text.count("mean 0.25") == 1
    notebook.ipynb.write_text(text.replace("mean 0.25", "mean 0.26"))
    corrupted = program("compare", "--source", tmp_path)
    assert corrupted.returncode == 1
    assert "mean 0.26" in corrupted.stdout and "1 failed, 3 passed" in corrupted.stdout


def test_check_as_a_command_says_what_to_do(refreshed: Notebook, tmp_path: Path) -> None:
    change(copy(refreshed, tmp_path), EDITS["its source 5"])
    answer = program("check", "--source", tmp_path)
    assert answer.returncode == 1
    assert answer.stdout == "tiny: has 4 cells and its source 5: run `make refresh`\n"
