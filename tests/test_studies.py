"""What single settings are worth: which runs a study asks for, and which records answer."""

from __future__ import annotations

import pytest
from ledger_helpers import cell_record, mnist_config, record_of

from lnl_core import InputError
from lnl_core.ledger.report import signed, study_row
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


def with_dropout(share, column=HARD, seed=0, accuracy=0.9):
    """A record of forward correction with another dropout."""
    config = mnist_config("forward", column, seed)
    config["net_options"]["dropout"] = share
    return record_of(config, accuracy, dataset={"source": "torchvision MNIST"})


def row(records):
    (row,) = study_rows(STUDY, records)
    return row


def test_a_variant_is_run_beside_the_unchanged_cell():
    configs = study_configs(STUDY, seeds=2)
    assert [(c.net_options["dropout"], c.seeds.init) for c in configs] == [
        (0.2, 0), (0.5, 0), (0.2, 1), (0.5, 1),
    ]  # fmt: skip
    assert {c.method for c in configs} == {"forward"}


def test_only_the_seeds_that_both_have_are_compared():
    records = [
        cell_record("forward", HARD, 0.97),
        cell_record("forward", HARD, 0.55, seed=1),  # not run with more dropout
        with_dropout(0.5),
        with_dropout(0.4),  # another variant's
        with_dropout(0.5, "none"),  # another column's
    ]
    found = row(records)
    assert (found["unchanged"].n, found["changed"].n) == (1, 1)
    assert found["unchanged"].mean == pytest.approx(97)
    assert found["difference"].mean == pytest.approx(-7)
    assert study_row(found)["difference"] == "-7.0"
    assert study_keys(STUDY, records) == {records[2]["key"]}


def test_several_seeds_have_the_error_of_their_differences():
    records = [cell_record("forward", HARD, 0.6 + 0.1 * seed, seed=seed) for seed in range(3)]
    records += [with_dropout(0.5, seed=seed, accuracy=0.59 + 0.1 * seed) for seed in range(2)]
    records.append(with_dropout(0.5, seed=2, accuracy=0.80))
    said = study_row(row(records))
    assert said["difference"] == "-0.7 ± 0.3"
    assert said["unchanged, same seeds"] == "70.0 ± 10.0 (3)"


@pytest.mark.parametrize(
    ("points", "said"), [(-0.04, "+0.0"), (0.04, "+0.0"), (-0.06, "-0.1"), (12.34, "+12.3")]
)
def test_no_difference_has_no_sign(points, said):
    assert signed(points) == said


def test_without_a_seed_in_common_there_is_no_difference():
    for records in ([], [with_dropout(0.5, seed=1)]):
        found = row([cell_record("forward", HARD, 0.97), *records])
        assert found["difference"].n == 0
        said = study_row(found)
        assert said["so changed"] == "—" and said["difference"] == "—"


def test_a_run_that_diverged_is_told_and_not_averaged():
    gone = with_dropout(0.5, seed=1) | {"status": "diverged"}
    seeds = [cell_record("forward", HARD, 0.97, seed=seed) for seed in range(2)]
    found = row([*seeds, with_dropout(0.5), gone])
    assert found["difference"].n == 1
    assert study_row(found)["so changed"] == "90.0 (1), 1 diverged"


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
