"""The transcribed tables: whole, unique, and in the registry's names."""

import collections
import csv

import pytest

from lnl_core.errors import InputError
from lnl_core.ledger.published import COLUMNS, KEY, read_published
from lnl_core.ledger.records import project_folder
from lnl_core.measures.selection import RULES
from lnl_core.methods import get_method, method_names
from lnl_core.nets import NETS
from lnl_core.noise import PROTOCOLS, check_rate

PAPERS = ("yao2018", "patrini2017", "tanaka2018", "kim2024", "jindal2019")
FOLDER = project_folder("published")


#: Methods with a paper's settings that its tables do not have: what rows grew out of, or into.
IN_NO_TABLE = {"co-teaching", "elr-plus"}


def names(kind):
    with (FOLDER / "names.csv").open(newline="") as stream:
        return {row["name"] for row in csv.DictReader(stream) if row["kind"] == kind}


@pytest.mark.parametrize("paper", PAPERS)
def test_keys_are_unique_and_fields_well_formed(paper):
    rows = read_published(paper)
    keys = collections.Counter(tuple(getattr(row, name) for name in KEY) for row in rows)
    assert [key for key, count in keys.items() if count > 1] == []
    for row in rows:
        assert row.paper == paper
        assert row.rate is None or check_rate(row.rate) == row.rate
        assert row.selection in {*RULES, "unstated"}
        assert row.metric in ("count", "seconds") or 0 <= row.value <= 100, row
        settings = row.setting.split(";") if row.setting else []
        assert settings == sorted(settings) and all("=" in setting for setting in settings)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize(
    ("kind", "built"),
    [("method", ()), ("noise", PROTOCOLS), ("net", NETS), ("dataset", ())],
)
def test_every_name_is_known(paper, kind, built):
    used = {getattr(row, kind) for row in read_published(paper)}
    assert used - names(kind) - set(built) - {"unstated", "none"} == set()


def test_what_the_registry_calls_a_method_is_what_the_tables_call_it():
    of_a_paper = {name for name in method_names() if get_method(name).paper}
    assert of_a_paper - IN_NO_TABLE <= names("method")
    assert of_a_paper >= IN_NO_TABLE
    assert not IN_NO_TABLE & names("method")


def test_every_paper_has_as_many_rows_as_were_transcribed():
    counts = {paper: len(read_published(paper)) for paper in PAPERS}
    assert counts == {
        "yao2018": 346, "patrini2017": 248, "tanaka2018": 258, "kim2024": 295, "jindal2019": 446,
    }  # fmt: skip


def test_well_known_cells():
    """Read off the papers by a third pair of eyes: a shifted column would show."""

    def value(paper, **key):
        rows = [r for r in read_published(paper) if all(getattr(r, k) == v for k, v in key.items())]
        assert len(rows) == 1, rows
        return rows[0].value, rows[0].std

    hard = {"table": "table2-mnist", "noise": "mnist-asymmetric", "rate": 0.6}
    assert value("patrini2017", method="forward", **hard) == (97.3, 0.0)
    assert value("patrini2017", method="cross-entropy", **hard) == (53.0, 0.6)
    assert value("patrini2017", method="backward", **hard) == (93.0, 0.9)
    last = {"table": "table2-cifar100-resnet44", "noise": "cifar100-asymmetric", "rate": 0.6}
    assert value("patrini2017", method="forward-estimated", **last) == (15.9, None)


def write(folder, *rows, head=COLUMNS):
    with (folder / "x2020.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return folder


def test_bad_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"unknown paper 'patrini2018': did you mean"):
        read_published("patrini2018")
    with pytest.raises(InputError, match="columns must be"):
        read_published("x2020", write(tmp_path, head=COLUMNS[1:]))
    row = ["x"] * 6 + ["0.2"] + ["x"] * 4 + ["9o.1", "", "", ""]
    with pytest.raises(InputError, match=r"line 2.*9o\.1"):
        read_published("x2020", write(tmp_path, row))
