"""The `lnl` command: one document on stdout, talk on stderr, and an answer to every bad input."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import training_helpers  # noqa: F401  (one thread)

from lnl_core import Method, cli
from lnl_core.cli import main
from lnl_core.data import dataset_names
from lnl_core.ledger.studies import all_studies
from lnl_core.methods import method_names, register, registry
from lnl_core.nets import NETS
from lnl_core.noise import PROTOCOLS

QUICK = ["--epochs", "2", "--limit", "200"]


def strict(text: str) -> object:
    """The one JSON document that the text is: nothing before, nothing after, no NaN."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    """No dataset lies where the command looks for them."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "data"))


@pytest.fixture
def lnl(capsys):
    """Runs the command in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse's own errors
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


# --- list --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("datasets", dataset_names()),
        ("methods", method_names()),
        ("nets", list(NETS)),
        ("noise", list(PROTOCOLS)),
        ("studies", list(all_studies())),
    ],
)
def test_lists(lnl, what, names):
    code, out, err = lnl("list", what, "--json")
    assert (code, err) == (0, "")
    rows = strict(out)
    assert [row["name"] for row in rows] == names
    assert all(row["summary"] for row in rows)
    code, out, _ = lnl("list", what)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == names
    for line, row in zip(out.splitlines(), rows, strict=True):
        assert row["summary"] in line


# --- fit ---------------------------------------------------------------------------------------


def test_fit_prints_one_json_document_and_talks_on_stderr(lnl):
    code, out, err = lnl("fit", "forward", "--noise", "asymmetric:0.4", "--json", *QUICK)
    assert code == 0
    document = strict(out)
    assert document["metrics"].keys() >= {"last", "last10", "best_val", "best_test"}
    assert all(0 <= value <= 1 for value in document["metrics"].values())
    assert 0 < document["realised_noise"] < 0.4
    assert document["seconds"] > 0
    config = document["config"]
    assert (config["method"], config["data"]) == ("forward", "digits")
    assert (config["train"]["epochs"], config["limit"]) == (2, 200)
    assert len(document["history"]) == 2
    assert "forward on digits" in err and "nominal rate 40.0%" in err
    realised = f"{document['realised_noise']:.1%}"
    assert f"{realised} of the labels are wrong" in err


def test_without_json_the_result_is_a_table_on_stdout(lnl):
    code, out, err = lnl("fit", "cross-entropy", *QUICK)
    assert code == 0
    for rule in ("last", "last10", "best_val", "best_test"):
        assert rule in out
    assert "%" in out and "labels are wrong" in err and "labels are wrong" not in out


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (["--seed", 3], "seeds", {"noise": 3, "split": 3, "init": 3, "order": 3}),
        (["--seed", 3, "--seed-init", 0], "seeds", {"noise": 3, "split": 3, "init": 0, "order": 3}),
        (["--noise", "symmetric:0.2", "--noise-draw", "exact"], "noise.draw", "exact"),
        (["--batch-size", 7], "train.batch_size", 7),
        (["--lr", 0.125], "train.lr", 0.125),
        (["--net", "resnet14", "--epochs", 1], "net", "resnet14"),
        (["--profile", "laptop", "--data", "digits"], "profile", "laptop"),
    ],
    ids=str,
)
def test_each_argument_reaches_the_config(lnl, arguments, path, value):
    code, out, err = lnl("fit", "cross-entropy", *QUICK, "--json", *arguments)
    assert code == 0, err
    found = strict(out)["config"]
    for key in path.split("."):
        found = found[key]
    assert found == value


@pytest.mark.parametrize(("given", "threads"), [([], 1), (["--threads", 2], 2)])
def test_the_record_says_how_many_threads_there_were(lnl, given, threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)  # of which the small net needs one
        _, out, _ = lnl("fit", "cross-entropy", *QUICK, "--json", "--epochs", 1, *given)
    finally:
        torch.set_num_threads(before)
    assert strict(out)["threads"] == threads


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_record_says_which_precision_there_was(lnl, monkeypatch, precision):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    code, out, err = lnl("fit", "cross-entropy", *QUICK, "--json", "--precision", precision)
    assert code == 0, err
    assert strict(out)["precision"] == precision


def test_options_reach_the_method(lnl):
    code, out, _ = lnl("fit", "bootstrap-soft", "--option", "beta=0.5", "--json", *QUICK)
    assert code == 0
    assert strict(out)["config"]["options"] == {"beta": 0.5}


def test_the_same_command_gives_the_same_history(lnl):
    documents = [strict(lnl("fit", "forward", "--json", *QUICK)[1]) for _ in range(2)]
    histories = [[r | {"seconds": 0} for r in d["history"]] for d in documents]
    assert histories[0] == histories[1]


def test_real_noisy_labels_are_used_as_they_are(lnl, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), np.arange(60) % 3
    noisy = np.where(np.arange(60) < 15, (y + 1) % 3, y)
    path = tmp_path / "own.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y, y_train_noisy=noisy)
    code, out, err = lnl(
        "fit", "cross-entropy", "--data", path, "--noise", "given", "--epochs", 1, "--json"
    )
    assert code == 0, err
    document = strict(out)
    assert document["noise"]["nominal_rate"] is None
    assert document["realised_noise"] == pytest.approx(0.25, abs=0.05)


# --- data --------------------------------------------------------------------------------------


def test_data_check(lnl):
    code, out, _ = lnl("data", "check", "digits", "--json")
    facts = strict(out)
    assert code == 0
    assert (facts["train"], facts["test"], facts["input_shape"]) == (1297, 500, [1, 8, 8])
    assert facts["classes"] == list("0123456789")
    assert lnl("data", "fetch", "digits", "--json")[1] == out  # embedded: there already
    code, out, _ = lnl("data", "check", "digits")
    assert code == 0 and "1297" in out


def test_an_absent_dataset_says_how_to_get_it(lnl):
    code, out, err = lnl("data", "check", "mnist")
    assert (code, out) == (2, "")
    assert "lnl data fetch mnist" in err and "LNL_DATA" in err


# --- bad input: exit code 2, one line that starts with `lnl: `, no traceback -------------------


def write(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def matrices(folder: Path) -> dict[str, Path]:
    files = {}
    for name, matrix in {
        "wide": np.full((2, 3), 1 / 3),
        "small": np.eye(3),
        "unnormalised": np.eye(10) * 2 / 3,
        "singular": np.full((10, 10), 0.1),
        "negative": np.eye(10) * 2 - np.full((10, 10), 0.1),
    }.items():
        files[name] = folder / f"{name}.npy"
        np.save(files[name], matrix)
    return files


def datasets(folder: Path) -> dict[str, Path]:
    x, y = np.zeros((6, 4), np.float32), np.arange(6) % 2
    whole = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    files = {
        "keyless": write(folder / "keyless.npz", x_train=x),
        "outside": write(folder / "outside.npz", **whole | {"y_train": y + 1, "y_test": y + 5}),
        "classless": write(folder / "classless.npz", **whole | {"y_train": y * 2}),
        "uneven": write(folder / "uneven.npz", **whole | {"y_train": y[:5]}),
        "shapeless": write(
            folder / "shapeless.npz", **whole | {"x_train": np.zeros((6, 2, 2, 2, 2))}
        ),
        "nan": write(folder / "nan.npz", **whole | {"x_train": x + np.nan}),
        "pickled": write(folder / "pickled.npz", **whole | {"y_train": np.array([{}] * 6)}),
    }
    files["truncated"] = folder / "truncated.npz"
    files["truncated"].write_bytes(files["nan"].read_bytes()[:200])
    return files


BAD = {
    "rate above 1": (["--noise", "symmetric:1.5"], "1.5 is outside [0, 1]"),
    "rate below 0": (["--noise", "symmetric:-0.1"], "-0.1 is outside [0, 1]"),
    "rate in percent": (["--noise", "symmetric:20"], "did you mean 0.2"),
    "rate that is none": (["--noise", "symmetric:much"], "'much' is not a number"),
    "rate missing": (["--noise", "symmetric"], "needs a rate"),
    "rate NaN": (["--noise", "symmetric:nan"], "nan is outside [0, 1]"),
    "matrix absent": (["--noise", "matrix:nowhere.npy"], "nowhere.npy"),
    "matrix not square": (["--noise", "matrix:{wide}"], "must be square"),
    "matrix of another size": (["--noise", "matrix:{small}"], "3x3 but the data have 10"),
    "matrix not stochastic": (["--noise", "matrix:{unnormalised}"], "sums to 0.6667"),
    "matrix negative": (["--noise", "matrix:{negative}"], "must lie in [0, 1]"),
    "unknown noise": (["--noise", "symetric:0.2"], "did you mean 'symmetric'"),
    "given but not there": (["--noise", "given"], "y_train_noisy"),
    "unknown data": (["--data", "digit"], "did you mean 'digits'"),
    "absent data": (["--data", "mnist"], "lnl data fetch mnist"),
    "absent file": (["--data", "nowhere.npz"], "no file nowhere.npz"),
    "npz without keys": (["--data", "{keyless}"], "lacks y_train, x_test, y_test"),
    "npz with a label outside": (["--data", "{outside}"], "outside the classes"),
    "npz with an empty class": (["--data", "{classless}"], "no training sample"),
    "npz with sizes that disagree": (["--data", "{uneven}"], "6 samples but 5 labels"),
    "npz with a wrong shape": (["--data", "{shapeless}"], "must be images uint8"),
    "npz with NaN": (["--data", "{nan}"], "NaN or infinity"),
    "npz with pickles": (["--data", "{pickled}"], "never loaded"),
    "npz truncated": (["--data", "{truncated}"], "truncated"),
    "unknown profile": (["--profile", "smok"], "did you mean 'smoke'"),
    "paper profile on digits": (["--profile", "paper", "--data", "digits"], "no paper here trains"),
    "protocol on digits": (["--protocol", "code"], "no protocol 'code'"),
    "unknown paper": (["--paper", "patrini"], "did you mean 'patrini2017'"),
    "unknown net": (["--net", "lennet"], "did you mean 'lenet'"),
    "unknown device": (["--device", "cudda"], "did you mean 'cuda'"),
    "unknown precision": (["--precision", "bf16"], "did you mean 'bfloat16'"),
    "zero threads": (["--threads", "0"], "0 threads were asked for"),
    "unknown option": (["--option", "zeal=1"], "no option 'zeal'"),
    "option without a value": (["--option", "zeal"], "KEY=VALUE"),
    "negative seed": (["--seed", "-1"], "the noise seed is -1"),
    "large seed": (["--seed-init", str(2**32)], "the init seed is 4294967296"),
    "zero epochs": (["--epochs", "0"], "epochs is 0"),
    "negative epochs": (["--epochs", "-2"], "epochs is -2"),
    "zero batch": (["--batch-size", "0"], "batch size is 0"),
    "zero rate": (["--lr", "0"], "learning rate is 0.0"),
    "rate of learning NaN": (["--lr", "nan"], "learning rate is nan"),
    "zero samples": (["--limit", "0"], "0 training samples"),
    "too many samples": (["--limit", "99999"], "99999 training samples"),
    "too few samples": (["--limit", "3"], "no training sample"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_answered_in_one_line(lnl, tmp_path, what):
    arguments, expected = BAD[what]
    files = matrices(tmp_path) | datasets(tmp_path)
    arguments = [argument.format(**files) for argument in arguments]
    code, out, err = lnl("fit", "cross-entropy", "--json", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("lnl: ") and err.count("\n") == 1 and err.endswith((".\n", "?\n"))
    assert expected in err


def test_an_unknown_method_is_answered_with_the_nearest(lnl):
    code, out, err = lnl("fit", "foward")
    assert (code, out) == (2, "")
    assert err.startswith("lnl: unknown method 'foward': did you mean 'forward'?")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none(lnl):
    code, out, err = lnl("fit", "cross-entropy", "--device", "cuda")
    assert (code, out) == (2, "")
    assert err.startswith("lnl: device 'cuda' was asked for") and "'auto' or 'cpu'" in err


LATE = {
    "singular matrix": (["backward", "--noise", "matrix:{singular}"], "cannot be inverted"),
    "option of a wrong kind": (["bootstrap-soft", "--option", "beta=much"], "beta is 'much'"),
    "option outside its range": (["bootstrap-soft", "--option", "beta=1.5"], "beta is 1.5"),
    "option that is no literal": (["bootstrap-soft", "--option", "beta={[1]:2}"], "beta is"),
    "image too small": (["forward", "--net", "lenet"], "at least 16x16"),
    "no folder": (["forward", "--checkpoints", "{wide}"], "cannot be written"),
}


@pytest.mark.parametrize("what", LATE)
def test_what_only_the_method_can_refuse_is_the_last_line(lnl, tmp_path, what):
    arguments, expected = LATE[what]
    files = {name: str(path) for name, path in matrices(tmp_path).items()}
    arguments = [
        a.replace("{singular}", files["singular"]).replace("{wide}", files["wide"])
        for a in arguments
    ]
    code, out, err = lnl("fit", *arguments, "--json")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("lnl: ") and expected in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fit"],
        ["list"],
        ["list", "method"],
        ["data"],
        ["fitt"],
        ["fit", "forward", "--epochs", "x"],
    ],
    ids=str,
)
def test_a_command_that_is_none_gets_the_usage(lnl, arguments):
    code, out, err = lnl(*arguments)
    assert (code, out) == (2, "")
    assert "usage: lnl" in err and "error:" in err


# --- diverging ---------------------------------------------------------------------------------


@pytest.fixture
def diverging(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    class Diverging(Method):
        """No number from epoch 3 on."""

        def begin_epoch(self, epoch, data):
            self.factor = math.nan if epoch == 3 else 1.0

        def loss(self, batch):
            return super().loss(batch) * self.factor

    register("diverging", Diverging, "diverges in its third epoch")


def test_a_loss_that_is_no_number_ends_the_run_and_loses_nothing(lnl, diverging):
    code, out, err = lnl("fit", "diverging", "--epochs", 5, "--json")
    assert code == 2
    document = strict(out)
    assert [record["epoch"] for record in document["history"]] == [1, 2]
    assert document["metrics"]["last"] == document["history"][-1]["test_accuracy"]
    last = err.splitlines()[-1]
    assert last.startswith("lnl: Diverging: the loss became nan at epoch 3, step 1")
    assert document["error"] in last
    code, out, _ = lnl("fit", "diverging", "--epochs", 5)
    assert code == 2 and "best_val" in out


def test_a_learning_rate_out_of_all_bounds(lnl):
    code, out, err = lnl("fit", "cross-entropy", "--lr", "1e30", *QUICK, "--json")
    assert code == 2
    document = strict(out)
    assert (document["status"], document["metrics"]["last"]) == ("diverged", None)
    assert "CrossEntropy: " in err.splitlines()[-1] and "epoch 1" in err.splitlines()[-1]


# --- interrupting and resuming -----------------------------------------------------------------


def timeless(document: dict) -> list[dict]:
    return [record | {"seconds": 0} for record in document["history"]]


def test_checkpoints_resume(lnl, tmp_path, monkeypatch):
    whole = strict(lnl("fit", "forward", "--epochs", 6, "--limit", 300, "--json")[1])
    arguments = [
        "fit",
        "forward",
        "--epochs",
        6,
        "--limit",
        300,
        "--checkpoints",
        tmp_path / "c",
        "--json",
    ]

    step, count = Method.step, 0

    def interrupted(self, batch, optimizer):
        nonlocal count
        count += 1
        if count == 30:  # nine steps an epoch: in the fourth
            raise KeyboardInterrupt
        return step(self, batch, optimizer)

    with monkeypatch.context() as patch:
        patch.setattr(Method, "step", interrupted)
        code, out, err = lnl(*arguments)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "lnl: interrupted."
    code, out, _ = lnl(*arguments)
    assert code == 0
    assert timeless(strict(out)) == timeless(whole)
    code, _, err = lnl(*arguments, "--seed-noise", 8)
    assert code == 2 and "belongs to a run with other settings" in err


def command(*arguments: object, **environment: str) -> subprocess.Popen:
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "lnl_core", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip


def test_control_c_exits_with_130_and_the_same_command_continues(lnl, tmp_path):
    arguments = ["fit", "forward", "--epochs", 40, "--limit", 200, "--json"]
    resumable = [*arguments, "--checkpoints", tmp_path / "c"]
    process = command(*resumable)
    saved, patience = tmp_path / "c" / "train.pt", time.monotonic() + 60
    while not saved.exists() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == "" and "Traceback" not in err
    assert err.splitlines()[-1] == "lnl: interrupted."
    done = len(torch.load(saved, weights_only=True)["history"])
    assert 1 <= done < 40
    code, out, _ = lnl(*resumable)
    assert code == 0
    assert timeless(strict(out)) == timeless(strict(lnl(*arguments)[1]))


# --- the process -------------------------------------------------------------------------------


def test_a_terminated_command_is_left_as_any_other(monkeypatch):
    """With what its `finally` clauses do: a pool ends its workers there."""
    ended = []

    def terminated(arguments):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            ended.append(True)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cli, "_list", terminated)
    # Should the command not see to it, the test is not to end with it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as caught:
            main(["list", "nets"])
        assert (caught.value.code, ended) == (143, [True])
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_help_does_not_wait_for_torch():
    script = (
        "import sys, lnl_core.cli\n"
        "try: lnl_core.cli.main(['fit', '--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--noise" in done.stdout


def test_the_command_needs_no_jupyter():
    script = (
        "import sys\n"
        "from lnl_core.cli import main\n"
        f"code = main({['fit', 'forward', '--noise', 'symmetric:0.2', '--json', *QUICK]!r})\n"
        "jupyter = {'IPython', 'ipykernel', 'ipywidgets', 'jupyter_client', 'jupyter_core',\n"
        "           'papermill', 'nbformat', 'nbclient', 'nbconvert', 'notebook', 'traitlets'}\n"
        "found = jupyter & {name.partition('.')[0] for name in sys.modules}\n"
        "sys.exit(f'imported {found}' if found else code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert strict(done.stdout)["history"]


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_leaves_early_meets_no_traceback(monkeypatch, buffered):
    reader, writer = os.pipe()
    os.close(reader)  # `lnl list methods | head -1`, at its worst: gone before the first line
    stdout = open(writer, "w", buffering=-1 if buffered else 1)  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["list", "methods"]) == 0
    stdout.close()  # what Python does when it exits: it has a line left to write
