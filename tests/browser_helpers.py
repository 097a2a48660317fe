"""A headless Chromium, and in it a notebook in JupyterLab, used as a person would.

Nothing here sleeps: every step waits for what it needs, with a limit that a busy machine keeps.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "build" / "browser"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 300  # seconds
#: What a person would call an error: the explorers' own sentence, and a cell's traceback.
ERRORS = ".widget-html:has-text('could not be done'), [data-mime-type$='.error']"


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


def missing() -> str:
    """What these tests lack, as a sentence; '' where nothing is missing."""
    if find_spec("playwright") is None:
        return "the package playwright is not installed: run `make setup`"
    if chromium() is None:
        return f"no Chromium is installed (looked for {', '.join(CHROMIUMS)})"
    return ""


@contextmanager
def open_browser():
    """A headless Chromium, the system's own; playwright downloads none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [],
            timeout=1000 * PATIENCE,
        )
        yield browser
        browser.close()


# --- one page of JupyterLab -----------------------------------------------------------------------


class LabPage:
    """A notebook, opened in JupyterLab. `complaints` is what the console said of errors."""

    def __init__(self, browser, address: str, name: str) -> None:
        self.name, self.complaints = name, []
        self.page = browser.new_page(viewport={"width": 1280, "height": 1500})
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)
        self.page.goto(address.format(f"{name}.ipynb"))

    def _listen(self, message) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def run_all(self) -> None:
        """Choose Run All Cells from the menu, and wait for the explorer."""
        # Before there is a kernel, to run a cell is to be asked for one; the status bar tells.
        self.page.get_by_text(re.compile(r"Python 3.* \| Idle")).first.wait_for()
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        self.page.locator("[data-command='runmenu:run-all']").click()
        self.page.locator(f"img.widget-image, {ERRORS}").first.wait_for()
        assert self.errors() == []

    def picture(self, k: int = 0) -> bytes:
        """The bytes of the k-th picture, once it can be seen. Its pixels would differ with the
        screen."""
        return self.picture_after(b"", k)

    def picture_after(self, before: bytes, k: int = 0) -> bytes:
        """The bytes of the k-th picture, once they are others."""
        found = self.page.evaluate(OTHER_BYTES, [k, base64.b64encode(before).decode(), PATIENCE])
        assert found, f"picture {k} of {self.name} stayed as it was for {PATIENCE} s"
        return base64.b64decode(found)

    def turn(self, name: str, key: str = "ArrowRight") -> None:
        """Move the slider of that name by one step, with the keyboard."""
        box = self.page.locator(".widget-slider", has=self.page.get_by_text(name, exact=True))
        box.get_by_role("slider").press(key)

    def press(self, name: str) -> None:
        """Click the button of that name; waits while it is disabled."""
        button = self.page.locator("button.jupyter-button", has_text=re.compile(rf"^\s*{name}\s*$"))
        button.click()

    def says(self, pattern: str) -> str:
        """The explorer's line of status, once the pattern is found in it."""
        line = self.page.locator(".widget-label", has_text=re.compile(pattern)).first
        line.wait_for()
        return line.inner_text()

    def errors(self) -> list[str]:
        return self.page.locator(ERRORS).all_inner_texts() + self.complaints

    def shoot(self, moment: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{self.name}-{moment}.png")


#: JavaScript, for playwright awaits no condition that has to wait itself.
OTHER_BYTES = """async ([k, before, seconds]) => {
    const end = performance.now() + 1000 * seconds;
    while (performance.now() < end) {
        const image = document.querySelectorAll("img.widget-image")[k];
        if (image?.offsetWidth && image.src) {
            const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
            const text = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
            if (text != before) return text;
        }
        await new Promise(requestAnimationFrame);
    }
}"""
