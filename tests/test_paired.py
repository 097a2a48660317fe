"""Differences of runs with the same seeds."""

from __future__ import annotations

import pytest
from ledger_helpers import cell_record
from scipy.stats import ttest_rel

from lnl_core.ledger.paired import by_seeds, paired


def seeds(*values):
    return {(("init", k),): value for k, value in enumerate(values)}


def test_only_seeds_in_common_count():
    first = seeds(1.0, 2.0, 9.0)
    second = {(("init", 0),): 3.0, (("init", 1),): 3.0, (("init", 7),): 100.0}
    difference = paired(first, second)
    assert difference.mean == pytest.approx(1.5)  # second less first: 2 and 1
    assert difference.n == 2


def test_the_test_is_the_paired_t_test():
    first, second = (0.1, 0.5, 0.3, 0.9), (0.2, 0.58, 0.45, 0.97)
    difference = paired(seeds(*first), seeds(*second))
    assert difference.p_value == pytest.approx(ttest_rel(second, first).pvalue)
    assert difference.beyond_chance is True
    assert paired(seeds(*first), seeds(0.2, 0.1, 0.9, 0.9)).beyond_chance is False


@pytest.mark.parametrize(("shift", "p_value"), [(0.5, 0.0), (0.0, 1.0)])
def test_the_same_difference_at_every_seed(shift, p_value):
    difference = paired(seeds(0.25, 0.5), seeds(0.25 + shift, 0.5 + shift))
    assert (difference.error, difference.p_value) == (0.0, p_value)


def test_of_fewer_than_two_seeds_nothing_is_said():
    one = paired(seeds(0.5), seeds(0.75))
    assert (one.mean, one.error, one.beyond_chance, one.n) == (0.25, None, None, 1)
    none = paired(seeds(0.5), {})
    assert (none.mean, none.beyond_chance, none.n) == (None, None, 0)


def test_records_are_found_by_their_seeds():
    records = [
        cell_record("forward", "none", 0.9),
        cell_record("forward", "none", 0.8, seed=1),
        cell_record("forward", "none", 0.1, seed=2, status="diverged"),
    ]
    found = by_seeds(records, lambda record: record["metrics"]["last"])
    assert sorted(found.values()) == pytest.approx([0.8, 0.9])
    assert all(dict(key).keys() == {"noise", "split", "init", "order"} for key in found)
    assert by_seeds(records, lambda record: None) == {}
