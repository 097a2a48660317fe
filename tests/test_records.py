"""Records: whole or not at all, found by what determines the result, distrusted when edited."""

import copy
import json

import pytest
from ledger_helpers import real_record

from lnl_core.ledger.record_check import FIELDS, BadRecord, check_record, record_key
from lnl_core.ledger.records import Folder, read_record


@pytest.fixture
def record():
    return copy.deepcopy(real_record())


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "paper")


def test_what_is_written_is_what_is_read(folder, record):
    file = folder.write(record)
    assert file.name == f"{record['key']}.json"
    assert read_record(file) == folder.get(record["key"]) == json.loads(json.dumps(record))
    assert [path.name for path in folder.path.iterdir()] == [file.name]


def test_an_absent_record_is_none_and_an_absent_folder_is_empty(folder):
    assert folder.get("0" * 16) is None
    assert list(folder) == []


def test_the_key_is_a_function_of_what_determines_the_result(record):
    config, fingerprint = record["config"], record["dataset"]["fingerprint"]
    key = record_key(config, fingerprint, 1)
    for label in ("profile", "paper", "protocol", "data"):
        assert record_key(config | {label: "other"}, fingerprint, 1) == key
    seeds = config["seeds"] | {"noise": 5}
    train = config["train"] | {"lr": 0.07}
    others = [
        record_key(config | {"seeds": seeds}, fingerprint, 1),
        record_key(config | {"train": train}, fingerprint, 1),
        record_key(config | {"options": {"beta": 0.5}}, fingerprint, 1),
        record_key(config, "f" * 16, 1),
        record_key(config, fingerprint, 2),
    ]
    assert len({key, *others}) == 6


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_refused(record, name):
    *outer, last = name.split(".")
    inner = record
    for part in outer:
        inner = inner[part]
    del inner[last]
    with pytest.raises(BadRecord, match=f"field {name} is missing"):
        check_record(record)


def test_a_field_of_the_wrong_type_is_refused(record):
    record["seconds"] = "long"
    with pytest.raises(BadRecord, match="seconds is str"):
        check_record(record)
    with pytest.raises(BadRecord, match=r"history\[\] is int"):
        check_record(record | {"seconds": 1, "history": [1]})


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), True, None])
def test_a_number_that_is_none_is_refused(record, value):
    with pytest.raises(BadRecord, match="field seconds is") as caught:
        check_record(record | {"seconds": value})
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("diagnostics", None), ("diagnostics", {"share": "much"}), ("seconds", None),
        ("val_loss", "low"), ("memorised", 10**400), ("stage", 3), ("epoch", 1.5),
    ],
)  # fmt: skip
def test_an_epoch_with_a_field_of_the_wrong_type_is_refused(record, name, value):
    record["history"][-1][name] = value
    with pytest.raises(BadRecord, match=rf"field history\[\]\.{name}"):
        check_record(record)


def test_numbers_edited_by_hand_are_noticed(record):
    record["metrics"]["best_val"] = 0.999
    with pytest.raises(BadRecord, match="edited"):
        check_record(record)


def test_a_config_edited_by_hand_is_noticed(record):
    record["config"]["seeds"]["noise"] += 1
    with pytest.raises(BadRecord, match="edited"):
        check_record(record)


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1}', "[]", "\x00\xff"])
def test_a_damaged_file_is_set_aside_reported_and_not_found(folder, record, text, capsys):
    file = folder.write(record)
    file.write_text(text)
    assert list(folder) == []
    assert folder.get(record["key"]) is None
    assert not file.exists()
    aside = file.with_name(file.name + ".damaged")
    assert aside.read_text() == text
    assert "will be computed again" in capsys.readouterr().err


def test_a_record_cut_short_anywhere_is_refused(folder, record):
    file = folder.write(record)
    whole = file.read_text()
    for length in range(0, len(whole) - 2, max(1, len(whole) // 50)):
        file.write_text(whole[:length])
        with pytest.raises(BadRecord):
            read_record(file)


def test_a_record_under_another_name_is_refused(folder, record):
    file = folder.write(record)
    other = file.rename(file.with_name("0123456789abcdef.json"))
    with pytest.raises(BadRecord, match="named 0123456789abcdef"):
        read_record(other)


def test_an_invalid_record_is_never_written(folder, record):
    del record["metrics"]
    with pytest.raises(BadRecord):
        folder.write(record)
    assert not folder.path.exists()
