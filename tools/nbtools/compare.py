"""nbval: do the committed notebooks still print what they hold?"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nbtools.surroundings import reproducible
from nbtools.twins import Notebook

SANITIZE = Path(__file__).resolve().parents[2] / "tests" / "nbval_sanitize.cfg"
CELL_TIMEOUT = 600  # seconds


def pytest_collectstart(collector: pytest.Collector) -> None:
    """A hook: warnings and progress are no part of what a notebook promises."""
    if hasattr(collector, "skip_compare"):  # nbval's file collector; it has no option for this
        collector.skip_compare += ("stderr",)


def compare(notebooks: list[Notebook], jobs: int = 1) -> int:
    """Execute the notebooks under nbval, `jobs` at a time, and compare the cells tagged for it."""
    os.environ.clear()
    os.environ.update(reproducible())  # nbval's kernels inherit it: what `refresh` ran under
    options = [
        "--nbval-lax",  # only the cells tagged nbval-check-output
        f"--nbval-sanitize-with={SANITIZE}",
        f"--nbval-cell-timeout={CELL_TIMEOUT}",
        "--nbval-kernel-name=python3",
        *("-p", "no:python", "-p", "no:cacheprovider", "-p", __name__),
        *("-n", str(min(jobs, len(notebooks))), "--dist", "loadfile"),
        "-Wignore::pytest.PytestAssertRewriteWarning",  # of plugins that reading notebooks imported
        f"--color={'auto' if sys.stdout.isatty() else 'no'}",  # 'auto' means always to nbval
    ]
    files = [str(notebook.ipynb) for notebook in notebooks]
    return pytest.main([*options, *files])
