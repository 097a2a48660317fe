"""What single settings are worth: which runs a study asks for, and which records answer."""

from __future__ import annotations

import pytest
from ledger_helpers import cell_record, mnist_config, record_of

from lnl_core import InputError
from lnl_core.ledger.report import study_row
from lnl_core.ledger.studies import all_studies, get_study, study_configs, study_keys, study_rows
from lnl_core.ledger.tables import get_table
from lnl_core.methods import get_method
from lnl_core.noise import parse_noise
from lnl_core.papers.spec import Study, Variant

HARD = "asymmetric:0.6"
STUDY = Study(
    get_table("patrini2017/table2-mnist"),
    "a-study",
    "made by a test",
    (Variant("more dropout", "forward", HARD, {"net_options": {"dropout": 0.5}}),),
)


def with_dropout(share, column=HARD):
    """A record of forward correction with another dropout."""
    config = mnist_config("forward", column)
    config["net_options"]["dropout"] = share
    return record_of(config, 0.9, dataset={"source": "torchvision MNIST"})


def row(records):
    (row,) = study_rows(STUDY, records)
    return row


def test_a_variant_is_run_beside_the_unchanged_cell():
    configs = study_configs(STUDY, seeds=2)
    assert [(c.net_options["dropout"], c.seeds.init) for c in configs] == [
        (0.2, 0), (0.5, 0), (0.2, 1), (0.5, 1),
    ]  # fmt: skip
    assert {c.method for c in configs} == {"forward"}


def test_the_difference_is_of_the_means():
    records = [
        cell_record("forward", HARD, 0.97),
        cell_record("forward", HARD, 0.95, seed=1),
        with_dropout(0.5),
        with_dropout(0.4),  # another variant's
        with_dropout(0.5, "none"),  # another column's
    ]
    found = row(records)
    assert (found["unchanged"].n, found["changed"].n) == (2, 1)
    assert found["difference"] == pytest.approx(-6.0)
    assert study_row(found)["difference"] == "-6.0"
    assert study_keys(STUDY, records) == {records[2]["key"]}


def test_without_both_there_is_no_difference():
    found = row([cell_record("forward", HARD, 0.97)])
    assert found["difference"] is None
    assert study_row(found)["so changed"] == "—" and study_row(found)["difference"] == "—"


@pytest.mark.parametrize("name", all_studies())
def test_every_study_changes_what_it_says(name):
    """Each variant is another run than the cell it is compared with, and another than its like."""
    study = get_study(name)
    configs = study_configs(study, 1)
    runs = [str(config.to_dict()) for config in configs]
    assert len(set(runs[1::2])) == len(study.variants)
    assert not set(runs[0::2]) & set(runs[1::2])
    for variant in study.variants:
        assert get_method(variant.method) and parse_noise(variant.column)


def test_an_unknown_study_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'patrini2017/protocol-mnist'"):
        get_study("patrini2017/protocol-minst")
