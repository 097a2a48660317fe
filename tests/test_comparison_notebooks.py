"""What every comparison notebook has for a student: aims, time, symbols, exercises, a way on."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks" / "py"
TWINS = sorted(file for file in FOLDER.glob("*.py") if file.name >= "06")
EXERCISES = ("**1. Predict.**", "**2. Complete.**", "**3. Explore.**")


@pytest.fixture(params=TWINS, ids=lambda file: file.stem)
def source(request):
    return request.param.read_text()


def test_the_title_card_names_aims_needs_and_time(source):
    card = source.split("# %% tags")[0]
    for part in ("# **You will** ", "# **You need** ", "**Time** "):
        assert part in card


def test_the_symbols_come_from_the_table_that_all_share(source):
    assert re.search(r"^(table\(|    )notation\(", source, re.M)


def test_each_kind_of_exercise_has_its_solution_folded_away(source):
    at = [source.index(kind) for kind in EXERCISES] + [len(source)]
    assert at == sorted(at)
    for begin, end in pairwise(at):
        part = source[begin:end]
        assert part.count("<details><summary>") == part.count("</details>") == 1
    judged = re.findall(r'^exercise\(\s*"exercise (\d)"', source, re.M)
    assert judged == ["1", "2"]


def test_it_ends_with_a_recap_and_what_to_read_next(source):
    recap, further = source.index("# **Recap.** "), source.index("# **What to read next** ")
    assert recap < further
    named = set(re.findall(r"`((?:06|07|08|09|10|11)_[a-z_]+)`", source[further:]))
    assert len(named) >= 2
    assert named <= {file.stem for file in TWINS}


def test_every_figure_is_told_in_words(source):
    shown = re.findall(r"^\s*(?:histories = )?(?:show|watch)\(", source, re.M)
    assert len(re.findall(r"\balt=", source)) >= len(shown) > 0
