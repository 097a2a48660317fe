"""WEB's list of pictures with tags, on a generated folder, from the list to an epoch."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_helpers import finish

from lnl_core import InputError, Run, load_dataset
from lnl_core.data import fetch_dataset, web
from lnl_core.data.files import ImageFiles
from lnl_core.data.voc import CLASSES
from lnl_core.data.web import ORIGINAL, load_web
from lnl_core.data.web_folder import TWICE, WRONG, write_voc, write_web
from lnl_core.ledger.tables import cell_config, get_table

NAMES = ("web-voc2007", "web-voc2012")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("layout")
    write_web(root, 60)
    write_voc(root, "voc2007", "test", 40)
    write_voc(root, "voc2012", "val", 20)
    return root


@pytest.fixture
def folder(written, tmp_path, monkeypatch) -> Path:
    """A copy to damage, where `LNL_DATA` has it."""
    root = Path(shutil.copytree(written, tmp_path / "data"))
    monkeypatch.setenv("LNL_DATA", str(root))
    return root


# --- what is in it --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "tested"), [(NAMES[0], 40), (NAMES[1], 20)])
def test_tags_are_the_training_labels_and_voc_is_the_test(name, tested, folder):
    data = load_dataset(name)
    assert (len(data.x_train), len(data.x_test)) == (60, tested)
    assert data.input_shape == (3, 256, 256) and data.multi_label and data.classes == CLASSES
    lines = (folder / "web" / "tags.csv").read_text().splitlines()[1:]
    pairs = [line.split(",") for line in lines]
    assert data.x_train.files() == [name for name, _ in pairs]
    found = [" ".join(CLASSES[k] for k in row.nonzero().flatten()) for row in data.y_train]
    assert [set(tags.split()) for tags in found] == [set(tags.split()) for _, tags in pairs]
    assert torch.equal(data.y_train_noisy, data.y_train)
    assert load_dataset(name).fingerprint == data.fingerprint


def test_nothing_but_names_is_read_before_it_is_needed(written, monkeypatch):
    monkeypatch.setattr(ImageFiles, "_begin", lambda *_: pytest.fail("a picture was read"))
    load_web("web-voc2007", written)


def test_pictures_show_what_they_are_of_and_tags_lie(tmp_path):
    truth = write_web(tmp_path, 200)
    write_voc(tmp_path, "voc2007", "test", 20)
    data = load_web("web-voc2007", tmp_path, side=24)
    tags = [{CLASSES[k] for k in row.nonzero().flatten()} for row in data.y_train]
    # Of the wrong tags one in twenty is right by chance. Three standard deviations.
    share = sum(a != b for a, b in zip(tags, truth, strict=True)) / 200
    assert share == pytest.approx(WRONG * 0.95, abs=3 * math.sqrt(0.21 / 200))
    two = sum(len(classes) == 2 for classes in truth) / 200
    assert two == pytest.approx(TWICE, abs=3 * math.sqrt(0.09 / 200))
    # The most saturated pixel has the hue of a category that is truly there.
    for x, classes in zip(data.x_train[torch.arange(50)], truth[:50], strict=True):
        pixels = x.flatten(1).double()
        spread = pixels.amax(0) - pixels.amin(0)
        assert _nearest(pixels[:, spread.argmax()]) in classes


def _nearest(pixel: torch.Tensor) -> str:
    import colorsys

    hue = colorsys.rgb_to_hsv(*(pixel / 255).tolist())[0]
    gaps = [abs((hue - k / 20 + 0.5) % 1 - 0.5) for k in range(20)]
    return CLASSES[gaps.index(min(gaps))]


def test_the_same_seed_gives_the_same_folder(written, tmp_path):
    write_web(tmp_path, 60)
    write_voc(tmp_path, "voc2007", "test", 40)
    ours, theirs = (load_web("web-voc2007", root) for root in (tmp_path, written))
    assert ours.fingerprint == theirs.fingerprint


def test_only_a_list_of_the_published_length_is_called_the_original(written, monkeypatch):
    data = load_web("web-voc2007", written)
    assert data.source == "a list of pictures with tags, 60; the true labels are not known"
    monkeypatch.setattr(web, "COUNT", 60)
    assert load_web("web-voc2007", written).source == data.source  # VOC's test set is another
    monkeypatch.setitem(web.VOC_SPLITS, "voc2007", ("2007", ("trainval", "test"), (0, 40)))
    assert load_web("web-voc2007", written).source == ORIGINAL


# --- trained on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["cross-entropy", "can"])
def test_a_cell_of_table_2_runs_from_the_list_to_the_measure(method, written):
    table = get_table("yao2018/table2")
    config = cell_config(table, method, "given", epochs=1, batch_size=20)
    assert (config.net, config.net_options) == ("resnet34", {"pretrained": True})
    config = replace(config, net="lenet", net_options={})
    assert (config.paper, config.train.test_crops) == ("yao2018", 6)
    data = load_web("web-voc2007", written, side=32)
    run = finish(Run(config, device="cpu", dataset=data))
    found = run.history[-1].diagnostics
    assert 0 < found["test_map"] < 1 and {f"test_ap_{name}" for name in CLASSES} <= found.keys()
    # Nobody knows which tags are wrong: nothing is said of how many were seen through.
    assert "selection_auc" not in found
    assert run.document()["dataset"]["name"] == "web-voc2007"


# --- what is not there, or not so -----------------------------------------------------------------


def refused(root: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_web("web-voc2007", root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("load", [load_dataset, fetch_dataset])
def test_an_absent_list_must_be_made(tmp_path, monkeypatch, load):
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "data"))
    with pytest.raises(InputError, match=r"list is not public.*data/README\.md.*LNL_DATA"):
        load("web-voc2012")


def test_what_is_there_need_not_be_fetched(folder):
    assert len(fetch_dataset("web-voc2007").x_train) == 60


def test_without_voc_there_is_nothing_to_test_on(folder):
    shutil.rmtree(folder / "VOCdevkit")
    assert "lnl data fetch voc2007" in refused(folder)


def test_the_list_must_be_there_and_be_text(folder):
    file = folder / "web" / "tags.csv"
    file.write_bytes(b"\xff\xfe\x00\xd8")
    assert "tags.csv cannot be read" in refused(folder)
    file.write_text("image,tags\n\n")
    assert "lists no picture" in refused(folder)
    file.write_text("images/000000.jpg,dog\n")
    assert "line 1: it must be 'image,tags'" in refused(folder)
    file.unlink()
    assert "tags.csv is missing" in refused(folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("images/x.jpg", "must be a picture, a comma"),
        ("images/x.jpg,dog,cat", "must be a picture, a comma"),
        ("images/x.jpg,", "at least one of VOC's categories"),
        ("images/x.jpg,dog unicorn", "at least one of VOC's categories"),
        (",dog", "a path below the folder"),
        ("../secret.jpg,dog", "a path below the folder"),
        ("/etc/secret.jpg,dog", "a path below the folder"),
        ("images/000000.jpg,dog", "was listed before"),
    ],
)
def test_a_wrong_line_is_named(folder, line, words):
    file = folder / "web" / "tags.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:4], line, *lines[4:]]))
    text = refused(folder)
    assert "tags.csv, line 5" in text and words in text and line in text
