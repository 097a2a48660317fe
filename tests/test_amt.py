"""AMT and SD4: a crowd's answers on feature vectors, on a generated folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from training_helpers import finish

from lnl_core import InputError, Run, load_dataset, make_noisy
from lnl_core.data import amt, fetch_dataset
from lnl_core.data.amt import FEATURES, ORIGINAL, load_amt
from lnl_core.data.amt_folder import CLASSES, write_amt
from lnl_core.ledger.tables import cell_config, get_table
from lnl_core.noise import parse_noise
from lnl_core.papers import yao2018

ITEMS, ANSWERS = 80, 5


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    write_amt(tmp_path / "amt", ITEMS, ANSWERS, 12)
    return tmp_path / "amt"


def table_of(file: Path) -> list[list[int]]:
    return [[int(word) for word in line.split()] for line in file.read_text().splitlines()]


# --- what is in it --------------------------------------------------------------------------------


def test_every_answer_is_a_sample(folder):
    data = load_dataset("amt-sd4")
    features, truth = np.load(folder / FEATURES), dict(table_of(folder / "dog_truth.txt"))
    answers = table_of(folder / "dog_crowd.txt")
    assert len(data.x_train) == len(answers) == ITEMS * ANSWERS
    assert data.multi_label and data.classes == CLASSES == yao2018.DOG_CLASSES
    for row, (item, _, label) in enumerate(answers):
        np.testing.assert_array_equal(data.x_train[row], features[item - 1])
        assert data.y_train_noisy[row].nonzero().item() == label - 1
        assert data.y_train[row].nonzero().item() == truth[item] - 1
    wrong = (data.y_train != data.y_train_noisy).any(1).double().mean()
    assert 0.1 < wrong < 0.5


def test_sd4_is_each_dog_once_a_quarter_of_them_to_test_on(folder):
    data, crowd = load_dataset("sd4"), load_dataset("amt-sd4")
    assert (len(data.x_train), len(data.x_test)) == (60, 20)
    assert torch.equal(data.x_test, crowd.x_test) and torch.equal(data.y_test, crowd.y_test)
    features, truth = np.load(folder / FEATURES), dict(table_of(folder / "dog_truth.txt"))
    seen = []
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        for row, label in zip(x.numpy(), y, strict=True):
            (item,) = np.flatnonzero((features == row).all(1))
            assert label.nonzero().item() == truth[item + 1] - 1 and label.sum() == 1
            seen.append(item)
    assert sorted(seen) == list(range(ITEMS)) and seen != sorted(seen)
    assert data.y_train_noisy is None


def test_the_draw_of_the_test_quarter_is_fixed(folder):
    first = load_dataset("sd4").fingerprint
    assert first == load_dataset("sd4").fingerprint != load_dataset("amt-sd4").fingerprint


def test_the_crowds_matrix_is_measured_and_the_rate_realised(folder):
    data = make_noisy(load_dataset("amt-sd4"), parse_noise("given"), val_fraction=0.0)
    assert 0.05 < data.noise.realised_rate < 0.3  # a wrong answer are two wrong labels of four


def test_as_many_answers_and_features_as_published_are_called_the_original(folder, monkeypatch):
    assert load_dataset("sd4").source == f"a crowd's answers on features, 400 on {ITEMS}"
    monkeypatch.setattr(amt, "COUNTS", (400, 12))
    assert load_dataset("sd4").source == load_dataset("amt-sd4").source == ORIGINAL


# --- trained on -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "column", "method"),
    [
        ("table4", "given", "can"),
        ("table4-ap", "norwich-terrier", "icnm"),
        ("table5-sd4", "lambda=0.5", "can"),
        ("table6-sd4", "label-shuffle:0.4", "bootstrap-soft"),
    ],
)
def test_a_cell_runs_from_the_files_to_the_measure(folder, table, column, method):
    config = cell_config(get_table(f"yao2018/{table}"), method, column, epochs=2)
    assert config.net_options == {"hidden": (1024, 30)} and config.train.test_crops == 1
    found = finish(Run(config, device="cpu")).history[-1].diagnostics
    assert found["test_map"] > 0.4 and {f"test_ap_{name}" for name in CLASSES} <= found.keys()


# --- what is not there, or not so -----------------------------------------------------------------


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_amt("amt-sd4", folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("load", [load_dataset, fetch_dataset])
@pytest.mark.parametrize("name", ["amt-sd4", "sd4"])
def test_an_absent_dataset_says_where_it_belongs(tmp_path, monkeypatch, load, name):
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "data"))
    with pytest.raises(InputError, match=rf"{name} is not in .*data/README\.md.*LNL_DATA"):
        load(name)


def test_what_is_there_need_not_be_fetched(folder):
    assert len(fetch_dataset("amt-sd4").x_train) == ITEMS * ANSWERS


@pytest.mark.parametrize("file", ["dog_crowd.txt", "dog_truth.txt", "classes.txt", FEATURES])
def test_each_file_is_needed(folder, file):
    (folder / file).write_bytes(b"\xff\xfe\x00\xd8")
    assert f"{file} cannot be read" in refused(folder)
    (folder / file).unlink()
    assert f"{file} is missing" in refused(folder)


def test_an_empty_file_is_named(folder):
    (folder / "dog_crowd.txt").write_text("\n")
    assert "dog_crowd.txt is empty" in refused(folder)


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("dog_crowd.txt", "1\t2", "3 whole numbers from 1 up"),
        ("dog_crowd.txt", "1\t2\t0", "3 whole numbers from 1 up"),
        ("dog_crowd.txt", "1\t2\t-1", "3 whole numbers from 1 up"),
        ("dog_crowd.txt", "1\t2\t5", "labels from 1 to 4"),
        ("dog_crowd.txt", "81\t2\t1", "items run from 1 to 80"),
        ("dog_truth.txt", "1\t2\t3", "2 whole numbers from 1 up"),
        ("dog_truth.txt", "81\t5", "from 1 to 4"),
    ],
)
def test_a_wrong_line_is_named(folder, file, line, words):
    lines = (folder / file).read_text().splitlines()
    (folder / file).write_text("\n".join([*lines[:4], line, *lines[4:]]))
    text = refused(folder)
    assert f"{file}, line 5" in text and words in text


def test_an_item_has_one_true_label_and_each_has_one(folder):
    file = folder / "dog_truth.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[3]]))  # twice the same is no contradiction
    load_amt("sd4", folder)
    item, label = lines[3].split()
    file.write_text("\n".join([*lines, f"{item}\t{int(label) % 4 + 1}"]))
    assert "line 81" in refused(folder)
    file.write_text("\n".join(lines[:3] + lines[4:]))
    assert "has no line for item 4" in refused(folder)


@pytest.mark.parametrize(
    "array", [np.ones((79, 12), np.float32), np.ones(80), np.ones((80, 12), np.int64)]
)
def test_features_that_do_not_fit_are_refused(folder, array):
    np.save(folder / FEATURES, array)
    assert "one row for each of the 80 items" in refused(folder)


def test_features_are_never_unpickled(folder):
    np.save(folder / FEATURES, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "cannot be read" in refused(folder)


def test_features_of_any_float_are_taken_and_none_that_is_no_number(folder):
    x = np.load(folder / FEATURES).astype(np.float64)
    np.save(folder / FEATURES, x)
    assert load_amt("sd4", folder).x_train.dtype == torch.float32
    x[3, 2] = np.nan
    np.save(folder / FEATURES, x)
    assert "NaN or infinity" in refused(folder)


def test_the_same_seed_gives_the_same_folder(folder, tmp_path):
    other = tmp_path / "other"
    write_amt(other, ITEMS, ANSWERS, 12)
    assert load_amt("sd4", other).fingerprint == load_amt("sd4", folder).fingerprint
    shutil.rmtree(other)
    write_amt(other, ITEMS, ANSWERS, 12, seed=1)
    assert load_amt("sd4", other).fingerprint != load_amt("sd4", folder).fingerprint
