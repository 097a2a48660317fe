"""`ImageFiles` against the same images as a tensor."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from training_helpers import assert_same, assert_same_runs, finish

from lnl_core import Dataset, InputError, Run, TrainConfig, TrainingSet, configure, make_noisy
from lnl_core.data import files
from lnl_core.data.files import ImageFiles, read_ahead
from lnl_core.data.shapes import make_shapes
from lnl_core.noise import parse_noise
from lnl_core.train import predict_logits

COUNT, TEST = 60, 20


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Dataset, Dataset]:
    """The same images, in PNG files and as a tensor."""
    root = tmp_path_factory.mktemp("images")
    data = make_shapes(COUNT, TEST)
    for split in ("train", "test"):
        for number, pixels in enumerate(getattr(data, f"x_{split}")):
            image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
            image.save(root / f"{split}-{number}.png")
    stored = {
        f"x_{split}": ImageFiles(root, [f"{split}-{n}.png" for n in range(count)], 32)
        for split, count in (("train", COUNT), ("test", TEST))
    }
    return dataclasses.replace(data, **stored), data


def test_it_has_what_a_tensor_has(pair):
    x, tensor = pair[0].x_train, pair[1].x_train
    for name in ("shape", "dtype", "device"):
        assert getattr(x, name) == getattr(tensor, name)
    assert (len(x), x.dim(), x.numel()) == (len(tensor), tensor.dim(), tensor.numel())
    assert x.is_floating_point() is False
    assert pair[0].kind == "image" and pair[0].input_shape == (3, 32, 32)


def test_indexing_reads_and_choosing_does_not(pair, monkeypatch):
    x, tensor = pair[0].x_train, pair[1].x_train
    index = torch.tensor([7, 3, 3, 59])
    assert torch.equal(x[index], tensor[index])
    assert torch.equal(x[5], tensor[5]) and torch.equal(x[-1], tensor[-1])
    assert x[index[:0]].shape == (0, 3, 32, 32)
    for size in (1, 7, 100):
        assert_same(list(x.split(size)), list(tensor.split(size)))
    monkeypatch.setattr(files, "_read", lambda *_: pytest.fail("read"))
    some = x.index_select(0, index)[1:]
    assert isinstance(some, ImageFiles) and len(some) == 3
    monkeypatch.undo()
    assert torch.equal(some[torch.arange(3)], tensor[index][1:])
    with pytest.raises(TypeError, match="int64 tensor"):
        x[torch.ones(COUNT, dtype=torch.bool)]
    with pytest.raises(IndexError):
        x[COUNT]


def settings(**given) -> TrainConfig:
    return TrainConfig(**{"batch_size": 16, "augmentation": "crop-flip"} | given)


@pytest.mark.parametrize(
    "given", [{}, {"preprocess": "standardise"}, {"epoch_length": "with-validation"}]
)
def test_batches_are_those_of_the_tensor(pair, given):
    """The same samples in the same order, the same random windows, the same pixels."""
    found = []
    for dataset in pair:
        data = make_noisy(dataset, parse_noise("symmetric:0.3"), val_fraction=0.4, limit=50)
        torch.manual_seed(3)
        training = TrainingSet(data, settings(**given))
        batches = [*training.batches(("weak", "plain")), *training.batches(), *training.scan()]
        found.append([(*batch.views, batch.labels, batch.index) for batch in batches])
    assert len(found[0]) == (5 if not given.get("epoch_length") else 7)
    assert_same(*found)


def run_on(dataset: Dataset, **given) -> Run:
    config = configure(
        "forward-estimated", noise="symmetric:0.2", dataset=dataset, net="lenet",
        **{"epochs": 2, "augmentation": "crop-flip"} | given,
    )  # fmt: skip
    return Run(config, device="cpu", dataset=dataset)


def test_a_run_is_that_on_the_tensor(pair):
    assert_same_runs(*(finish(run_on(dataset)) for dataset in pair))


def test_reading_ahead_begins_the_next_batch_and_changes_nothing(pair, monkeypatch):
    x, tensor = pair[0].x_train, pair[1].x_train
    begun = []
    real = ImageFiles._begin
    monkeypatch.setattr(
        ImageFiles, "_begin", lambda self, numbers: (begun.append(numbers), real(self, numbers))[1]
    )
    parts = torch.randperm(COUNT).split(25)
    state = torch.get_rng_state()
    for position, part in enumerate(read_ahead(x, parts)):
        assert begun == [part.tolist() for part in parts[: position + 2]]
        assert torch.equal(x[part], tensor[part])
    assert len(begun) == 3  # what was announced was not read again
    assert torch.equal(torch.get_rng_state(), state)
    assert list(read_ahead(tensor, parts)) == list(parts) and list(read_ahead(x, [])) == []


def test_a_pass_that_was_left_leaves_nothing_behind(pair):
    x, tensor = pair[0].x_train, pair[1].x_train
    parts = torch.arange(COUNT).split(10)
    next(read_ahead(x, parts))
    others = torch.arange(COUNT).flip(0).split(10)
    for part in read_ahead(x, others):
        assert torch.equal(x[part], tensor[part])


def test_large_images_are_evaluated_in_smaller_parts(pair, monkeypatch):
    seen = []

    class Method(torch.nn.Module):
        def logits(self, x):
            seen.append(len(x))
            return x.flatten(1)[:, :2]

    monkeypatch.setattr("lnl_core.train.block_values", lambda device: 20_000_000)
    large = ImageFiles(pair[0].x_train.root, pair[0].x_train.names, 512)
    whole = predict_logits(Method(), large, lambda x: x.float())
    assert len(whole) == COUNT and seen == [25, 25, 10]


# --- pixels ---------------------------------------------------------------------------------------


def one(tmp_path, image: Image.Image, side: int, name: str = "image.png") -> torch.Tensor:
    image.save(tmp_path / name)
    return ImageFiles(tmp_path, [name], side)[0]


@pytest.mark.parametrize(("width", "height"), [(40, 24), (24, 40), (25, 41)])
def test_the_central_square_is_taken(tmp_path, width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    top, left = (height - min(width, height)) // 2, (width - min(width, height)) // 2
    side = min(width, height)
    expected = torch.from_numpy(pixels[top : top + side, left : left + side]).permute(2, 0, 1)
    assert torch.equal(one(tmp_path, Image.fromarray(pixels), side), expected)


def test_scaling_is_antialiased(tmp_path):
    """A fine chessboard becomes grey, and not one of its colours."""
    board = (np.indices((64, 96)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = one(tmp_path, Image.fromarray(board), 16)
    assert pixels.shape == (3, 16, 16)
    assert pixels.float().sub(127.5).abs().max() < 3


def test_grey_palette_and_cmyk_become_three_channels(tmp_path):
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    for mode, name in (("L", "a.png"), ("P", "b.png"), ("RGBA", "c.png"), ("CMYK", "d.jpg")):
        pixels = one(tmp_path, red.convert(mode), 32, name)
        assert pixels.shape == (3, 32, 32) and pixels.dtype == torch.uint8
        if mode != "L":
            centre = pixels[:, 16, 16].tolist()
            assert centre == pytest.approx([255, 0, 0], abs=3), mode


# --- fingerprints, and files that are not there ---------------------------------------------------


def copy_of(pair, tmp_path) -> Dataset:
    x = pair[0].x_train
    shutil.copytree(x.root, tmp_path / "copy")
    stored = {
        f"x_{split}": ImageFiles(tmp_path / "copy", getattr(pair[0], f"x_{split}").names, 32)
        for split in ("train", "test")
    }
    return dataclasses.replace(pair[0], **stored)


def test_the_fingerprint_is_of_names_sizes_order_and_labels(pair, tmp_path):
    files_, tensor = pair
    assert files_.fingerprint != tensor.fingerprint
    copy = copy_of(pair, tmp_path)
    assert copy.fingerprint == files_.fingerprint  # wherever the folder lies
    turned = copy.x_train.index_select(0, torch.arange(COUNT).flip(0))
    labels = copy.y_train.roll(1)
    others = [dataclasses.replace(copy, x_train=turned), dataclasses.replace(copy, y_train=labels)]
    with (tmp_path / "copy" / "train-5.png").open("ab") as stream:
        stream.write(b"\0")
    others.append(dataclasses.replace(copy))
    assert len({files_.fingerprint, *(other.fingerprint for other in others)}) == 4


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read"),
        (lambda path: path.write_bytes(b"no image at all"), "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
    ],
)
def test_a_missing_or_damaged_image_is_named(pair, tmp_path, damage, words):
    dataset = copy_of(pair, tmp_path)
    damage(tmp_path / "copy" / "train-7.png")
    with pytest.raises(InputError) as caught:
        list(dataset.x_train.split(9))
    assert "train-7.png" in str(caught.value) and words in str(caught.value)
    assert "\n" not in str(caught.value)
    if words == "is missing":
        with pytest.raises(InputError, match=r"train-7\.png is missing"):
            _ = dataset.fingerprint


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_pixels_land_on_the_device(pair):
    x = pair[0].x_train.to("cuda")
    index = torch.arange(5, device="cuda")
    assert x[index].device.type == "cuda" and torch.equal(x[index].cpu(), pair[1].x_train[:5])
    (first, *_) = x.split(3)
    assert first.device.type == "cuda"
