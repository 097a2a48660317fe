"""`build/report/index.html`: whole, alone, and safe with whatever a record says."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from ledger_helpers import cell_record, survey_of

from lnl_core.ledger.html_page import html_page
from lnl_core.ledger.html_parts import Html, chips, rows_table, tag
from lnl_core.ledger.survey import survey
from lnl_core.papers.spec import beats

HARD = "asymmetric:0.6"
HOSTILE = '</td><script>alert("x")</script> & |'
VOID = ("meta", "input")


class Reader(HTMLParser):
    """Collects elements, attributes and text; `open` is empty at the end of balanced HTML."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts, self.links = [], [], [], []
        self.feed(page)

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.links += [v for k, v in attributes if k in ("src", "href", "action")]
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        self.texts.append(text)


@pytest.fixture
def page(monkeypatch):
    return lambda records, claims=(): html_page(survey_of(monkeypatch, records, claims))


def test_the_page_of_the_committed_records_is_balanced_and_needs_nothing():
    page = html_page(survey())
    read = Reader(page)
    assert not read.open and "script" not in read.tags and "link" not in read.tags
    assert all(link.startswith("#") for link in read.links) and "url(" not in page
    assert {"table2-mnist", "Kim et al. 2024, LNL-flywheel"} <= set(read.texts)


def test_a_cell_has_published_reproduced_delta_verdict_seeds_hardware_and_date(page):
    day = "2026-01-02T03:04:05+00:00"
    text = page(
        [
            cell_record("forward", HARD, value, seed=seed, device="a machine", finished=day)
            for seed, value in enumerate((0.96, 0.97))
        ]
    )
    row = text.split('<th scope="row">forward</th>')[1].split("</tr>")[0]
    words = [word for word in Reader(f"<p>{row}</p>").texts if word.strip()]
    expected = [HARD, "97.3*", "96.5 ± 0.7 (2)", "-0.8", "= match", "0, 1", "a machine"]
    assert words == [*expected, "2026-01-02"]


def test_what_was_not_run_is_shown_as_published_and_can_be_hidden(page):
    text = page([cell_record("forward", HARD, 0.97)])
    lstm = text.split("<b>table2-imdb-lstm</b>")
    assert lstm[0].endswith('<details class="idle"><summary>') and "87.8" in lstm[1]
    assert "Not run yet: as published" in text.split("<b>table2-mnist</b>")[1]


def test_misses_come_with_their_reason(page):
    text = page([cell_record("sigmoid", HARD, 0.9)])
    miss = text.split("What differs, and why")[1].split("</ul>")[0]
    assert f"sigmoid, {HARD}</b> 71.4 → 90.0 (1). <span>Not explained" in miss


def test_hostile_text_stays_text(page):
    claim = beats("table2-mnist", "forward", "cross-entropy", HARD, text="5.1")
    claim = type(claim)(claim.table, HOSTILE, claim.needs, claim.check)
    runs = [
        cell_record("forward", HARD, 0.97, device=HOSTILE),
        cell_record("backward", HARD, 0.9, dataset={"source": HOSTILE, "name": HOSTILE}),
    ]
    read = Reader(page(runs, (claim,)))
    assert not read.open and "script" not in read.tags
    assert read.texts.count(HOSTILE) >= 4  # the claim, the machine, the data and their source


def test_parts_escape_all_but_html():
    assert tag("b", "<i>", Html("<i></i>"), title='"') == '<b title="&quot;">&lt;i&gt;<i></i></b>'
    assert "&lt;x" in rows_table([{"<x": "<x"}]) and "<x" not in rows_table([{"<x": "<x"}])


def test_chips_name_the_verdicts_that_occur_or_all():
    counts = {"match": 2, "not run": 1}
    assert Reader(chips(counts)).texts == ["= 2 match", " ", "· 1 not run"]
    assert "≠ 0 differs" in chips(counts, every=True)
