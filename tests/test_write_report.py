"""`lnl report` writes its files from one survey; the README keeps the summary in step."""

from __future__ import annotations

import json

import pytest

from lnl_core.cli import main
from lnl_core.errors import InputError
from lnl_core.ledger import write_report as module
from lnl_core.ledger.readme_summary import BEGIN, END, readme_summary, with_summary
from lnl_core.ledger.records import project_folder
from lnl_core.ledger.survey import survey

ROOT = project_folder("results").parent.parent


def test_the_readme_has_the_summary_of_the_records():
    readme = (ROOT / "README.md").read_text()
    assert readme == with_summary(readme, readme_summary(survey())), "run `lnl report`"


def test_the_summary_replaces_what_stands_between_the_markers_and_nothing_else():
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = with_summary(readme, "new")
    assert new == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n" == with_summary(new, "new")


@pytest.mark.parametrize("readme", ["", BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_readme_without_its_markers_is_refused(readme):
    with pytest.raises(InputError, match="once each"):
        with_summary(readme, "new")


def test_the_command_writes_every_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "README.md").write_text(f"# Mine\n{BEGIN}\n{END}\n")
    monkeypatch.setattr(module, "project_folder", lambda name: tmp_path / "data" / name)
    assert main(["report", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["wrote"]
    names = ["docs/results.md", "docs/methods.md", "build/report/index.html", "README.md"]
    assert written == [str(tmp_path / name) for name in names]
    starts = ["# Results", "# Methods", "<!doctype html>", "# Mine"]
    for name, start in zip(names, starts, strict=True):
        assert (tmp_path / name).read_text().startswith(start)
    assert not list(tmp_path.rglob("*.part"))
