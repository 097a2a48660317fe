"""Tiny-ImageNet's layout on a generated folder, from its lists to a trained net."""

from __future__ import annotations

import math

import pytest
import torch
from training_helpers import finish

from lnl_core import InputError, Run, configure, load_dataset
from lnl_core.data import fetch_dataset, tiny_imagenet
from lnl_core.data.shapes import make_shapes
from lnl_core.data.shapes_folder import write_tiny_imagenet
from lnl_core.data.tiny_imagenet import FOLDER, load_tiny_imagenet
from lnl_core.ledger.matching import is_original


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    write_tiny_imagenet(tmp_path / FOLDER, 60, 20)
    return tmp_path / FOLDER


def test_classes_are_the_ids_in_order_and_every_image_has_its_label(folder):
    data = load_tiny_imagenet(folder)
    assert data.classes == tuple(sorted(data.classes)) and len(data.classes) == 10
    assert tuple(data.x_train.shape) == (60, 3, 64, 64)
    shapes = make_shapes(60, 20)
    assert data.y_train.tolist() == sorted(shapes.y_train.tolist())
    assert data.y_test.tolist() == shapes.y_test.tolist()
    # The pictures are those of the labels: the first of each class, and all to test on.
    for label in range(10):
        first = shapes.x_train[shapes.y_train == label][0]
        found = data.x_train[int((data.y_train == label).nonzero()[0])]
        assert near(found, first)
    assert all(
        near(found, wanted)
        for found, wanted in zip(data.x_test[torch.arange(20)], shapes.x_test, strict=True)
    )
    assert load_dataset("tiny-imagenet").fingerprint == data.fingerprint


def near(found: torch.Tensor, small: torch.Tensor) -> bool:
    """Whether a JPEG of twice the size shows these pixels."""
    halved = found.float().unflatten(1, (-1, 2)).unflatten(3, (-1, 2)).mean((2, 4))
    return (halved - small.float()).abs().mean().item() < 12


def test_only_as_many_images_as_published_are_called_the_original(folder, monkeypatch):
    data = load_tiny_imagenet(folder)
    assert data.source == "a folder in Tiny-ImageNet's layout, 60 images"
    assert not is_original({"dataset": {"source": data.source}})
    monkeypatch.setattr(tiny_imagenet, "COUNTS", (60, 20, 10))
    assert is_original({"dataset": {"source": load_tiny_imagenet(folder).source}})


def test_it_is_trained_on_as_section_4_2_says_with_less_of_everything(folder):
    config = configure(
        "cross-entropy", "tiny-imagenet", "symmetric-inclusive:0.2", profile="paper",
        paper="kim2024", net="lenet", epochs=2, limit=40,
    )  # fmt: skip
    run = finish(Run(config, device="cpu"))
    assert len(run.history) == 2 and math.isfinite(run.history[-1].train_loss)
    assert len(run.data.train) == 40 and not len(run.data.val)
    assert run.data.transition_matrix.diagonal().mean().item() == pytest.approx(0.82)


def test_what_is_not_there_is_said_with_the_way_to_get_it(folder, tmp_path):
    with pytest.raises(InputError, match=r"fetch http.*tiny-imagenet-200\.zip .*unpack it there"):
        load_tiny_imagenet(tmp_path / "nowhere" / FOLDER)
    assert fetch_dataset("tiny-imagenet").name == "tiny-imagenet"
    (folder / "wnids.txt").write_text("n99999999\n")
    with pytest.raises(InputError, match=r"n99999999.images is missing: unpack the archive again"):
        load_tiny_imagenet(folder)
    (folder / "wnids.txt").unlink()
    with pytest.raises(InputError, match=r"wnids\.txt cannot be read"):
        load_tiny_imagenet(folder)


@pytest.mark.parametrize(
    "line", ["val_0.JPEG n10000000", "val_0.JPEG\tn99999999\t0", "../val_0.JPEG\tn10000000\t0"]
)
def test_a_wrong_line_is_named(folder, line):
    with (folder / "val" / "val_annotations.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"val_annotations\.txt, line 21: .* one of the ids"):
        load_tiny_imagenet(folder)


def test_fetching_what_is_not_there_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    with pytest.raises(InputError, match="tiny-imagenet is not in"):
        fetch_dataset("tiny-imagenet")
