"""One table of symbols for all notebooks."""

from __future__ import annotations

import pytest

from lnl_core import InputError, Method, Run, configure
from lnl_core.notation import SYMBOLS, notation
from lnl_core.train import EpochRecord


def test_rows_come_in_the_order_asked_for():
    rows = notation("noise", "label")
    assert [row["in the code"] for row in rows] == ["`transition_matrix`", "`labels`"]
    assert all(list(row) == ["symbol", "in the code", "meaning"] for row in rows)


def test_no_symbol_stands_for_two_things():
    written = [symbol for symbol, _, _ in SYMBOLS.values()]
    assert len(set(written)) == len(written)


def test_the_code_calls_them_so():
    data = Run(configure("cross-entropy", "digits", "symmetric:0.4", limit=50, epochs=1)).data
    for name in ("transition_matrix", "num_classes"):
        assert hasattr(data, name) and f"`{name}`" in {code for _, code, _ in SYMBOLS.values()}
    for name in ("truth", "label", "sample"):
        assert hasattr(data.train, SYMBOLS[name][1].strip("`"))
    for name in ("posterior", "corrected", "trust"):
        assert hasattr(Method, SYMBOLS[name][1].strip("`").split("(")[0])
    for name in ("accuracy", "memorised"):
        assert SYMBOLS[name][1].strip("`") in EpochRecord.__dataclass_fields__


def test_an_unknown_symbol_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'label'"):
        notation("lable")
