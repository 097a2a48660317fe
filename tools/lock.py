"""Write constraints.txt: the exact versions of everything that requirements.txt pulls in, and the
same for the site, whose pins are those of the project wherever both need a package.

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
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)$", re.MULTILINE)
HEADER = """\
# Everything that requirements.txt pulls in, pinned exactly. Written by `make lock`: do not edit.
# Without the GPU packages, which torch pins itself, and without what only Windows or macOS need.
"""
SITE_HEADER = """\
# Everything that docs/site/requirements.txt pulls in and the project's own files do not pin, pinned
# exactly. Written by `make lock`: do not edit.
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
        raise SystemExit(f"make lock: {python} cannot install {requirements}; pip says why above")
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
    pins = resolve_all(pythons, root / "requirements.txt", {})
    write(root / "constraints.txt", HEADER, pins)
    named = dict(PIN.findall((root / "requirements.txt").read_text(encoding="utf-8")))
    site = root / "docs" / "site"
    shared = pins | named
    write(
        site / "constraints.txt",
        SITE_HEADER,
        resolve_all(pythons, site / "requirements.txt", shared),
    )
    print("Now: make setup, then make test and make site")


def resolve_all(pythons: list[str], requirements: Path, shared: dict[str, str]) -> dict[str, str]:
    """What any of the Pythons would install, without what is `shared`."""
    pins = dict(shared)
    for python in pythons:
        pins |= resolve(python, requirements, pins)
    return {name: pins[name] for name in pins.keys() - shared.keys()}


def write(path: Path, header: str, pins: dict[str, str]) -> None:
    path.write_text(header + "".join(lines(pins)), encoding="utf-8")
    print(f"{path}: {len(pins)} pins")


if __name__ == "__main__":
    main(sys.argv[1:])
