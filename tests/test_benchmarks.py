"""The benchmark runs, and computes its ratios right. What it measures is nobody's test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.__main__ import main
from benchmarks.contestants import Bare
from benchmarks.measure import interleaved, ratio
from benchmarks.settings import SETTINGS

SMALL = ["--steps", "2", "--repeats", "2", "--workers", "0", "--device", "cpu", "--threads", "1"]


def test_a_small_run_prints_a_table_and_leaves_a_picture_and_a_record(tmp_path, capsys):
    assert main([*SMALL, "--nets", "mlp,lenet", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "| mlp (0 workers) |" in shown and "| lenet (0 workers) |" in shown
    assert (tmp_path / "cpu-float32.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads((tmp_path / "cpu-float32.json").read_text())
    assert document["device"] and document["threads"] == 1 and document["versions"]["torch"]
    for result in document["results"]:
        assert all(rate > 0 for rate in result["images_per_second"].values())
        assert {len(times) for times in result["seconds"].values()} == {2}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--nets", "resnet15"], "did you mean 'resnet14'"),
        (["--precision", "bf16"], "did you mean 'bfloat16'"),
        (["--repeats", "0"], "at least 1"),
        (["--workers", "two"], "'two'"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(wrong, message, capsys):
    assert main([*SMALL, *wrong]) == 2
    assert message in capsys.readouterr().err


def test_every_round_has_every_contestant_in_turn_and_in_reverse():
    calls = []
    times = interleaved(
        {name: lambda steps, name=name: calls.append(name) or float(steps) for name in "ab"},
        steps=5,
        repeats=3,
    )
    assert calls == ["a", "b", *"ab", *"ba", *"ab"]
    assert times == {"a": [5.0] * 3, "b": [5.0] * 3}


def test_ratios_are_paired():
    assert ratio([1, 4, 9], [1, 2, 3]) == {"low": 1.5, "median": 2, "high": 2.5}
    assert ratio([1], [2]) == {"low": 0.5, "median": 0.5, "high": 0.5}


def test_operations_are_those_of_the_matrix_products():
    bare = Bare("mlp", SETTINGS["mlp"], torch.device("cpu"), "float32")
    first, others = 784 * 128, 128 * 128 + 128 * 10
    # Forward, the weights' gradient, and but for the first layer that of its input.
    assert bare.operations() == 2 * 128 * (2 * first + 3 * others)
