"""Tables against records: which run belongs to which cell, and what the cells say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lnl_core.config import RunConfig
from lnl_core.contract import takes
from lnl_core.errors import unknown_name
from lnl_core.ledger.marks import column_marks
from lnl_core.ledger.matching import Record, matching
from lnl_core.ledger.measures import measured
from lnl_core.ledger.published import Published, read_published
from lnl_core.ledger.verdicts import Comparison, compare
from lnl_core.methods import method_names
from lnl_core.noise import Noise, parse_noise
from lnl_core.papers import PAPERS, paper_settings
from lnl_core.papers.spec import Means, Table
from lnl_core.profiles import configure


@dataclass(frozen=True)
class Cell:
    """One cell of a table with the judged records behind it.

    `mark` is the printed cell's, `own_mark` what our numbers would be marked with by the same
    rules (see `marks.py`).
    """

    method: str
    column: str
    comparison: Comparison
    mark: str
    records: tuple[Record, ...]
    own_mark: str = ""


def all_tables() -> dict[str, Table]:
    """Every specified table, by `PAPER/TABLE`: the papers' and our own."""
    return {
        table.full_name: table
        for name, paper in PAPERS.items()
        for table in (*paper.TABLES, *own_tables(name))
    }


def own_tables(paper: str) -> tuple[Table, ...]:
    """Tables in the manner of a paper that have no published number, and so no verdict."""
    return getattr(PAPERS[paper], "OWN_TABLES", ())


@takes(name="text")
def get_table(name: str) -> Table:
    """The table `PAPER/TABLE`, or an `InputError` with the nearest name."""
    if name not in all_tables():
        raise unknown_name("table", name, all_tables())
    return all_tables()[name]


@takes(table=Table, method="text", column="text", profile="text", protocol="text?")
def cell_config(
    table: Table,
    method: str,
    column: str,
    seed: int = 0,
    profile: str = "paper",
    protocol: str | None = None,
    **changes: Any,
) -> RunConfig:
    """The run behind one cell. In the profile `smoke` it is one on the table's stand-in data.
    `changes` are further keywords of `configure`. Below the profile `paper`, what a column changes
    in epochs does not count: the budget has too few."""
    on_paper_data = profile != "smoke"
    setting = table.setting(column)
    own = setting.changes if profile == "paper" else _without_epochs(setting.changes)
    return configure(
        method,
        table.data if on_paper_data else table.smoke,
        _noise_of(table, column, protocol) if on_paper_data else setting.noise,
        profile=profile,
        protocol=protocol if on_paper_data else None,
        paper=table.paper if on_paper_data else None,
        net=table.net if on_paper_data else None,
        seed=seed,
        # Below the profile `paper` the budget says how many samples there are.
        **{"limit": table.limit if profile == "paper" else None} | dict(own) | changes,
    )


def _without_epochs(changes: Mapping[str, Any]) -> dict[str, Any]:
    options = changes.get("options", {})
    return {
        "options": {k: v for k, v in options.items() if not k.endswith("_epoch")},
        "stages": {
            stage: {k: v for k, v in train.items() if k != "epochs"}
            for stage, train in changes.get("stages", {}).items()
        },
    }


def _noise_of(table: Table, column: str, protocol: str | None) -> Noise:
    """What a column means under the protocol."""
    protocol, _ = paper_settings(table.paper, table.data, protocol)
    noise = parse_noise(table.setting(column).noise, table.draws.get(protocol, "bernoulli"))
    if noise.name == "asymmetric" and protocol in table.asymmetric:
        return replace(noise, name=table.asymmetric[protocol])
    return noise


@takes(table=Table, method="text", column="text")
def published_cell(table: Table, method: str, column: str) -> Published | None:
    """The printed result of one cell, or None where the paper has none."""
    if table.rows:
        return _published_row(table, f"row={table.rows[method]}")
    setting = table.setting(column)
    wanted = parse_noise(setting.noise)
    for row in read_published(table.paper):
        # A column "asymmetric" on mnist is what the CSV calls mnist-asymmetric; noise that comes
        # with the data is called "real" there.
        own_map = "given" if row.noise == "real" else row.noise.removeprefix(f"{table.data}-")
        if (
            (row.table, row.method, row.metric) == (table.printed_name, method, table.metric)
            and row.selection in (table.selection, "unstated")
            # web-voc2007: trained on WEB, tested on VOC 2007
            and (table.printed_data or table.data).endswith(row.dataset)
            and (column not in table.settings or row.setting == setting.setting)
            and wanted.name in (row.noise, own_map)
            and (wanted.rate or 0) == (row.rate or 0)
        ):
            return row
    return None


def _published_row(table: Table, setting: str) -> Published | None:
    rows = (
        row
        for row in read_published(table.paper)
        if row.table == table.printed_name and row.selection in (table.selection, "unstated")
    )
    return next((row for row in rows if setting in row.setting.split(";")), None)


def table_cells(table: Table, records: Iterable[Record], protocol: str | None = None) -> list[Cell]:
    """Every cell of a table, judged by the records that are its own: the paper's data, settings
    and number of epochs, any seeds. `protocol` as in `configure`."""
    records = list(records)
    cells = {
        (method, column): _cell(table, method, column, records, protocol)
        for method, column in table.cells
    }
    for column in table.columns if table.marks else ():
        results = {
            method: cells[method, column].comparison
            for method in table.methods
            if (method, column) in cells
        }
        noisy = parse_noise(table.setting(column).noise).name != "none"
        found = column_marks(results, noisy=noisy, several_runs=table.runs > 1)
        for method, mark in found.items():
            cells[method, column] = replace(cells[method, column], own_mark=mark)
    return list(cells.values())


def _cell(
    table: Table, method: str, column: str, records: Sequence[Record], protocol: str | None
) -> Cell:
    printed = published_cell(table, method, column)
    built = method in method_names()
    own: list[Record] = []
    if built:
        own = matching(records, cell_config(table, method, column, protocol=protocol))
    finished = [record for record in own if record["status"] == "finished"]
    part = table.setting(column).part
    values = [measured(record, table.measure, table.selection, part) for record in finished]
    return Cell(
        method,
        column,
        compare(
            None if printed is None else table.unit * printed.value,
            [table.percent(value) for value in values if value is not None],
            published_std=None if printed is None else printed.std,
            published_n=table.runs if table.runs > 1 else None,
            diverged=len(own) - len(finished),
            built=built,
        ),
        "" if printed is None else printed.mark,
        tuple(own),
    )


def judged_keys(cells: Iterable[Cell]) -> set[str]:
    """The keys of all records that some cell counts."""
    return {record["key"] for cell in cells for record in cell.records}


def group_runs(records: Iterable[Record], selection: str) -> list[dict[str, Any]]:
    """Runs that no cell counts (other data, epochs or settings), those alike in one row.

    Alike are runs that differ in their seeds alone. `comparison` has our mean under the selection
    rule and no verdict on it.
    """
    groups: dict[tuple, list[Record]] = defaultdict(list)
    for record in records:
        config, dataset = record["config"], record["dataset"]
        groups[
            dataset["name"], dataset["source"], config["method"], config["noise"]["protocol"],
            config["protocol"] or "—", config["net"], dataset["train"], config["train"]["epochs"],
        ].append(record)  # fmt: skip
    names = ("data", "source", "method", "noise", "protocol", "net", "samples", "epochs")
    rows = []
    for what, group in sorted(groups.items()):
        finished = [r["metrics"][selection] for r in group if r["status"] == "finished"]
        mean = compare(None, [100 * v for v in finished], diverged=len(group) - len(finished))
        rows.append(dict(zip(names, what, strict=True)) | {"comparison": mean})
    return rows


def means(cells: Sequence[Cell]) -> Means:
    """Our mean of every cell that has one, in percent."""
    return {
        (cell.method, cell.column): cell.comparison.mean
        for cell in cells
        if cell.comparison.mean is not None
    }
