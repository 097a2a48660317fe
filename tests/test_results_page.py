"""`docs/results.md`: the outcome on top, what was run in full, and what was not as a line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ledger_helpers import cell_record, record_of, survey_of

from lnl_core import load_dataset
from lnl_core.ledger import survey as module
from lnl_core.ledger.records import project_folder
from lnl_core.ledger.results_page import results_page
from lnl_core.ledger.survey import survey
from lnl_core.ledger.tables import all_tables, cell_config, get_table
from lnl_core.papers import PAPERS
from lnl_core.papers.spec import Claim, beats

HARD = "asymmetric:0.6"


@pytest.fixture
def page(monkeypatch):
    return lambda records, claims=(): results_page(survey_of(monkeypatch, records, claims))


@pytest.fixture(scope="module")
def committed():
    return survey()


def test_the_committed_page_is_what_the_records_say(committed):
    stored = project_folder("results").parent.parent / "docs" / "results.md"
    assert stored.read_text() == results_page(committed), "run `lnl report`"


def test_every_table_is_named(committed):
    page = results_page(committed)
    for name in all_tables():
        assert f"### {name}\n" in page or f"`{name}`" in page
    assert all(f"## {name}\n" in page for name in PAPERS)


def test_a_table_with_runs_is_shown_and_one_without_is_a_line(page):
    text = page([cell_record("forward", HARD, 0.97)])
    assert "### patrini2017/table2-mnist\n" in text
    assert "97.3* → 97.0 (1) match" in text
    assert "* `patrini2017/table2-imdb-lstm`: Table 2, IMDB, LSTM, 40 cells" in text
    assert text.count("Cells: 1 match, 0 close, 0 differs, 79 not run, 0 not built.") == 2
    assert "| Patrini et al. 2017, loss correction | 1 | 0 | 0 | 79 | 0 | — |" in text
    assert "What differs" not in text


def test_misses_and_failed_claims_stand_on_top_with_the_reason(page):
    claim = beats("table2-mnist", "sigmoid", "cross-entropy", HARD, text="5.1")
    runs = [cell_record(name, HARD, 0.9) for name in ("sigmoid", "cross-entropy")]
    top = page(runs, (claim,)).split("## patrini2017")[0]
    assert f"| patrini2017/table2-mnist | sigmoid | {HARD} | 71.4 → 90.0 (1) | Not expl" in top
    assert f"cross-entropy | {HARD} | 53.0 → 90.0 (1) | not looked into yet |" in top
    assert f"* Patrini et al. 2017, loss correction: {claim.text}" in top
    assert "| 0 of 1 |" in top


def test_claims_stand_with_their_table_and_those_across_once_decided(page):
    across = Claim(
        None, "forward is good", (("table2-mnist", "forward", HARD),), lambda means: True
    )
    claims = (beats("table2-mnist", "forward", "cross-entropy", HARD, text="5.1"), across)
    undecided = page([cell_record("backward", HARD, 0.9)], claims)
    assert "| holds | not enough runs |" in undecided and "forward is good" not in undecided
    decided = page([cell_record("forward", HARD, 0.97)], claims)
    assert "| forward is good | holds | holds |" in decided


def test_runs_of_no_cell_stand_apart(page):
    apart = page([cell_record("forward", HARD, 0.97, dataset={"source": "some|where"})])
    assert "### Other data, settings or budgets, not judged" in apart and "some\\|where" in apart
    assert "### patrini2017/table2-mnist\n" not in apart


def test_machine_and_days_stand_under_a_table(page):
    days = ("2026-01-02T03:04:05+00:00", "2026-02-03T03:04:05+00:00")
    text = page(
        [
            cell_record("forward", HARD, 0.97, seed=seed, device="a machine", finished=day)
            for seed, day in enumerate(days)
        ]
    )
    assert "Hardware: a machine; 2026-01-02 to 2026-02-03." in text


def test_tables_of_our_own_stand_apart_and_are_not_counted(monkeypatch):
    own = get_table("tanaka2018/digits-sn-last")
    column = "symmetric-inclusive:0.5"
    config = cell_config(own, "joint", column).to_dict()
    record = record_of(config, 0.9, dataset={"source": load_dataset("digits").source})
    asked = Claim(own.name, "joint is right", (("joint", column),), lambda means: False)
    waiting = Claim(own.name, "so is forward", (("forward", column),), lambda means: True)
    paper = PAPERS["tanaka2018"]
    paper = SimpleNamespace(
        TABLES=paper.TABLES, OWN_TABLES=paper.OWN_TABLES, CLAIMS=(asked, waiting)
    )
    monkeypatch.setattr(module, "PAPERS", {"tanaka2018": paper})
    monkeypatch.setattr(module, "results_folder", lambda name, profile: [record])
    text = results_page(survey())
    section = text.split("### tanaka2018/digits-sn-last\n")[1].split("###")[0]
    assert "| joint | — | — | — | 90.0 (1) | — | — |" in section
    assert "in the manner of the paper" in section.lower() and "Published" not in section
    assert "| joint is right | does not hold |" in section and "so is forward" not in section
    assert "Claims of the papers that do not hold" not in text
    assert "* `tanaka2018/digits-an`, ours: Digits, asymmetric noise" in text
    printed = sum(len(t.methods) * len(t.columns) for t in PAPERS["tanaka2018"].TABLES)
    counted = f"Cells: 0 match, 0 close, 0 differs, {printed} not run, 0 not built."
    assert text.count(counted) == 2 and "not judged" not in text
