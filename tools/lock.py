"""Write constraints.txt: the exact versions of everything that requirements.txt pulls in.

Run as `make lock`. It asks the pip of each supported Python what it would install into an empty
environment, and so installs nothing itself. All of them have to be asked, for some packages need
more on one Python than on another (papermill wants aiohttp on 3.12 alone). The lowest is asked
first: what it can install exists for the later ones as well, and not the other way round.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SUPPORTED = ["3.11", "3.12", "3.13"]
# torch pins the GPU packages it was built against, and only Linux has them; setuptools belongs to
# the environment, not to the set.
NOT_OURS = re.compile(r"^(nvidia-|cuda-|triton$|setuptools$)")
HEADER = """\
# Everything that requirements.txt pulls in, pinned exactly. Written by `make lock`: do not edit.
# Without the GPU packages, which torch pins itself, and without what only Windows or macOS need.
"""


def version(python: str) -> str:
    """The version of an interpreter as '3.11', or '' where there is none that runs."""
    ask = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(ask, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def resolve(python: str, requirements: Path, known: dict[str, str]) -> dict[str, str]:
    """Version by name of all that `python` would install, the packages in `known` as they are."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(lines(known))
        constraints.flush()
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        options = ["--dry-run", "--ignore-installed", "--report", "-"]
        files = ["-r", str(requirements), "-c", constraints.name]
        answer = subprocess.run([*pip, *options, *files], stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        raise SystemExit(f"make lock: {python} cannot install requirements.txt; pip says why above")
    found = {}
    for entry in json.loads(answer.stdout)["install"]:
        name = re.sub(r"[-_.]+", "-", entry["metadata"]["name"]).lower()
        if not entry["requested"] and not NOT_OURS.match(name):
            found[name] = entry["metadata"]["version"]
    return found


def lines(pins: dict[str, str]) -> list[str]:
    return [f"{name}=={pins[name]}\n" for name in sorted(pins)]


def main(pythons: list[str]) -> None:
    found = [version(python) for python in pythons]
    if found != SUPPORTED:
        versions = [f"{p} ({v or 'does not run'})" for p, v in zip(pythons, found, strict=True)]
        given = ", ".join(versions)
        raise SystemExit(
            f"make lock: needs Python {', '.join(SUPPORTED)}, in this order, and was given {given}:"
            ' name them as in: make lock PYTHONS="python3.11 python3.12 python3.13"'
        )
    root = Path(__file__).resolve().parent.parent
    pins: dict[str, str] = {}
    for python in pythons:
        pins |= resolve(python, root / "requirements.txt", pins)
    text = HEADER + "".join(lines(pins))
    (root / "constraints.txt").write_text(text, encoding="utf-8")
    print(f"constraints.txt: {len(pins)} pins. Now: make setup, then make test")


if __name__ == "__main__":
    main(sys.argv[1:])
