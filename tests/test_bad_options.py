"""Every argument of every `lnl` command, given what it cannot use: exit code 2, one sentence on
standard error, nothing on standard output, no traceback. The command's own parser says which
arguments there are, so that a new one without a bad value here is noticed."""

from __future__ import annotations

import argparse

import pytest

from lnl_core import cli
from lnl_core.cli import main

NO_WHOLE = ("x", "2.5", "")
NO_COUNT = ("0", "-1", *NO_WHOLE)
NO_SEED = ("-1", str(2**32), str(2**64), *NO_WHOLE)
NO_NAME = ("nothing", "")
TABLE = ["patrini2017/table2-mnist", "--methods", "cross-entropy", "--noise", "none"]
STUDY = ["patrini2017/protocol-mnist", "--profile", "smoke"]
#: What an option takes on its own, and is then right: it is not asked for bad values.
WITHOUT_VALUE = {"--json", "--help"}

#: Command → what stands before the option.
BEFORE = {"list": [], "data": [], "fit": ["cross-entropy"], "table": TABLE, "study": STUDY}
BAD: dict[str, dict[str, tuple[str, ...]]] = {
    "list": {"what": NO_NAME},
    "data": {"action": NO_NAME, "name": ("mnits", "", "../x", "nowhere.npz", "mnist")},
    "fit": {
        "method": ("foward", ""),
        "--data": ("digit", "nowhere.npz", "../x", "mnist"),
        "--noise": ("symetric:0.2", "", "symmetric", "symmetric:2", "symmetric:nan", "matrix:x"),
        "--noise-draw": NO_NAME,
        "--seed": NO_SEED, "--seed-noise": NO_SEED, "--seed-split": NO_SEED,
        "--seed-init": NO_SEED, "--seed-order": NO_SEED,
        "--profile": NO_NAME, "--protocol": NO_NAME, "--paper": ("patrini",), "--net": NO_NAME,
        "--epochs": NO_COUNT, "--batch-size": NO_COUNT,
        "--lr": ("0", "-1", "nan", "inf", "x", ""),
        "--limit": ("0", "-1", "99999", *NO_WHOLE),
        "--option": ("beta", "beta=1", "=", "", "=1"),
        "--precision": NO_NAME, "--device": NO_NAME, "--threads": NO_COUNT,
        "--checkpoints": ("FILE/below",),
    },
    "table": {
        "name": ("patrini2017/table", "", "x"),
        "--profile": NO_NAME, "--protocol": ("cod",), "--seeds": NO_COUNT,
        "--methods": ("foward", "", "forward,"), "--noise": ("symmetric:0.3", "", ","),
        "--jobs": NO_COUNT, "--engine": NO_NAME, "--scheduler": ("tcp://127.0.0.1:1",),
        "--stack": NO_COUNT, "--precision": NO_NAME, "--device": NO_NAME,
        "--results": ("FILE/below",),
    },
    "study": {
        "name": ("patrini2017/nothing", "", "x"),
        # Few: a study takes two seconds to write down.
        "--profile": NO_NAME, "--seeds": NO_COUNT, "--jobs": ("0", "x"), "--engine": ("nothing",),
        "--scheduler": ("tcp://127.0.0.1:1",), "--device": ("x",), "--results": ("FILE/below",),
    },
    "report": {},
}  # fmt: skip
CASES = [
    (command, option, value)
    for command, options in BAD.items()
    for option, values in options.items()
    for value in values
]


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def test_every_argument_of_every_command_is_in_the_table():
    for name, parser in commands().items():
        known = {a.option_strings[-1] if a.option_strings else a.dest for a in parser._actions}
        assert known - WITHOUT_VALUE == set(BAD[name]), name
    assert set(BAD) == set(commands())


def line(command: str, option: str, value: str) -> list[str]:
    if option.startswith("--"):
        return [command, *BEFORE[command], option, value]
    rest = {"action": ["mnist"], "method": [], "what": []}.get(option, [])
    before = ["check"] if (command, option) == ("data", "name") else []
    return [command, *before, value, *rest]


@pytest.mark.parametrize(("command", "option", "value"), CASES)
def test_what_it_cannot_use_is_answered_in_one_sentence(
    command, option, value, capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "data"))
    (tmp_path / "file").write_text("")
    arguments = line(command, option, value.replace("FILE", str(tmp_path / "file")))
    if command in ("table", "study") and option != "--results":
        arguments += ["--results", str(tmp_path / "results")]
    if command == "fit" and option != "--epochs":
        arguments += ["--epochs", "1"]
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse's own: the usage, and one sentence
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    last = err.splitlines()[-1]
    assert last.startswith(("lnl: ", f"lnl {command}: error: ")), err
    assert "Traceback" not in err and "Error(" not in last
