"""The site that `make site` builds: links lead somewhere, nothing is fetched from elsewhere, and it
can be read and searched in a browser, from the disk and on a telephone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser_helpers import PATIENCE, ROOT, SHOTS, missing, open_browser

SITE = ROOT / "build" / "site"
PAGES = sorted(page for page in SITE.rglob("*.html") if "_static" not in page.parts)
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

SOURCES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.ipynb")]


def unfit() -> str:
    """Why the site cannot be judged, as a sentence; '' where it can."""
    if not (SITE / "index.html").exists():
        return "there is no build/site: run `make site`"
    if max(path.stat().st_mtime for path in SOURCES) > (SITE / "index.html").stat().st_mtime:
        return "build/site is older than its sources: run `make site`"
    return ""


pytestmark = pytest.mark.skipif(bool(unfit()), reason=unfit() or "nothing is missing")


class Page(HTMLParser):
    """What a page links to, what it loads, what it can be linked at, and its pictures."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links, self.loads, self.ids, self.undescribed = [], [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids.add(values.get("id"))
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag in ("script", "img", "iframe") and values.get("src"):
            self.loads.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.append(values["href"])
        if tag == "img" and not values.get("alt"):
            self.undescribed.append(values["src"])


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    return {path: Page(path) for path in PAGES}


def test_every_notebook_and_the_results_are_there() -> None:
    built = {page.relative_to(SITE).with_suffix("").as_posix() for page in PAGES}
    assert {"index", "docs/results", *(f"notebooks/{name}" for name in NOTEBOOKS)} <= built


def test_every_link_within_the_site_leads_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            known = target not in pages or url.fragment in pages[target].ids | {""}
            if not (target.exists() and known):
                broken.append(f"{path.relative_to(SITE)}: {link}")
    assert not broken


def test_notebooks_lead_to_one_another_and_to_the_results(pages: dict[Path, Page]) -> None:
    links = pages[SITE / "notebooks" / "00_start_here.html"].links
    assert {f"{name}.html" for name in NOTEBOOKS[1:]} <= set(links)
    assert "../docs/results.html" in links


def test_pages_load_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    loads = [load for page in pages.values() for load in page.loads]
    assert loads
    assert [load for load in loads if urlsplit(load).netloc] == []


def test_every_picture_is_described(pages: dict[Path, Page]) -> None:
    assert [picture for page in pages.values() for picture in page.undescribed] == []


def test_formulas_are_drawn_and_not_spelled_out(pages: dict[Path, Page]) -> None:
    text = (SITE / "notebooks" / "01_loss_correction.html").read_text(encoding="utf-8")
    assert text.count("<math") > 50
    prose = re.sub(r"<(pre|code|math)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert re.findall(r"\\(?:hat|tilde|frac|sum|ell)\b.{0,20}", prose) == []


# --- in a browser, from the disk ------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if reason := missing():
        pytest.skip(reason)
    with open_browser() as opened:
        yield opened


@pytest.fixture
def window(browser):
    page = browser.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.complaints = []
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda sent: _only_from_disk(sent.url, page.complaints))
    yield page
    page.close()


def _only_from_disk(url: str, complaints: list[str]) -> None:
    if not url.startswith(("file:", "data:")):
        complaints.append(f"asked the network for {url}")


@pytest.mark.slow
def test_no_page_has_to_be_moved_sideways(window) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    wide = []
    for path in PAGES:
        window.goto(path.as_uri())
        for width in (375, 1280):
            window.set_viewport_size({"width": width, "height": 800})
            if window.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append(f"{path.name} at {width}")
            if path.stem in ("index", "results", "01_loss_correction"):
                window.screenshot(path=SHOTS / f"site-{path.stem}-{width}.png")
    assert wide == []
    assert window.complaints == []


def test_a_search_finds_its_page(window) -> None:
    window.goto((SITE / "index.html").as_uri())
    window.get_by_role("searchbox").or_(window.locator("input[name=q]")).first.fill("memorisation")
    window.keyboard.press("Enter")
    found = window.locator("#search-results a", has_text="Start here")
    found.first.click()
    window.wait_for_url("**/00_start_here.html**")
    assert window.complaints == []
