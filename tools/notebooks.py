"""Run, make and check the notebooks.

    python tools/notebooks.py run [--profile smoke|laptop|paper] [--jobs N] [NAME …]
    python tools/notebooks.py refresh [NAME …]
    python tools/notebooks.py check [NAME …]
    python tools/notebooks.py compare [--jobs N] [NAME …]

Exit code 0 when all is well, 1 when a notebook fails, 2 when what was asked makes no sense.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lnl_core.errors import InputError
from nbtools.check import problems
from nbtools.compare import compare
from nbtools.refresh import refresh
from nbtools.run import CELL_TIMEOUT, run
from nbtools.twins import REFRESH, Notebook, find

ROOT = Path(__file__).resolve().parent.parent


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run, make and check the notebooks.")
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "run": "execute with papermill into build/notebooks, and write build/index.html",
        "refresh": "rewrite the committed notebooks, with outputs, from notebooks/py",
        "check": "are the committed notebooks what notebooks/py says?",
        "compare": "execute with nbval and compare the outputs of the tagged cells",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
        command.add_argument("--source", type=Path, default=ROOT / "notebooks", help="their folder")
    for name in ("run", "compare"):
        commands.choices[name].add_argument(
            "--jobs", type=_positive, default=2, help="how many at a time"
        )
    options = commands.choices["run"]
    options.add_argument("--profile", choices=CELL_TIMEOUT, default="smoke")
    options.add_argument("--out", type=Path, default=ROOT / "build", help="where results go")
    options.add_argument("--timeout", type=_positive, help="seconds a cell may take")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def refresh_all(notebooks: list[Notebook], everything: bool) -> int:
    """Rewrite the notebooks. A file without a twin is left to `check`, unless it was named."""
    failed = 0
    for notebook in notebooks:
        if everything and not notebook.twin.exists():
            continue
        try:
            remarks = refresh(notebook)
        except InputError as error:
            print(f"FAILED {error}", flush=True)
            failed = 1
            continue
        print(f"wrote  {notebook.ipynb.name}", flush=True)
        for remark in remarks:
            print(f"       {remark}", flush=True)
    return failed or check_all(notebooks)


def check_all(notebooks: list[Notebook]) -> int:
    found = [f"{notebook.name}: {line}" for notebook in notebooks for line in problems(notebook)]
    print("\n".join(found) or f"{len(notebooks)} notebooks are what their sources say")
    return 1 if found else 0


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    notebooks = find(options.source, options.names)
    match options.command:
        case "run":
            timeout = options.timeout or CELL_TIMEOUT[options.profile]
            return run(notebooks, options.profile, options.jobs, options.out, timeout)
        case "refresh":
            return refresh_all(notebooks, everything=not options.names)
        case "check":
            return check_all(notebooks)
        case "compare":
            missing = [notebook.name for notebook in notebooks if not notebook.ipynb.exists()]
            if missing:
                raise InputError(f"no notebook yet of {', '.join(missing)}: {REFRESH}")
            return compare(notebooks, options.jobs)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        print(f"notebooks: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("notebooks: interrupted", file=sys.stderr)
        sys.exit(130)
