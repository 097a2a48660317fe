"""The pins agree with each other and with what is installed, and setup refuses what cannot work."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import lock

ROOT = Path(__file__).resolve().parent.parent
SITE = "docs/site"


def pins(name: str) -> dict[str, str]:
    """{package: version} of a requirements file in which every line is an exact pin."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==([a-z0-9.]+)", line)
            assert match, f"{name}: {line!r} is not an exact pin"
            assert match[1] not in found, f"{name} pins {match[1]} twice"
            found[match[1]] = match[2]
    return found


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_core_dependency_is_pinned_above_its_lower_bound() -> None:
    pinned = pins("requirements.txt")
    for requirement in project()["dependencies"]:
        name, bound = requirement.split(">=")
        assert numbers(pinned[name]) >= numbers(bound), requirement


def test_no_package_is_pinned_in_both_files() -> None:
    assert not pins("requirements.txt").keys() & pins("constraints.txt").keys()


def test_constraints_cover_all_that_the_direct_dependencies_need() -> None:
    known = pins("requirements.txt") | pins("constraints.txt")
    for name in known:
        for requirement in metadata.requires(name) or [] if installed(name) else []:
            needed = re.match(r"[A-Za-z0-9._-]+", requirement)[0]
            needed = re.sub(r"[-_.]+", "-", needed).lower()
            ours = installed(needed) and not lock.NOT_OURS.match(needed)
            if ours and ";" not in requirement:
                assert needed in known, f"{name} needs {needed}: run make lock"


def installed(name: str) -> str:
    """The installed version without a build's own suffix (2.15.0+cpu), '' where there is none."""
    try:
        return metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        return ""


@pytest.mark.parametrize("name, version", pins("requirements.txt").items())
def test_the_pinned_version_is_installed(name: str, version: str) -> None:
    assert installed(name) == version, "run make setup"


def test_what_else_is_installed_is_what_the_constraints_say() -> None:
    wrong = {
        name: (installed(name), version)
        for name, version in pins("constraints.txt").items()
        if installed(name) not in ("", version)  # some are needed on one Python or system only
    }
    assert not wrong, "run make setup"


def test_conda_gets_its_versions_from_the_same_files() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^ +- (.+)$", text, flags=re.MULTILINE)
    python = f"python {project()['requires-python']}"
    files = ["-r requirements.txt", "-c constraints.txt", "-e ."]
    assert entries == ["conda-forge", python, "pip", "pip:", *files]


def test_every_direct_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = re.findall(r"^- \*\*([a-z0-9-]+)\*\*: \w", text, flags=re.MULTILINE)
    assert sorted(explained) == sorted(
        [*pins("requirements.txt"), *pins(f"{SITE}/requirements.txt")]
    )


def test_the_site_is_pinned_apart_from_all_else() -> None:
    named, pulled = pins(f"{SITE}/requirements.txt"), pins(f"{SITE}/constraints.txt")
    assert not (named.keys() & pulled.keys())
    assert not (named | pulled).keys() & (pins("requirements.txt") | pins("constraints.txt")).keys()


# --- tools/venv.sh, against interpreters made of shell -------------------------------------------

FAKE = """#!/bin/sh
case "$*" in
*version_info*) echo {version} ;;
*ensurepip*) exit {no_venv} ;;
"-m venv --clear "*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
*"pip install"*) exit {no_pip} ;;
*) exit 99 ;;
esac
"""


def setup(folder: Path, version: str = "3.12", no_venv: int = 0, no_pip: int = 0):
    """Run tools/venv.sh with an interpreter that answers as told; its .venv is in `folder`."""
    python = folder / "python"
    python.write_text(FAKE.format(version=version, no_venv=no_venv, no_pip=no_pip))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    inside = folder / "venv" / "bin" / "python"
    if inside.exists():
        inside.write_text(python.read_text())
    command = ["sh", str(ROOT / "tools" / "venv.sh"), "build", str(python), str(folder / "venv")]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_an_unsupported_python_is_refused_with_the_way_out(tmp_path: Path, version: str) -> None:
    answer = setup(tmp_path, version=version)
    assert answer.returncode == 1
    assert f"Python {version}" in answer.stderr
    assert "make PYTHON=python3.12 setup" in answer.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    command = ["sh", str(ROOT / "tools" / "venv.sh"), "build", str(tmp_path / "none"), "venv"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "no Python answers" in answer.stderr


def test_a_python_without_venv_is_refused(tmp_path: Path) -> None:
    answer = setup(tmp_path, no_venv=1)
    assert answer.returncode == 1
    assert "apt install python3.12-venv" in answer.stderr


def test_a_half_made_environment_does_not_count_and_is_made_anew(tmp_path: Path) -> None:
    assert setup(tmp_path, no_pip=1).returncode != 0
    assert not (tmp_path / "venv" / ".built").exists()
    assert setup(tmp_path).stdout.startswith("Making")
    assert (tmp_path / "venv" / ".built").read_text() == "3.12\n"


def test_an_update_that_pip_refuses_leaves_the_environment_usable(tmp_path: Path) -> None:
    setup(tmp_path)
    refused = setup(tmp_path, no_pip=1)
    assert refused.returncode != 0
    assert refused.stdout.startswith("Updating")
    assert (tmp_path / "venv" / ".built").exists()
    assert setup(tmp_path, version="3.13").stdout.startswith("Making")


def test_lock_refuses_to_run_without_every_supported_python() -> None:
    with pytest.raises(SystemExit, match=r"needs Python 3\.11, 3\.12, 3\.13.* was given"):
        lock.main([sys.executable, "no-such-python"])


def test_lock_leaves_out_what_is_pinned_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def resolve(python: str, requirements: Path, known: dict[str, str]) -> dict[str, str]:
        asked.append(dict(known))
        return {"shared": known["shared"], "own": "2", python: "3"}

    monkeypatch.setattr(lock, "resolve", resolve)
    found = lock.resolve_all(["one", "other"], Path("requirements.txt"), {"shared": "1"})
    assert found == {"own": "2", "one": "3", "other": "3"}
    assert asked[1] == {"shared": "1", "own": "2", "one": "3"}  # the first one's stay as they are
