"""Clothing1M's folder, read from a generated one; the dataset made noisy."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lnl_core import InputError, load_dataset, make_noisy
from lnl_core.data import clothing1m, fetch_dataset, shapes_folder
from lnl_core.data.clothing1m import COUNTS, LABELS, ORIGINAL, SPLITS, load_clothing1m, read_lists
from lnl_core.data.files import ImageFiles
from lnl_core.data.shapes import CLASSES, make_shapes
from lnl_core.data.shapes_folder import write_shapes_folder
from lnl_core.noise import parse_noise

SMALL = {"noisy_train": 60, "clean_train": 40, "clean_val": 20, "clean_test": 30}
GIVEN = parse_noise("given")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("layout") / "clothing1m"
    write_shapes_folder(folder, SMALL)
    return folder


@pytest.fixture
def folder(written, tmp_path, monkeypatch) -> Path:
    """A copy to damage, where `LNL_DATA` has it."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    return Path(shutil.copytree(written, tmp_path / "clothing1m"))


# --- what is in it --------------------------------------------------------------------------------


def test_every_file_of_the_layout_is_written(written):
    names = {path.name for path in written.iterdir()}
    lists = {file for file, _ in SPLITS.values()}
    assert names == {"images", "category_names_eng.txt", *LABELS.values(), *lists}
    assert len(list(written.glob("images/*/*.jpg"))) == sum(SMALL.values())


def test_the_splits_hold_what_their_lists_say(folder):
    data = load_dataset("clothing1m")
    assert data.classes == CLASSES
    sizes = (len(data.x_train), len(data.x_trusted), len(data.x_val), len(data.x_test))
    assert sizes == tuple(SMALL.values())
    for split, x, y in (
        ("noisy_train", data.x_train, data.y_train),
        ("clean_train", data.x_trusted, data.y_trusted),
        ("clean_val", data.x_val, data.y_val),
        ("clean_test", data.x_test, data.y_test),
    ):
        file, kind = SPLITS[split]
        keys = (folder / file).read_text().split()
        pairs = [line.split() for line in (folder / LABELS[kind]).read_text().splitlines()]
        labels = {key: int(label) for key, label in pairs}
        assert x.files() == keys
        assert y.tolist() == [labels[key] for key in keys]
    assert data.y_train_noisy is data.y_train
    assert data.input_shape == (3, 256, 256)


def test_pictures_and_labels_belong_together(written):
    """Keys are numbered as the generated shapes are: a shifted list would show."""
    shapes = make_shapes(sum(SMALL.values()), 1, 0)
    data = load_clothing1m(written, side=32)
    for x, y in ((data.x_trusted, data.y_trusted), (data.x_test, data.y_test)):
        numbers = [int(Path(name).stem) for name in x.files()]
        assert torch.equal(y, shapes.y_train[numbers])
        pixels = x[torch.arange(len(x))].float() - shapes.x_train[numbers].float()
        assert pixels.abs().mean() < 8  # what JPEG leaves of 8 grey levels of noise


def test_t_is_that_of_the_doubly_labelled_pictures(written):
    lists = read_lists(written)
    clean, noisy = lists.labels["clean_train"], lists.twice
    assert (noisy[::2] >= 0).all() and (noisy[1::2] == -1).all()
    counts = np.zeros((10, 10))
    for y, other in zip(clean[::2], noisy[::2], strict=True):
        counts[y, other] += 1
    missing = counts.sum(1) == 0
    counts[missing] = np.eye(10)[missing]
    expected = counts / counts.sum(1, keepdims=True)
    np.testing.assert_allclose(lists.transition_matrix(), expected)
    np.testing.assert_allclose(load_clothing1m(written).transition_matrix, expected)
    assert not np.allclose(expected, np.eye(10))


def test_with_many_pictures_t_is_that_of_the_noise(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: None)  # labels alone
    write_shapes_folder(tmp_path, SMALL | {"clean_train": 4000})
    wanted = shapes_folder.NOISE.transition_matrix(10, "shapes")
    # 200 labels a class: five standard deviations.
    assert np.abs(read_lists(tmp_path).transition_matrix() - wanted).max() < 5 * np.sqrt(0.21 / 200)


def test_only_lists_of_the_published_length_are_called_the_original(written, monkeypatch):
    assert load_clothing1m(written).source == "a folder in Clothing1M's layout, 60 noisy pictures"
    monkeypatch.setattr(clothing1m, "COUNTS", SMALL)
    assert load_clothing1m(written).source == ORIGINAL
    assert sum(COUNTS.values()) - COUNTS["noisy_train"] == 72_409  # all that are clean


# --- made noisy -----------------------------------------------------------------------------------


def test_given_noise_keeps_the_sets_apart_and_brings_t(written):
    dataset = load_clothing1m(written, side=32)
    data = make_noisy(dataset, GIVEN, val_fraction=0.1)
    assert (len(data.train), len(data.val), len(data.test), len(data.trusted)) == (60, 20, 30, 40)
    assert torch.equal(data.val.labels, dataset.y_val)
    np.testing.assert_allclose(data.transition_matrix, dataset.transition_matrix, atol=1e-6)
    wrong = 1 - dataset.transition_matrix.diagonal()[dataset.y_trusted].mean()
    assert data.noise.realised_rate == data.noise.expected_rate == pytest.approx(wrong)
    assert 0.05 < wrong < 0.5
    fewer = make_noisy(dataset, GIVEN, limit=50)
    assert (len(fewer.train), len(fewer.trusted)) == (50, 40)


def test_trusted_only_trains_on_the_trusted_and_is_judged_as_before(written):
    data = make_noisy(load_clothing1m(written, side=32), GIVEN)
    trusted = data.trusted_only()
    assert trusted.train is data.trusted and torch.equal(trusted.train.labels, data.trusted.clean)
    assert trusted.val is data.val and trusted.test is data.test
    assert torch.equal(trusted.transition_matrix, torch.eye(10))
    assert trusted.fingerprint != data.fingerprint  # a checkpoint is not mistaken for the other's
    # A net goes on with the preprocessing that it began with.
    fitted = data.preprocess("standardise")
    assert data.trusted_only().preprocess("standardise") is fitted


def test_the_trusted_files_join_the_noisy_ones(written):
    data = make_noisy(load_clothing1m(written, side=8), GIVEN)
    both = data.with_trusted().train
    assert both.x.files() == data.train.x.files() + data.trusted.x.files()
    assert torch.equal(both.x[torch.tensor([61])], data.trusted.x[torch.tensor([1])])
    assert torch.equal(both.labels, torch.cat([data.train.labels, data.trusted.clean]))
    elsewhere = ImageFiles(written / "other", ["1.jpg"], 8)
    with pytest.raises(ValueError, match="one folder"):
        data.train.x.joined(elsewhere)


def test_data_without_trusted_samples_say_so():
    data = make_noisy(load_dataset("digits"), parse_noise("none"))
    with pytest.raises(InputError, match=r"digits has no trusted samples.*x_trusted"):
        data.trusted_only()


def test_a_datasets_extra_parts_are_checked_and_fingerprinted(written):
    data = load_clothing1m(written)
    for changes, words in (
        ({"y_val": None}, "x_val and y_val go together"),
        ({"x_trusted": None, "y_trusted": None}, "needs the trusted samples"),
        ({"transition_matrix": np.eye(3)}, "3x3 but the data have 10"),
        ({"y_trusted": data.y_trusted + 9}, "trusted split: label"),
        ({"x_val": data.x_val[:3]}, "validation split: 3 samples but 20 labels"),
        ({"x_trusted": load_clothing1m(written, side=8).x_trusted}, "trusted samples uint8 of"),
    ):
        with pytest.raises(InputError, match=words):
            dataclasses.replace(data, **changes)
    others = [
        dataclasses.replace(data, transition_matrix=np.eye(10)),
        dataclasses.replace(data, y_val=data.y_val.roll(1)),
        dataclasses.replace(data, x_trusted=None, y_trusted=None, transition_matrix=None),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 4


# --- what is not there, or not so -----------------------------------------------------------------


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_clothing1m(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("load", [load_dataset, fetch_dataset])
def test_an_absent_dataset_must_be_asked_for(tmp_path, monkeypatch, load):
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "data"))
    with pytest.raises(InputError, match="ask its authors") as caught:
        load("clothing1m")
    assert "noisy_label" in str(caught.value) and "LNL_DATA" in str(caught.value)


def test_what_is_there_need_not_be_fetched(folder):
    assert len(fetch_dataset("clothing1m").x_train) == 60


@pytest.mark.parametrize(
    "file", ["category_names_eng.txt", *LABELS.values(), *(file for file, _ in SPLITS.values())]
)
def test_each_file_is_needed(folder, file):
    (folder / file).unlink()
    assert f"{file} is missing" in refused(folder)
    (folder / file).write_bytes(b"\xff\xfe\x00\xd8")
    assert f"{file} cannot be read" in refused(folder)


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("noisy_label_kv.txt", "images/0/x.jpg", "a class from 0 to 9"),
        ("noisy_label_kv.txt", "images/0/x.jpg 10", "a class from 0 to 9"),
        ("clean_label_kv.txt", "images/0/x.jpg -1", "a class from 0 to 9"),
        ("clean_label_kv.txt", "images/0/x.jpg 1.5", "a class from 0 to 9"),
        ("noisy_label_kv.txt", "7", "a class from 0 to 9"),
        ("noisy_train_key_list.txt", "images/0/none.jpg", "a label in noisy_label_kv.txt"),
        ("clean_val_key_list.txt", "images/0/none.jpg", "a label in clean_label_kv.txt"),
        ("clean_test_key_list.txt", "../secret.jpg", "a path below the folder"),
        ("clean_test_key_list.txt", "/etc/secret.jpg", "a path below the folder"),
    ],
)
def test_a_wrong_line_is_named(folder, file, line, words):
    lines = (folder / file).read_text().splitlines()
    (folder / file).write_text("\n".join([*lines[:4], line, *lines[4:]]))
    text = refused(folder)
    assert f"{file}, line 5" in text and words in text and line in text


def test_a_picture_with_two_different_labels_is_named(folder):
    file = folder / "noisy_label_kv.txt"
    key, label = file.read_text().splitlines()[0].split()
    with file.open("a") as stream:
        stream.write(f"\n{key} {label}\n")  # twice the same is no contradiction, nor is a gap
    load_clothing1m(folder)
    with file.open("a") as stream:
        stream.write(f"{key} {(int(label) + 1) % 10}\n")
    assert f"the label {label} that it had before" in refused(folder)


def test_an_empty_list_is_named(folder):
    (folder / "clean_val_key_list.txt").write_text("\n")
    assert "clean_val_key_list.txt is empty" in refused(folder)


def test_a_key_may_hold_spaces(folder):
    key = "images/0/a b.jpg"
    shutil.copy(next(folder.glob("images/0/*.jpg")), folder / key)
    for file, line in (("noisy_label_kv.txt", f"{key} 3"), ("noisy_train_key_list.txt", key)):
        with (folder / file).open("a") as stream:
            stream.write(f"{line}\n")
    data = load_clothing1m(folder, side=32)
    assert data.x_train.files()[-1] == key and data.y_train[-1] == 3
    assert data.x_train[60].shape == (3, 32, 32)


# --- shapes-folder --------------------------------------------------------------------------------


def test_shapes_folder_is_written_once_and_the_same_everywhere(tmp_path, monkeypatch):
    prints = set()
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        monkeypatch.setenv("LNL_DATA", str(tmp_path / place))
        prints.add(load_dataset("shapes-folder").fingerprint)
        monkeypatch.setattr(shapes_folder, "write_shapes_folder", lambda _: pytest.fail("again"))
        prints.add(load_dataset("shapes-folder").fingerprint)
        monkeypatch.undo()
    assert len(prints) == 1
    assert [path.name for path in (tmp_path / "one").iterdir()] == [shapes_folder.FOLDER]


def test_shapes_folder_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("LNL_DATA", str(tmp_path))

    def full(folder: Path) -> None:
        folder.mkdir()
        raise OSError("disk full")

    monkeypatch.setattr(shapes_folder, "write_shapes_folder", full)
    with pytest.raises(InputError, match=r"cannot be written.*disk full.*LNL_DATA"):
        load_dataset("shapes-folder")
    assert list(tmp_path.iterdir()) == []


def test_shapes_folder_may_be_where_no_data_are_yet(tmp_path, monkeypatch):
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "not" / "there"))
    assert len(load_dataset("shapes-folder").x_train) == 1200
