"""Table 7's benchmark runs, and compares as it says. What it measures is nobody's test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.methods import METHODS, claims, main, printed, table

SMALL = ["--data", "digits", "--limit", "60", "--repeats", "2", "--device", "cpu"]


def test_a_small_run_times_every_method_in_both_phases(capsys):
    assert main([*SMALL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for phase in ("training-epoch", "inference"):
        found = document["seconds"][phase]
        assert tuple(found) == METHODS
        assert all(len(times) == 2 and min(times) > 0 for times in found.values())
    shown = table(document)
    assert shown.count("\n| ") == 4 and shown.count("Section 5.3") == 2


def test_ratios_stand_beside_the_papers():
    seconds = {"dividemix": [2.0, 4.0], "unicon": [3.0, 6.0], "flywheel": [1.0, 2.0]}
    document = {
        "data": "d", "noise": "n", "device": "a machine", "threads": 1,
        "seconds": {"training-epoch": seconds, "inference": seconds},
    }  # fmt: skip
    rows = [line for line in table(document).splitlines() if line.startswith("| flywheel")]
    assert rows == ["| flywheel | 1.5 | 0.50 (0.50–0.50) | 0.95 | 1.5 | 0.50 (0.50–0.50) | 0.56 |"]


def test_the_papers_own_seconds_bear_its_claim_out_and_level_ones_do_not():
    inference = {method: [value] for method, value in printed()["inference"].items()}
    assert [line.count(": holds") for line in claims(inference)] == [1, 1]
    level = {method: [1.0] for method in METHODS}
    assert [line.count("does not hold") for line in claims(level)] == [1, 1]


def test_nonsense_is_refused_in_one_sentence(capsys):
    assert main([*SMALL[:4], "--repeats", "0"]) == 2
    assert "at least 1 is needed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--repeats", "two"])
