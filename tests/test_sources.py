"""Where datasets come from: embedded ones, files of one's own, torchvision's layout, offline."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import datasets
from torchvision.datasets import utils

from lnl_core import checksums
from lnl_core.data import data_folder, dataset_names, fetch_dataset, load_dataset
from lnl_core.errors import InputError

TORCHVISION = ["mnist", "fashion-mnist", "cifar10", "cifar100"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty LNL_DATA, and no network."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path))

    def offline(*_: object, **__: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    return tmp_path


def serve(monkeypatch, files: dict[str, bytes]) -> None:
    """Let torchvision download these files, by their names, from any address."""

    def retrieve(url: str, filename: str, *_: object, **__: object) -> None:
        Path(filename).write_bytes(files[url.rsplit("/", 1)[1]])

    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, **_: url)
    monkeypatch.setattr(utils, "_urlretrieve", retrieve)


def message(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


# --- digits ---------------------------------------------------------------------------------------


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    data = load_dataset("digits")
    assert data.x_train.shape == (1297, 1, 8, 8)
    assert data.x_test.shape == (500, 1, 8, 8)
    assert data.x_train.dtype == torch.uint8
    x = torch.cat([data.x_train, data.x_test]).flatten(1)
    y = torch.cat([data.y_train, data.y_test])
    # UCI's counts of the test part, digit by digit.
    assert torch.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    levels = x.unique()
    assert len(levels) == 17
    assert (levels[0], levels[-1]) == (0, 255)
    # The very same images with the very same labels, in another order.
    bunch = load_digits()
    level = torch.searchsorted(levels, x).numpy()
    ours = sorted((tuple(image), int(label)) for image, label in zip(level, y, strict=True))
    theirs = sorted(
        (tuple(image.astype(int)), int(label))
        for image, label in zip(bunch.data, bunch.target, strict=True)
    )
    assert ours == theirs


def test_digits_are_shuffled_the_same_way_each_time():
    data = load_dataset("digits")
    assert data.fingerprint == load_dataset("digits").fingerprint
    for labels in (data.y_train, data.y_test):  # every digit in both, in no order
        assert torch.bincount(labels, minlength=10).min() > 0.08 * len(labels)
        assert set(labels[:60].tolist()) == set(range(10))


def test_embedded_datasets_need_no_folder_and_no_network(folder):
    for name in ("digits", "shapes", "reviews"):
        assert load_dataset(name).name == name
        assert fetch_dataset(name).name == name
    assert list(folder.iterdir()) == []


# --- names and files ------------------------------------------------------------------------------


def save(path: Path, **changes) -> None:
    y = np.arange(20) % 10
    arrays = dict(x_train=np.ones((20, 3)) * 7, y_train=y, x_test=np.ones((10, 3)), y_test=y[:10])
    np.savez(path, **arrays | changes)


def test_file_of_a_datasets_name_takes_precedence_and_keeps_its_source(folder):
    save(folder / "digits.npz", source="my own digits")
    for load in (load_dataset, fetch_dataset):
        data = load("digits")
        assert (data.name, data.source, len(data.x_train)) == ("digits", "my own digits", 20)
    assert load_dataset("shapes").source.startswith("generated")


def test_file_of_a_new_name_is_a_dataset(folder):
    save(folder / "my-data.npz")
    for load in (load_dataset, fetch_dataset):
        assert load("my-data").name == "my-data"


def test_file_is_loaded_by_path(tmp_path, monkeypatch):
    (tmp_path / "else where").mkdir()
    save(tmp_path / "else where" / "some.npz")
    assert load_dataset(str(tmp_path / "else where" / "some.npz")).name == "some"
    monkeypatch.chdir(tmp_path)
    assert load_dataset("else where/some.npz").name == "some"
    monkeypatch.setenv("HOME", str(tmp_path / "else where"))
    assert load_dataset("~/some.npz").name == "some"


def test_damaged_file_of_a_datasets_name_is_not_passed_over(folder):
    (folder / "digits.npz").write_bytes(b"not a zip")
    assert "digits.npz" in message(load_dataset, "digits")


def test_absent_file_is_refused(folder):
    (folder / "folder.npz").mkdir()
    for name in ("nowhere/some.npz", str(folder / "folder.npz")):
        text = message(load_dataset, name)
        assert f"no file {name}" in text
        assert "dataset's name" in text


@pytest.mark.parametrize("load", [load_dataset, fetch_dataset])
def test_unknown_name_suggests_the_nearest(load):
    text = message(load, "mnits")
    assert "unknown dataset 'mnits'" in text
    assert "did you mean 'mnist'?" in text
    for name in dataset_names():
        assert name in text
    assert "unknown dataset" in message(load, "")
    assert "unknown dataset" in message(load, "../secret")


def test_folder_is_the_variables_or_the_users_cache(monkeypatch, tmp_path):
    assert data_folder() == tmp_path
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("LNL_DATA", "~/data")
    assert data_folder() == Path("/home/someone/data")
    for unset in ("", None):
        monkeypatch.setenv("LNL_DATA", unset) if unset == "" else monkeypatch.delenv("LNL_DATA")
        assert data_folder() == Path("/home/someone/.cache/lnl")


# --- absent, offline ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TORCHVISION)
def test_absent_dataset_says_how_to_get_it(name, folder):
    text = message(load_dataset, name)
    for word in (f"{name} is not in {folder}", f"lnl data fetch {name}", "MB", "LNL_DATA", ".npz"):
        assert word in text
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_fetching_offline_says_what_to_check(name, folder):
    text = message(fetch_dataset, name)
    for word in (f"{name} could not be downloaded into {folder}", "connection", "LNL_DATA"):
        assert word in text


def test_folder_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LNL_DATA", str(tmp_path / "file" / "data"))
    assert str(tmp_path / "file" / "data") in message(fetch_dataset, "mnist")
    assert "lnl data fetch" in message(load_dataset, "mnist")


# --- torchvision's layouts ------------------------------------------------------------------------

GREY = np.random.default_rng(0).integers(0, 256, (30, 28, 28)).astype(np.uint8)
DIGITS = np.arange(30) % 10


def idx(array: np.ndarray) -> bytes:
    """LeCun's format: two zeros, a type (8: unsigned byte), the rank, big-endian sizes, bytes."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def mnist_files() -> dict[str, bytes]:
    labels = DIGITS.astype(np.uint8)
    return {
        "train-images-idx3-ubyte": idx(GREY[:20]),
        "train-labels-idx1-ubyte": idx(labels[:20]),
        "t10k-images-idx3-ubyte": idx(GREY[20:]),
        "t10k-labels-idx1-ubyte": idx(labels[20:]),
    }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def assert_is_the_grey_data(data) -> None:
    assert data.x_train.dtype == torch.uint8
    assert data.input_shape == (1, 28, 28)
    np.testing.assert_array_equal(torch.cat([data.x_train, data.x_test])[:, 0].numpy(), GREY)
    assert torch.cat([data.y_train, data.y_test]).tolist() == DIGITS.tolist()
    assert (len(data.x_train), len(data.x_test)) == (20, 10)


@pytest.mark.parametrize(("name", "cls"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_unpacked_idx_files_are_loaded(name, cls, folder):
    write(folder / cls / "raw", mnist_files())
    for load in (load_dataset, fetch_dataset):
        data = load(name)
        assert_is_the_grey_data(data)
        assert data.name == name
        assert data.source == f"torchvision {cls}"
        assert len(data.classes) == 10
    assert ("Sneaker" in data.classes) == (name == "fashion-mnist")


def packed(monkeypatch) -> dict[str, bytes]:
    """The files compressed, with their checksums instead of MNIST's."""
    files = {f"{name}.gz": gzip.compress(content) for name, content in mnist_files().items()}
    sums = [(name, hashlib.md5(content).hexdigest()) for name, content in files.items()]
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(checksums.KNOWN["mnist"], name, digest)
    return files


def test_compressed_files_are_verified_and_unpacked_by_fetch(folder, monkeypatch):
    write(folder / "MNIST" / "raw", packed(monkeypatch))
    assert "lnl data fetch mnist" in message(load_dataset, "mnist")  # loading unpacks nothing
    assert_is_the_grey_data(fetch_dataset("mnist"))
    assert_is_the_grey_data(load_dataset("mnist"))


def test_download_is_verified_and_then_loaded(folder, monkeypatch):
    serve(monkeypatch, packed(monkeypatch))
    assert_is_the_grey_data(fetch_dataset("mnist"))


def test_download_with_a_wrong_checksum_is_refused(folder, monkeypatch):
    files = packed(monkeypatch)
    serve(monkeypatch, dict.fromkeys(files, gzip.compress(idx(GREY[:20]))))
    assert "could not be downloaded" in message(fetch_dataset, "mnist")
    assert "lnl data fetch mnist" in message(load_dataset, "mnist")


def test_download_whose_md5_alone_is_right_is_refused_and_not_unpacked(folder, monkeypatch):
    serve(monkeypatch, packed(monkeypatch))
    first = datasets.MNIST.resources[0][0]
    monkeypatch.setitem(checksums.KNOWN["mnist"], first, "0" * 64)
    text = message(fetch_dataset, "mnist")
    assert f"the SHA-256 of {folder / 'MNIST' / 'raw' / first} is another: delete it" in text
    assert {file.suffix for file in (folder / "MNIST" / "raw").iterdir()} == {".gz"}


@pytest.mark.parametrize("by_hand", [True, False])
def test_files_changed_since_they_were_fetched_are_refused(folder, monkeypatch, by_hand):
    raw = folder / "MNIST" / "raw"
    if by_hand:
        write(raw, mnist_files())
    else:
        serve(monkeypatch, packed(monkeypatch))
    fetch_dataset("mnist")
    labels = raw / "train-labels-idx1-ubyte"
    labels.write_bytes(idx((DIGITS[:20].astype(np.uint8) + 1) % 10))  # as valid as before
    for load in (load_dataset, fetch_dataset):
        text = message(load, "mnist")
        assert f"{labels} is not what it was when mnist was fetched" in text
        assert str(folder / "mnist.sha256") in text
    (folder / "mnist.sha256").unlink()
    assert load_dataset("mnist").y_train[0] == 1


@pytest.mark.parametrize("load", [load_dataset, fetch_dataset])
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("train-images-idx3-ubyte", b""),
        ("train-images-idx3-ubyte", idx(GREY[:20])[:5000]),
        ("train-images-idx3-ubyte", idx(DIGITS.astype(np.uint8))),
        ("train-labels-idx1-ubyte", b"<html>"),
        ("t10k-images-idx3-ubyte", idx(GREY[:20])[:16]),
        ("t10k-labels-idx1-ubyte", b"\0\0\x0a\x01" + bytes(14)),
        ("t10k-labels-idx1-ubyte", b"\0\0\x09\x01\0\0\0\x0a" + bytes(10)),
    ],
)
def test_damaged_raw_file_is_refused_with_the_way_out(load, file, content, folder):
    """torchvision checks what it downloads, not what already lies there."""
    write(folder / "MNIST" / "raw", mnist_files() | {file: content})
    text = message(load, "mnist")
    assert str(folder) in text
    assert "delete what is damaged" in text


def test_raw_labels_of_another_length_or_class_are_refused(folder):
    raw = folder / "MNIST" / "raw"
    labels = DIGITS[:20].astype(np.uint8)
    write(raw, mnist_files() | {"train-labels-idx1-ubyte": idx(labels[:19])})
    assert "20 samples but 19 labels" in message(load_dataset, "mnist")
    write(raw, mnist_files() | {"train-labels-idx1-ubyte": idx(labels + 1)})
    assert "label 10 is outside" in message(load_dataset, "mnist")


def cifar_files(monkeypatch, cls: type, fine: bool) -> dict[str, bytes]:
    """A batch to train on, one to test on, with torchvision told their checksums."""
    count, classes = (200, 100) if fine else (20, 10)
    rng = np.random.default_rng(1)

    def batch(n: int) -> bytes:
        labels = {"fine_labels" if fine else "labels": [i % classes for i in range(n)]}
        pixels = rng.integers(0, 256, (n, 3 * 32 * 32)).astype(np.uint8)
        return pickle.dumps({"data": pixels, **labels})

    names = [f"name {k}" for k in range(classes)]
    files = {"a": batch(count), "b": batch(10), "m": pickle.dumps({"names": names})}
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(cls, "train_list", [["a", md5["a"]]])
    monkeypatch.setattr(cls, "test_list", [["b", md5["b"]]])
    monkeypatch.setattr(cls, "meta", {"filename": "m", "key": "names", "md5": md5["m"]})
    return files


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_batches_are_loaded_channel_by_channel(name, folder, monkeypatch):
    cls = datasets.CIFAR100 if name == "cifar100" else datasets.CIFAR10
    files = cifar_files(monkeypatch, cls, fine=name == "cifar100")
    write(folder / cls.base_folder, files)
    data = load_dataset(name)
    stored = pickle.loads(files["a"])
    assert data.x_train.dtype == torch.uint8
    assert data.x_train.is_contiguous()
    np.testing.assert_array_equal(data.x_train.flatten(1).numpy(), stored["data"])
    assert data.y_train.tolist() == stored["fine_labels" if name == "cifar100" else "labels"]
    assert data.classes[3] == "name 3"
    assert data.num_classes == (100 if name == "cifar100" else 10)


def test_cifar_batch_with_a_wrong_checksum_is_refused_before_it_is_unpickled(folder, monkeypatch):
    files = cifar_files(monkeypatch, datasets.CIFAR10, fine=False)
    write(folder / "cifar-10-batches-py", files | {"a": files["a"] + b"!"})
    monkeypatch.setattr(pickle, "load", lambda *_, **__: pytest.fail("unpickled"))
    assert "lnl data fetch cifar10" in message(load_dataset, "cifar10")
