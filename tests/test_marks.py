"""Bold, star and dagger: on columns made for one rule each, and on the printed tables."""

from __future__ import annotations

import pytest
from ledger_helpers import TABLE, cell_record, record_of

from lnl_core.ledger.marks import column_marks
from lnl_core.ledger.published import read_published
from lnl_core.ledger.report import cell_row
from lnl_core.ledger.tables import cell_config, get_table, table_cells
from lnl_core.ledger.verdicts import Comparison


def single(noisy: bool = True, **means: float) -> dict[str, str]:
    """The marks of a column of single runs; `forward_estimated` for the dash."""
    return column_marks(results(means), noisy=noisy, several_runs=False)


def several(noisy: bool = True, **spread: tuple[float, float]) -> dict[str, str]:
    """The marks of a column of five runs, each a mean and a deviation."""
    return column_marks(results(spread), noisy=noisy, several_runs=True)


def results(given: dict[str, float | tuple[float, float]]) -> dict[str, Comparison]:
    pairs = {name: v if isinstance(v, tuple) else (v, None) for name, v in given.items()}
    return {
        name.replace("_", "-"): Comparison("match", None, mean, std, 1 if std is None else 5)
        for name, (mean, std) in pairs.items()
    }


def test_single_runs_within_half_a_point_of_the_highest_are_bold():
    found = single(savage=90.0, sigmoid=89.5, unhinged=89.49, forward=80.0)
    assert found == {"savage": "bold", "sigmoid": "bold"}


def test_several_runs_are_bold_unless_the_test_tells_them_from_the_highest():
    # Equal n and deviation s: t = d / (s √(2/5)), 8 degrees of freedom, 5% at 2.306: d = 1.458 s.
    assert several(savage=(90.0, 1.0), sigmoid=(88.55, 1.0), unhinged=(80.0, 1.0)) == {
        "savage": "bold", "sigmoid": "bold",
    }  # fmt: skip
    assert several(savage=(90.0, 1.0), sigmoid=(88.53, 1.0)) == {"savage": "bold"}


def test_the_test_is_welchs_and_not_students():
    """s = 1 and 0.1: 4.08 degrees of freedom and not 8, so 5% at 2.75: d = 1.236, not 1.036."""
    assert several(savage=(90.0, 1.0), sigmoid=(88.85, 0.1), unhinged=(50.0, 1.0)) == {
        "savage": "bold", "sigmoid": "bold",
    }  # fmt: skip
    assert "sigmoid" not in several(savage=(90.0, 1.0), sigmoid=(88.7, 0.1))


def test_where_none_is_far_none_is_bold():
    assert several(savage=(90.0, 1.0), sigmoid=(89.9, 1.0)) == {}


@pytest.mark.filterwarnings("error")
def test_runs_without_any_spread_are_far_if_they_differ():
    assert several(savage=(90.0, 0.0), sigmoid=(89.9, 0.0), unhinged=(90.0, 0.0)) == {
        "savage": "bold", "unhinged": "bold",
    }  # fmt: skip


def test_the_true_matrix_is_starred_and_the_next_highest_is_bold_as_well():
    found = single(forward=90.0, backward=80.0, savage=70.0, sigmoid=69.6, unhinged=60.0)
    assert found == {
        "forward": "bold+star", "backward": "star", "savage": "bold", "sigmoid": "bold",
    }  # fmt: skip


def test_a_true_matrix_that_does_not_beat_the_estimated_one_has_no_star():
    found = single(forward=90.0, forward_estimated=90.0, backward=89.9, savage=70.0)
    assert found == {"forward": "bold", "forward-estimated": "bold", "backward": "bold"}


def test_without_noise_there_is_no_matrix_to_know():
    assert "star" not in single(noisy=False, forward=90.0, savage=70.0)["forward"]


def test_the_dagger_is_for_an_estimate_that_beats_the_identity_over_several_runs():
    spread = {
        "forward": (86.7, 0.1), "forward_estimated": (87.0, 0.1),
        "backward": (86.7, 0.1), "backward_estimated": (86.6, 0.1),
    }  # fmt: skip
    assert several(noisy=False, **spread)["forward-estimated"] == "bold+dagger"
    assert "dagger" not in several(noisy=True, **spread)["forward-estimated"]
    assert "dagger" not in str(several(noisy=False, **spread).get("backward-estimated"))
    means = {name: mean for name, (mean, _) in spread.items()}
    assert "dagger" not in single(noisy=False, **means)["forward-estimated"]


def test_an_incomplete_column_is_not_marked():
    whole = results({"forward": 90.0, "savage": 70.0})
    missing = whole | {"savage": Comparison("not run", None)}
    assert column_marks(whole, noisy=True, several_runs=False)
    assert column_marks(missing, noisy=True, several_runs=False) == {}
    assert column_marks(whole, noisy=True, several_runs=True) == {}  # of five runs only one


def printed_columns():
    """The 24 columns of Table 2 as printed: (table, noise, rate) → method → row."""
    columns: dict[tuple, dict] = {}
    for row in read_published("patrini2017"):
        if row.table.startswith("table2-"):
            columns.setdefault((row.table, row.noise, row.rate), {})[row.method] = row
    return columns


def test_the_printed_numbers_give_the_printed_stars_and_daggers():
    columns = printed_columns()
    assert len(columns) == 24
    for (table, noise, rate), rows in columns.items():
        left = not table.startswith("table2-cifar")
        found = {
            name: Comparison("match", None, row.value, row.std, 5 if left else 1)
            for name, row in rows.items()
        }
        ours = column_marks(found, noisy=noise != "none", several_runs=left)
        for name, row in rows.items():
            printed = {mark for mark in row.mark.split("+") if mark in ("star", "dagger")}
            given = set(ours.get(name, "").split("+")) & {"star", "dagger"}
            assert given == printed, (table, noise, rate, name)
            if "bold" in row.mark:  # known of two cells alone
                assert "bold" in ours[name]


def test_a_table_shows_the_marks_of_its_complete_columns():
    hard = "asymmetric:0.6"
    means = {"forward": 0.97, "backward": 0.93, "sigmoid": 0.71, "unhinged": 0.712}
    records = [
        cell_record(method, hard, means.get(method, 0.5) + 0.004 * seed, seed=seed)
        for method in TABLE.methods
        for seed in range(2)
    ]
    shown = {
        (cell.method, cell.column): cell_row(cell)["reproduced"]
        for cell in table_cells(TABLE, records)
    }
    assert shown["forward", hard] == "**97.2 ± 0.3 (2)**⋆"
    assert shown["backward", hard] == "93.2 ± 0.3 (2)⋆"
    assert shown["sigmoid", hard] == "**71.2 ± 0.3 (2)**"
    assert shown["unhinged", hard] == "**71.4 ± 0.3 (2)**"
    assert shown["savage", hard] == "50.2 ± 0.3 (2)"
    assert shown["forward", "none"] == "—"


def test_a_table_of_single_runs_is_marked_by_its_range_of_points():
    table = get_table("patrini2017/table2-cifar10-resnet14")
    means = {"forward": 0.845, "forward-estimated": 0.748, "backward-estimated": 0.744}
    records = [
        record_of(
            cell_config(table, method, "asymmetric:0.6").to_dict(),
            means.get(method, 0.5),
            dataset={"source": "torchvision CIFAR10"},
        )
        for method in table.methods
    ]
    shown = {
        cell.method: cell_row(cell)["reproduced"]
        for cell in table_cells(table, records)
        if cell.column == "asymmetric:0.6"
    }
    assert shown["forward"] == "**84.5 (1)**⋆"
    assert shown["forward-estimated"] == "**74.8 (1)**"
    assert shown["backward-estimated"] == "**74.4 (1)**"
    assert shown["backward"] == "50.0 (1)"
