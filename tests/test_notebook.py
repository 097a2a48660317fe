"""What the notebooks share: sessions, exercises, tables, and watching runs."""

import json

import pytest
from training_helpers import random_dataset, small_config

from lnl_core import InputError, Run
from lnl_core.notebook import Session, exercise, table, watch


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, newest version of each picture, as IPython would keep it."""
    import IPython.display

    pages = []

    class Handle:
        def update(self, thing):
            pages[self.place] = thing

    def display(*things, display_id=None):
        pages.extend(things)
        if display_id:
            handle = Handle()
            handle.place = len(pages)
            pages.append(None)
            return handle
        return None

    monkeypatch.setattr(IPython.display, "display", display)
    return pages


def test_a_session_leaves_its_claims(tmp_path, capsys):
    session = Session("00_x", "smoke", str(tmp_path / "out"))
    session.claim("it works", True, "97% against 53%")
    session.claim("it flies", False)
    session.finish()
    report = json.loads((tmp_path / "out" / "00_x.run.json").read_text())
    assert (report["notebook"], report["profile"]) == ("00_x", "smoke")
    assert [claim["holds"] for claim in report["claims"]] == [True, False]
    assert report["claims"][0]["detail"] == "97% against 53%"
    assert report["seconds"] >= 0
    out = capsys.readouterr().out
    assert "DOES NOT HOLD: it flies" in out and "1 of 2 claims hold" in out


def test_without_a_folder_a_session_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Session("00_x", "smoke", None).finish()
    assert list(tmp_path.iterdir()) == []


def test_a_check_that_fails_raises():
    session = Session("00_x", "smoke", None)
    session.check("one is one", True)
    with pytest.raises(AssertionError, match="does not hold: one is two"):
        session.check("one is two", False)


def test_an_unknown_profile_is_refused():
    with pytest.raises(InputError, match=r"'smok'.*smoke, laptop, paper"):
        Session("00_x", "smok", None)


@pytest.mark.parametrize(
    ("result", "words"),
    [(..., "not attempted yet"), (True, "correct"), (False, "not there yet")],
)
def test_exercises_answer(capsys, result, words):
    exercise("exercise 1", lambda: result, "think")
    assert words in capsys.readouterr().out


def test_an_exercise_never_raises(capsys):
    exercise("exercise 1", lambda: 1 / 0, "think")
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_table_shows_fractions_as_percent(shown):
    table([{"rule": "last", "accuracy": 0.5, "n": 3}, {"rule": "best", "accuracy": None, "n": 4}])
    lines = shown[0].data.splitlines()
    assert lines[0] == "| rule | accuracy | n |"
    assert lines[2:] == ["| last | 50.0 | 3 |", "| best | — | 4 |"]


def test_a_bar_in_a_table_ends_no_cell(shown):
    table([{"p(z|x)": "q(z|x,y)", "n": 3}])
    assert shown[0].data.splitlines()[::2] == [r"| p(z\|x) | n |", r"| q(z\|x,y) | 3 |"]


def test_watching_draws_every_finished_epoch(shown):
    runs = {
        name: Run(small_config(epochs=epochs), device="cpu", dataset=random_dataset())
        for name, epochs in (("a", 2), ("b", 3))
    }
    drawn = []

    def draw(histories):
        from matplotlib.figure import Figure

        drawn.append({name: len(history) for name, history in histories.items()})
        return Figure()

    histories = watch(runs, draw, alt="two curves")
    assert {name: len(history) for name, history in histories.items()} == {"a": 2, "b": 3}
    assert drawn[-1] == {"a": 2, "b": 3}  # the last picture holds all
    assert len(shown) == 1 and shown[0].alt == "two curves"
