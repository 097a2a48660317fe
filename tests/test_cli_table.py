"""`lnl table` and `lnl report`."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import training_helpers  # noqa: F401  (one thread)

from lnl_core.cli import main
from lnl_core.ledger.records import Folder
from lnl_core.ledger.studies import get_study
from lnl_core.papers import PAPERS

NAME = "patrini2017/table2-mnist"
STUDY = "patrini2017/protocol-mnist"


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "data"))


def table(capsys, *arguments):
    code = main(["table", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_smoke_table_computes_what_is_asked_and_nothing_twice(capsys, tmp_path):
    asked = (
        NAME, "--methods", "forward", "--noise", "mnist-asymmetric:0.6,none", "--jobs", 1,
        "--device", "cpu", "--results", tmp_path, "--json",
    )  # fmt: skip
    code, out, err = table(capsys, *asked)
    assert code == 0 and "0 of 2 runs are there" in err
    document = json.loads(out)
    assert [(cell["noise"], cell["verdict"]) for cell in document["cells"]] == [
        ("none", "not run"),  # smoke runs on digits: never judged against MNIST's numbers
        ("asymmetric:0.6", "not run"),
    ]
    assert {row["noise"] for row in document["unjudged"]} == {"none", "asymmetric:0.6"}
    assert all(row["data"] == "digits" for row in document["unjudged"])
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.json")}
    assert len(files) == 2 == len(list(Folder(tmp_path / "patrini2017")))

    code, again, err = table(capsys, *asked)
    assert code == 0 and "2 of 2 runs are there" in err
    assert json.loads(again) == document
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.json")} == files


def test_a_stacked_table_is_the_same_runs(capsys, tmp_path):
    asked = (
        NAME, "--methods", "forward", "--jobs", 1, "--device", "cpu", "--stack", 4,
        "--results", tmp_path, "--json",
    )  # fmt: skip
    code, _, err = table(capsys, *asked)
    assert code == 0 and "0 of 4 runs are there" in err
    assert [record["stacked"] for record in Folder(tmp_path / "patrini2017")] == [4] * 4
    without = [word for word in asked if word not in ("--stack", 4)]
    assert "4 of 4 runs are there" in table(capsys, *without)[2]


def test_without_json_it_is_a_table_to_read(capsys, tmp_path):
    code, out, _ = table(
        capsys, NAME, "--methods", "forward", "--noise", "none", "--jobs", 1, "--results", tmp_path
    )
    assert code == 0
    assert "| forward | none | 97.9 | — | — | not run |" in out
    assert "not judged" in out and "| digits |" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([NAME.replace("mnist", "minst")], ["unknown table", f"did you mean '{NAME}'", "others."]),
        (["jindal2019/choices-mnist"], ["is a study", "lnl study jindal2019/choices-mnist"]),
        ([NAME, "--methods", "foward"], ["unknown row", "did you mean 'forward'"]),
        ([NAME, "--noise", "symmetric:0.3"], ["unknown column", "symmetric:0.2"]),
        ([NAME, "--seeds", "0"], ["0 seeds", "at least 1"]),
        ([NAME, "--methods", "forward", "--jobs", "0"], ["0 jobs", "at least 1"]),
        ([NAME, "--methods", "forward", "--stack", "0"], ["0 runs a stack", "at least 1"]),
        ([NAME, "--methods", "forward", "--engine", "dsk"], ["unknown engine", "'dask'"]),
        ([NAME, "--methods", "forward", "--engine", "dask"], ["needs --scheduler", "tcp://"]),
        ([NAME, "--profile", "paper"], ["mnist is not in", "lnl data fetch mnist"]),
        ([NAME, "--precision", "bf16"], ["unknown precision", "did you mean 'bfloat16'"]),
        ([NAME, "--profile", "papre"], ["unknown profile", "did you mean 'paper'"]),
        ([NAME, "--profile", "paper", "--protocol", "cod"], ["no protocol 'cod'", "'text'"]),
        ([NAME, "--protocol", "txt"], ["no protocol 'txt' for mnist", "'text'"]),
    ],
)
def test_bad_input_is_one_sentence(capsys, tmp_path, arguments, words):
    code, out, err = table(capsys, *arguments, "--results", tmp_path)
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("lnl: ") and all(word in last for word in words), last
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.json")), "trained before it was refused"


def test_a_smoke_study_computes_its_variants_and_shows_the_difference(
    capsys, tmp_path, monkeypatch
):
    small = replace(get_study(STUDY), variants=get_study(STUDY).variants[:1])
    monkeypatch.setitem(PAPERS, "patrini2017", SimpleNamespace(STUDIES=(small,), SETTINGS={}))
    asked = ["--profile", "smoke", "--seeds", "1", "--jobs", "1", "--device", "cpu"]
    code = main(["study", STUDY, *asked, "--results", str(tmp_path), "--json"])
    out, err = capsys.readouterr()
    assert code == 0 and "0 of 2 runs are there" in err
    (row,) = json.loads(out)["variants"]
    before, after = (
        float(row[side].split()[0]) for side in ("unchanged, same seeds", "so changed")
    )
    assert before != after
    assert float(row["difference"]) == pytest.approx(after - before, abs=0.11)
    assert main(["study", STUDY, *asked, "--results", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "2 of 2 runs are there" in err and f"| {row['difference']} |" in out


def test_an_unknown_study_is_one_sentence(capsys):
    assert main(["study", "patrini2017/protocl-mnist"]) == 2
    assert "did you mean 'patrini2017/protocol-mnist'" in capsys.readouterr().err
