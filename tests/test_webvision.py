"""WebVision's layout on a generated folder: its first classes, from the lists to a trained net."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from training_helpers import finish

from lnl_core import InputError, Run, configure, load_dataset
from lnl_core.data import fetch_dataset, webvision
from lnl_core.data.shapes import make_shapes
from lnl_core.data.shapes_folder import NOISE, write_webvision
from lnl_core.data.webvision import FOLDER, load_webvision
from lnl_core.ledger.matching import is_original

load = partial(load_webvision, classes=10)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    write_webvision(tmp_path / FOLDER, 60, 20)
    return tmp_path / FOLDER


def test_the_first_classes_of_both_lists_in_their_order(folder):
    data = load(folder)
    shapes = make_shapes(60, 20)
    noisy = NOISE.corrupt(shapes.y_train.numpy(), 10, 0, "shapes")
    assert data.y_train.tolist() == data.y_train_noisy.tolist() == noisy.tolist()
    assert data.y_test.tolist() == shapes.y_test.tolist()
    assert len(data.classes) == 10 and tuple(data.x_train.shape) == (60, 3, 256, 256)
    assert data.x_train.files()[0] == f"google/q{noisy[0] + 1:04d}/0.jpg"
    assert data.x_test.files()[3] == "val_images_256/val000003.jpg"
    small = data.x_test[torch.tensor([3])].float().unflatten(2, (32, 8)).unflatten(4, (32, 8))
    assert (small.mean((3, 5))[0] - shapes.x_test[3].float()).abs().mean() < 12


def test_fewer_classes_are_fewer_images(folder):
    five = load_webvision(folder, classes=5)
    assert five.y_train.max() == 4 and 0 < len(five.x_train) < 60
    assert five.y_test.tolist() == [y for y in load(folder).y_test.tolist() if y < 5]


def test_by_its_name_it_has_fifty_classes(folder):
    with pytest.raises(InputError, match=r"39 of 50 classes have no training sample"):
        load_dataset("webvision50")  # the list's eleventh class has no file, but a line


def test_only_as_many_images_as_published_are_called_the_original(folder, monkeypatch):
    assert not is_original({"dataset": {"source": load(folder).source}})
    monkeypatch.setattr(webvision, "COUNTS", (60, 20))
    assert load(folder).source == "a folder in WebVision's layout, 60 images"  # of other classes
    monkeypatch.setattr(webvision, "CLASSES", 10)
    assert is_original({"dataset": {"source": load(folder).source}})


def test_it_is_trained_on_as_section_4_2_says_with_less_of_everything(folder):
    data = load(folder)
    config = configure(
        "cross-entropy", noise="given", dataset=data, profile="paper", paper="kim2024",
        net="resnet14", epochs=1, batch_size=10, limit=20, train_eval=10,
    )  # fmt: skip
    run = finish(Run(config, device="cpu", dataset=data))
    assert config.train.augmentation == "window-flip" and math.isfinite(run.history[0].train_loss)
    assert run.data.noise.realised_rate == 0  # nobody knows the true labels
    assert run.history[0].test_top5 is None


def test_what_is_not_there_is_said_with_the_way_to_get_it(folder, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"fetch WebVision 1\.0's resized Google images"):
        load_webvision(tmp_path / "nowhere")
    with pytest.raises(InputError, match="classes is 0, but it must be a whole number from 2 up"):
        load_webvision(folder, classes=0)
    listed = folder / "info" / "val_filelist.txt"
    listed.write_text("val000003.jpg 40\n")
    with pytest.raises(InputError, match="has no image of the first 2 classes"):
        load_webvision(folder, classes=2)
    listed.unlink()
    with pytest.raises(InputError, match=r"val_filelist\.txt cannot be read"):
        load(folder)
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "empty"))
    with pytest.raises(InputError, match="webvision50 is not in"):
        fetch_dataset("webvision50")


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg x", "/etc/passwd 0", "google/../../a.jpg 0"])
def test_a_wrong_line_is_named(folder, line):
    with (folder / "info" / "train_filelist_google.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"google\.txt, line 62: .* and a class from 0"):
        load(folder)
