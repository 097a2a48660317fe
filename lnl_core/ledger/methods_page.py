"""`docs/methods.md`: every registered method by family, and how its published cells stand."""

from __future__ import annotations

import importlib
import inspect
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lnl_core.ledger.records import project_folder
from lnl_core.ledger.report import markdown
from lnl_core.ledger.survey import PaperSurvey
from lnl_core.ledger.verdicts import VERDICTS
from lnl_core.methods import Entry, get_method, method_names
from lnl_core.methods.registry import NEEDS
from lnl_core.papers import PAPERS

HEAD = """# Methods

Written by `lnl report` from the registry (`lnl_core/methods/__init__.py`), the records and
`data/costs.json`, not by hand. A family is a folder of `lnl_core/methods`.

* *told*: what the method must be told of the noise: {needs}. A dash: nothing.
* *nets*: how many are trained side by side; or *stages*, one after another.
* *stacks*: runs of several seeds and noise rates can be trained as one (`lnl table --stack`).
* *protocols*: of the paper whose settings it takes; `code` where the authors' code is known.
* *published cells*: how the cells of the papers' tables stand ([`results.md`](results.md)).
* *cost*: of an update, and of an epoch with all that comes between two passes, both in
  cross-entropy's. {measured}"""
BASELINE = "The labels as they are."
OUTSIDE = "baseline"


def costs_file() -> Path:
    """Where `python -m benchmarks.costs` leaves what it measured."""
    return project_folder("costs.json")


def methods_page(papers: Sequence[PaperSurvey]) -> str:
    """The page as Markdown."""
    costs, verdicts = _costs(), _verdicts(papers)
    families: dict[str, list[Entry]] = defaultdict(list)
    for entry in map(get_method, method_names()):
        families[entry.family].append(entry)
    needs = ", ".join(f"{name} ({what})" for name, what in NEEDS.items())
    sections = [HEAD.format(needs=needs, measured=_measured(costs))]
    for family, entries in families.items():
        rows = [_row(entry, verdicts[entry.name], costs) for entry in entries]
        sections += [f"## {family or OUTSIDE}", _sentence(family), markdown(rows)]
        sections.append("\n".join(map(_described, entries)))
    return "\n\n".join(sections) + "\n"


def _sentence(family: str) -> str:
    """The family in its own words: its folder's docstring."""
    if not family:
        return BASELINE
    return inspect.getdoc(importlib.import_module(f"lnl_core.methods.{family}")) or ""


def _row(entry: Entry, verdicts: Counter[str], costs: dict[str, Any]) -> dict[str, str]:
    row = {
        "method": f"`{entry.name}`",
        "from": entry.source or "—",
        "told": ", ".join(entry.needs) or "—",
        "nets": entry.nets,
        "stacks": "yes" if entry.stacks else "—",
        "protocols": _protocols(entry.paper) or "—",
        "published cells": _counted(verdicts) or "—",
    }
    for data, setting in costs.get("settings", {}).items():
        cost = setting["costs"].get(entry.name)
        row[f"cost: {data}"] = f"{cost['update']:.1f}, {cost['epoch']:.1f}" if cost else "—"
    return row


def _described(entry: Entry) -> str:
    """What it does, and its options with their defaults."""
    options = [
        f"`{name}`" if value is inspect.Parameter.empty else f"`{name}={value!r}`"
        for name, value in entry.defaults.items()
    ]
    words = [f"* `{entry.name}`: {entry.summary}."]
    if options:
        words.append(f"Options: {', '.join(options)}.")
    if entry.fixed:
        fixed = ", ".join(f"`{name}={value!r}`" for name, value in entry.fixed.items())
        words.append(f"Always {fixed}.")
    return " ".join(words)


def _protocols(paper: str) -> str:
    if paper not in PAPERS:
        return ""
    names = dict.fromkeys(name for own in PAPERS[paper].SETTINGS.values() for name in own)
    return f"{', '.join(names)} ({paper})"


def _verdicts(papers: Sequence[PaperSurvey]) -> dict[str, Counter[str]]:
    """How many published cells of each method have which verdict."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in (cell for paper in papers for table in paper.tables for cell in table.cells):
        counted[cell.method][cell.comparison.verdict] += 1
    return counted


def _counted(verdicts: Counter[str]) -> str:
    return ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS if verdicts[name])


def _costs() -> dict[str, Any]:
    file = costs_file()
    return json.loads(file.read_text()) if file.is_file() else {}


def _measured(costs: dict[str, Any]) -> str:
    if not costs:
        return "Not measured yet: `python -m benchmarks.costs` does."
    settings = "; ".join(
        f"{data}, {setting['samples']} samples, {setting['net']}"
        for data, setting in costs["settings"].items()
    )
    return (
        f"Medians of the ratios of {costs['repeats']} paired runs of {costs['epochs']} epochs a "
        f"stage, {costs['noise']}, by `python -m benchmarks.costs`: {settings}. CPU time of one "
        f"thread, {costs['device']}. A dash: not measured, or not defined on these data."
    )
