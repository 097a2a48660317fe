"""What methods cost: the benchmark runs, keeps what it is not asked for, and compares alike."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import costs as module
from benchmarks.costs import main

SMALL = ["--repeats", "1", "--epochs", "1", "--samples", "40"]


@pytest.fixture
def file(monkeypatch, tmp_path):
    """Where the costs go in this test, on digits alone."""
    path = tmp_path / "costs.json"
    monkeypatch.setattr(module, "costs_file", lambda: path)
    monkeypatch.setattr(module, "SETTINGS", {"digits": module.SETTINGS["digits"]})
    return path


def measured(file: Path) -> dict:
    return json.loads(file.read_text())["settings"]["digits"]["costs"]


def test_a_method_of_two_networks_costs_more_and_one_that_is_not_defined_is_left_out(file, capsys):
    assert main([*SMALL, "--methods", "co-teaching,clean-only"]) == 0
    found = measured(file)
    assert list(found) == ["co-teaching"]
    assert found["co-teaching"]["update"] > 1
    assert "left out: digits has no trusted samples" in capsys.readouterr().err


def test_methods_that_are_not_asked_for_keep_their_numbers(file):
    assert main([*SMALL, "--methods", "elr"]) == 0
    first = measured(file)["elr"]
    assert main([*SMALL, "--methods", "mixup"]) == 0
    assert set(measured(file)) == {"elr", "mixup"} and measured(file)["elr"] == first


def test_numbers_of_another_machine_or_setting_are_not_mixed_with_these(file, monkeypatch, capsys):
    assert main([*SMALL, "--methods", "elr"]) == 0
    before = file.read_text()
    assert main(["--repeats", "2", *SMALL[2:], "--methods", "mixup"]) == 2
    assert "repeats 1, and this would be 2" in capsys.readouterr().err
    assert main([*SMALL[:-1], "41", "--methods", "mixup"]) == 2
    monkeypatch.setitem(module.SETTINGS["digits"], "net", "lenet")
    assert main([*SMALL, "--methods", "mixup"]) == 2
    assert file.read_text() == before


@pytest.mark.parametrize("wrong", [["--repeats", "0"], ["--methods", "elf"]])
def test_nonsense_is_refused_in_one_sentence(file, wrong, capsys):
    assert main([*SMALL, *wrong]) == 2
    assert capsys.readouterr().err.startswith("bench: ") and not file.exists()
