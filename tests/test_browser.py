"""The explorers in a real browser: JupyterLab in headless Chromium, used as a person would."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from browser_helpers import LabPage, missing, open_browser
from lab_helpers import serve_lab, up_to_explorer, use_subshells

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "nothing is missing"),
]

WATCH = """\
from lnl_core import load_dataset
from lnl_core.widgets import TrainAndWatchExplorer
from lnl_core.widgets.choice import Choice

# More epochs than the test has patience for: it is Stop that has to end them.
TrainAndWatchExplorer([load_dataset("digits")], Choice(epochs=5000))"""


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the project's notebooks, and one of the test's own."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("00_start_here", "01_loss_correction"):
        nbformat.write(up_to_explorer(name), folder / f"{name}.ipynb")
    own = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(WATCH)])
    own.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(own, folder / "watch.ipynb")
    return folder


@pytest.fixture(scope="module")
def lab(folder: Path):
    with serve_lab(folder) as address:
        yield address


@contextmanager
def explorer(browser, lab: str, name: str):
    """The notebook's explorer, its cells run; at the end nothing may have gone wrong."""
    page = LabPage(browser, lab, name)
    try:
        page.run_all()
        page.shoot("opened")
        yield page
        assert page.errors() == []
    finally:
        page.shoot("last")
        page.page.close()


def test_a_slider_changes_the_picture(browser, lab: str) -> None:
    with explorer(browser, lab, "00_start_here") as page:
        before = page.picture()
        page.turn("noise rate")
        after = page.picture_after(before)
        page.press("reset")
        assert page.picture_after(after) == before


def test_a_paper_notebook_trains_and_stops(browser, lab: str) -> None:
    with explorer(browser, lab, "01_loss_correction") as page:
        before = page.picture()
        page.turn("N", "ArrowLeft")
        page.picture_after(before)
        page.press("Train")
        page.picture(1)
        page.press("Stop")  # at once: on a fast machine the training is over in seconds
        page.says("stopped after epoch")


def test_train_and_watch_with_messages_on_the_main_thread(browser, lab: str, folder: Path) -> None:
    use_subshells(folder, False)
    with explorer(browser, lab, "watch") as page:
        empty = page.picture()
        page.press("Train")
        begun = page.picture_after(empty)
        page.says(r"epoch \d+ of 5000, about \d+ (s|min) left")
        page.picture_after(begun)
        page.shoot("training")
        page.press("Stop")
        page.says("stopped after epoch")
