"""`lnl table`, `lnl study` and `lnl report`: compute what is missing, and show what there is."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from lnl_core.errors import InputError


def add_parsers(commands: argparse._SubParsersAction) -> None:
    table = commands.add_parser("table", help="reproduce a paper's table; resumes where it was")
    table.add_argument("name", metavar="PAPER/TABLE", help="see `lnl list tables`")
    table.add_argument("--profile", default="smoke", help="smoke, laptop or paper")
    table.add_argument("--protocol", help="text (as printed) or code (as the authors ran it)")
    table.add_argument("--seeds", type=int, metavar="N", help="runs a cell (default: the paper's)")
    table.add_argument("--methods", metavar="A,B", help="these rows alone")
    table.add_argument("--noise", metavar="A:0.2,B:0.6", help="these columns alone")
    _add_engine(table)
    table.add_argument("--stack", type=int, metavar="M", help="runs trained as one")
    table.add_argument("--precision", help="float32 or bfloat16 (default float32)")
    table.add_argument("--device", default="auto", help="auto, cpu or cuda")
    table.add_argument("--results", type=Path, metavar="FOLDER", help="where the records lie")
    table.add_argument("--json", action="store_true", help="one JSON document on stdout")
    table.set_defaults(run=run_table)

    study = commands.add_parser("study", help="what single settings are worth; resumes as well")
    study.add_argument("name", metavar="PAPER/STUDY", help="see `lnl list studies`")
    study.add_argument("--profile", default="paper", help="smoke, laptop or paper")
    study.add_argument("--seeds", type=int, metavar="N", help="runs a variant")
    _add_engine(study)
    study.add_argument("--device", default="auto", help="auto, cpu or cuda")
    study.add_argument("--results", type=Path, metavar="FOLDER", help="where the records lie")
    study.add_argument("--json", action="store_true", help="one JSON document on stdout")
    study.set_defaults(run=run_study)

    report = commands.add_parser("report", help="write docs/results.md and docs/methods.md")
    report.add_argument("--json", action="store_true", help="one JSON document on stdout")
    report.set_defaults(run=run_report)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, metavar="N", help="runs at a time (default: cores)")
    parser.add_argument(
        "--engine", default="processes", help="processes here, or dask (docs/cluster.md)"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask cluster's, as tcp://HOST:8786"
    )


def _engine(arguments: argparse.Namespace) -> dict:
    return {name: getattr(arguments, name) for name in ("jobs", "engine", "scheduler", "device")}


def run_table(arguments: argparse.Namespace) -> int:
    from lnl_core.config import with_precision
    from lnl_core.ledger import report
    from lnl_core.ledger.grid import key_of, results_folder
    from lnl_core.ledger.studies import all_studies
    from lnl_core.ledger.tables import cell_config, get_table, group_runs, judged_keys, table_cells
    from lnl_core.papers import paper_settings

    if arguments.name in all_studies():
        raise InputError(f"{arguments.name!r} is a study, no table: `lnl study {arguments.name}`.")
    table = get_table(arguments.name)
    # Not every profile looks at the protocol; the cells are judged by it, after the runs.
    paper_settings(table.paper, table.data, arguments.protocol)
    methods, columns = _chosen(table, arguments.methods, arguments.noise)
    seeds = _seeds(arguments.seeds, table.runs if arguments.profile == "paper" else 1)
    configs = [
        with_precision(
            cell_config(table, method, column, seed, arguments.profile, arguments.protocol),
            arguments.precision,
        )
        for seed in range(seeds)  # seed by seed: a grid that is stopped has every cell once
        for method, column in table.cells
        if method in methods and column in columns
    ]
    folder = results_folder(table.paper, arguments.profile, arguments.results)
    _compute(configs, folder, stack=arguments.stack, **_engine(arguments))

    records = list(folder)
    cells = [
        cell
        for cell in table_cells(table, records, arguments.protocol)
        if cell.column in columns and (arguments.methods is None or cell.method in methods)
    ]
    asked = {key_of(config) for config in configs} - judged_keys(cells)
    apart = group_runs([r for r in records if r["key"] in asked], table.selection)
    if arguments.json:
        rows = [
            {"method": cell.method, "noise": cell.column, **asdict(cell.comparison)}
            for cell in cells
        ]
        others = [row | {"comparison": asdict(row["comparison"])} for row in apart]
        print(json.dumps({"table": table.full_name, "cells": rows, "unjudged": others}))
        return 0
    print(f"{table.full_name}: {table.title}\n")
    print(report.markdown([report.cell_row(cell) for cell in cells]))
    if apart:
        print("\nOn other data, settings or budgets, not judged:\n")
        print(report.markdown([report.group_row(row) for row in apart]))
    return 0


def run_study(arguments: argparse.Namespace) -> int:
    from lnl_core.ledger import report
    from lnl_core.ledger.grid import results_folder
    from lnl_core.ledger.studies import get_study, study_configs, study_rows

    study = get_study(arguments.name)
    folder = results_folder(study.table.paper, arguments.profile, arguments.results)
    configs = study_configs(study, _seeds(arguments.seeds, study.runs), arguments.profile)
    _compute(configs, folder, **_engine(arguments))
    rows = [report.study_row(row) for row in study_rows(study, folder, arguments.profile)]
    if arguments.json:
        print(json.dumps({"study": study.full_name, "variants": rows}))
    else:
        print(f"{study.full_name}: {study.title}\n\n{report.markdown(rows)}")
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    from lnl_core.ledger.write_report import write_report

    files = [str(file) for file in write_report()]
    print(json.dumps({"wrote": files}) if arguments.json else f"wrote {', '.join(files)}")
    return 0


def _compute(configs: list, folder, **how) -> None:
    from tqdm import tqdm

    from lnl_core.ledger.grid import missing, run_grid

    todo = missing(configs, folder)
    print(f"{len(configs) - len(todo)} of {len(configs)} runs are there", file=sys.stderr)
    if not todo:
        return
    # On a terminal the bar is drawn often, elsewhere every ten seconds.
    pause = 0.2 if sys.stderr.isatty() else 10
    with tqdm(total=len(todo), unit="run", mininterval=pause) as bar:
        for config in run_grid(todo, folder, **how):
            bar.set_postfix(last=f"{config.method} {config.noise}", refresh=False)
            bar.update()


def _chosen(table, methods: str | None, noise: str | None) -> tuple[list[str], list[str]]:
    """Rows and columns to compute. By default every row whose method exists."""
    from lnl_core.errors import unknown_name
    from lnl_core.methods import get_method, method_names

    rows = [name for name in table.methods if name in method_names()]
    if methods is not None:
        rows = methods.split(",")
        for name in rows:
            if name not in table.methods:
                raise unknown_name(f"row of {table.full_name}", name, table.methods)
            get_method(name)
    columns = list(table.columns)
    if noise is not None:
        own = {f"{table.data}-{column}": column for column in table.columns}
        columns = [own.get(name, name) for name in noise.split(",")]
        for name in columns:
            if name not in table.columns:
                raise unknown_name(f"column of {table.full_name}", name, table.columns)
    return rows, columns


def _seeds(asked: int | None, default: int) -> int:
    seeds = default if asked is None else asked
    if seeds < 1:
        raise InputError(f"{seeds} seeds were asked for, but at least 1 is needed.")
    return seeds
