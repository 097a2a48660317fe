"""Where datasets come from: embedded, generated, torchvision, an archive of their own, `.npz`."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lnl_core.checksums import check_remembered, remember
from lnl_core.contract import takes
from lnl_core.data.amt import FOLDER as AMT
from lnl_core.data.amt import fetch_amt, load_amt
from lnl_core.data.archives import fetch_archive
from lnl_core.data.clothing1m import FOLDER as CLOTHING1M
from lnl_core.data.clothing1m import fetch_clothing1m, load_clothing1m
from lnl_core.data.dataset import Dataset
from lnl_core.data.imagenet import FOLDER as IMAGENET
from lnl_core.data.imagenet import fetch_imagenet, load_imagenet
from lnl_core.data.imdb import fetch_imdb, load_imdb
from lnl_core.data.label_vectors import as_vectors
from lnl_core.data.npz import load_npz
from lnl_core.data.reviews import make_reviews
from lnl_core.data.shapes import make_shapes
from lnl_core.data.shapes_folder import load_shapes_folder
from lnl_core.data.shapes_multi import make_shapes_multi
from lnl_core.data.tiny_imagenet import FOLDER as TINY_IMAGENET
from lnl_core.data.tiny_imagenet import fetch_tiny_imagenet, load_tiny_imagenet
from lnl_core.data.voc import fetch_voc, load_voc
from lnl_core.data.web import fetch_web, load_web
from lnl_core.data.webvision import FOLDER as WEBVISION
from lnl_core.data.webvision import fetch_webvision, load_webvision
from lnl_core.errors import InputError, unknown_name

#: What torchvision raises for an absent file (RuntimeError), a failed download (URLError, an
#: OSError), a damaged file (any of them) and an archive that leads outside (TarError).
UNREADABLE = (
    RuntimeError, OSError, EOFError, AssertionError, LookupError, TypeError, ValueError,
    tarfile.TarError,
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One row of `lnl list datasets`. `fetch` downloads into a folder; by default torchvision."""

    load: Callable[[], Dataset]
    summary: str
    embedded: bool = False
    megabytes: int = 0
    fetch: Callable[[Path], None] | None = None


def data_folder() -> Path:
    """Where downloaded data lie: `$LNL_DATA`, or `~/.cache/lnl`."""
    return Path(os.environ.get("LNL_DATA") or Path.home() / ".cache" / "lnl").expanduser()


def dataset_names() -> list[str]:
    return list(SOURCES)


@takes(name="text")
def load_dataset(name: str) -> Dataset:
    """The dataset of that name, or in that `.npz` file.

    `name` is a name from `lnl list datasets`, a path ending in `.npz`, or the name of an
    `.npz` in `$LNL_DATA`; such a file takes precedence over a built-in dataset of its name.
    Nothing is ever downloaded here: an absent dataset is an `InputError` that says how to get it.
    """
    path = npz_file(name)
    if path is None:
        return source(name).load()
    if not name.endswith(".npz"):
        return load_npz(path, name)
    if not path.is_file():
        raise InputError(f"no file {name}: give the path of an .npz, or a dataset's name.")
    return load_npz(path)


def npz_file(name: str) -> Path | None:
    """The `.npz`, there or not, that `load_dataset` reads for that name; None for other data."""
    if name.endswith(".npz"):
        return Path(name).expanduser()
    own = data_folder() / f"{name}.npz"
    # A name that is longer than a file's may be is no file's.
    return own if "/" not in name and len(name) < 200 and own.is_file() else None


@takes(name="text")
def fetch_dataset(name: str) -> Dataset:
    """Download the dataset into `data_folder()` if it is not there, verify and load it.

    A progress bar is shown, and every archive's SHA-256 verified; those of the files that come
    out of it are kept in `NAME.sha256`, and verified whenever they are loaded.
    """
    own = (data_folder() / f"{name}.npz").is_file()
    if not own and not source(name).embedded:
        root = data_folder()
        try:
            root.mkdir(parents=True, exist_ok=True)
            (source(name).fetch or partial(_fetch_torchvision, name))(root)
        except InputError:
            raise
        except UNREADABLE as error:
            raise InputError(
                f"{name} could not be downloaded into {root} ({error}): check the connection, "
                f"delete what is damaged in the folder, or {_by_hand(name)}."
            ) from None
    return load_dataset(name)


@takes(name="text")
def source(name: str) -> Source:
    if name not in SOURCES:
        raise unknown_name("dataset", name, SOURCES)
    return SOURCES[name]


def _load_digits() -> Dataset:
    """The 1,797 8x8 digits of scikit-learn, real handwriting; 500 of them kept for testing."""
    from sklearn.datasets import load_digits  # slow to import, and only needed here

    bunch = load_digits()
    # 17 grey levels, 0..16, stretched over the bytes; rounding keeps them apart.
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    # The file is ordered by writer. A fixed permutation mixes them, so that train and test
    # share their writers and the task is about label noise and nothing else.
    order = np.random.default_rng(0).permutation(len(images))
    x, y = torch.from_numpy(images[order]), torch.from_numpy(bunch.target[order].astype(np.int64))
    return Dataset(
        "digits", x[500:], y[500:], x[:500], y[:500], tuple("0123456789"),
        "scikit-learn load_digits (UCI Optical Recognition of Handwritten Digits, test part)",
    )  # fmt: skip


def _torchvision_class(name: str) -> type:
    from torchvision import datasets

    return {
        "mnist": datasets.MNIST,
        "fashion-mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
    }[name]


def _fetch_torchvision(name: str, root: Path) -> None:
    cls = _torchvision_class(name)
    folder = root / cls.__name__ / "raw" if hasattr(cls, "mirrors") else root
    try:
        _halves(cls, root)
    except UNREADABLE:
        # One archive a file for MNIST, from any of its mirrors, and one for all of CIFAR.
        if hasattr(cls, "mirrors"):
            archives = [([m + file for m in cls.mirrors], md5) for file, md5 in cls.resources]
        else:
            archives = [([cls.url], cls.tgz_md5)]
        for addresses, md5 in archives:
            fetch_archive(name, addresses, folder, md5)
        for train in (True, False):  # the archives are there and right: this unpacks them
            cls(root, train=train, download=True)
    unpacked = folder if hasattr(cls, "mirrors") else root / cls.base_folder
    remember(root, name, (f for f in unpacked.iterdir() if f.is_file() and f.suffix != ".gz"))


def _halves(cls: type, root: Path) -> list:
    """torchvision's training and test set in that folder; nothing is downloaded."""
    return [cls(root, train=train, download=False) for train in (True, False)]


def _load_torchvision(name: str) -> Dataset:
    cls = _torchvision_class(name)
    check_remembered(data_folder(), name)
    try:
        # A progress bar and a download only in `fetch_dataset`: here it is there or it is not.
        train, test = _halves(cls, data_folder())
    except UNREADABLE:
        raise InputError(
            f"{name} is not in {data_folder()}, or is damaged there: delete what is damaged and "
            f"run `lnl data fetch {name}` ({SOURCES[name].megabytes} MB), or {_by_hand(name)}."
        ) from None
    images = [torch.as_tensor(np.asarray(part.data)) for part in (train, test)]
    # MNIST's are [N, H, W], CIFAR's [N, H, W, C].
    x = [i.unsqueeze(1) if i.dim() == 3 else i.permute(0, 3, 1, 2).contiguous() for i in images]
    y = [torch.as_tensor(part.targets, dtype=torch.int64) for part in (train, test)]
    return Dataset(
        name, x[0], y[0], x[1], y[1], tuple(train.classes), f"torchvision {cls.__name__}"
    )


def _by_hand(name: str) -> str:
    layout = "torchvision's layout" if SOURCES[name].fetch is None else "see data/README.md"
    return f"set LNL_DATA to a folder that holds it ({layout}, or {name}.npz)"


SOURCES: dict[str, Source] = {
    "digits": Source(_load_digits, "scikit-learn's 8x8 digits, 1297 + 500, 10 classes", True),
    "digits-vectors": Source(
        lambda: as_vectors(_load_digits()),
        "the same as 64 features, with label vectors of one label each", True,
    ),
    "shapes": Source(make_shapes, "generated 32x32 colour shapes, 4000 + 1000, 10 classes", True),
    "shapes-multi": Source(
        make_shapes_multi, "one to three shapes an image, 4000 + 1000, 8 classes, multi-label", True
    ),
    "reviews": Source(make_reviews, "generated film reviews, 1500 + 500, 2 classes", True),
    "shapes-folder": Source(
        lambda: load_shapes_folder(data_folder()),
        "the shapes as JPEGs in Clothing1M's layout, 1200 + 400 clean + 200, 10 classes", True,
    ),
    "mnist": Source(
        lambda: _load_torchvision("mnist"), "28x28 digits, 60000 + 10000, 10 classes", megabytes=11
    ),
    "fashion-mnist": Source(
        lambda: _load_torchvision("fashion-mnist"),
        "28x28 clothing, 60000 + 10000, 10 classes", megabytes=30,
    ),
    "cifar10": Source(
        lambda: _load_torchvision("cifar10"),
        "32x32 colour photographs, 50000 + 10000, 10 classes", megabytes=163,
    ),
    "cifar100": Source(
        lambda: _load_torchvision("cifar100"),
        "32x32 colour photographs, 50000 + 10000, 100 classes", megabytes=161,
    ),
    "imdb": Source(
        lambda: load_imdb(data_folder()),
        "film reviews of 400 words, 25000 + 25000, 2 classes", megabytes=84, fetch=fetch_imdb,
    ),
    "voc2007": Source(
        lambda: load_voc("voc2007", data_folder()),
        "photographs of objects, 5011 + 4952, 20 classes, multi-label", megabytes=911,
        fetch=partial(fetch_voc, "voc2007"),
    ),
    "voc2012": Source(
        lambda: load_voc("voc2012", data_folder()),
        "the same of 2012, 5717 + 5823 of its validation set", megabytes=2000,
        fetch=partial(fetch_voc, "voc2012"),
    ),
    "web-voc2007": Source(
        lambda: load_web("web-voc2007", data_folder()),
        "Flickr's pictures by their tags, 97836, and VOC 2007's 4952",
        fetch=partial(fetch_web, "web-voc2007"),
    ),
    "web-voc2012": Source(
        lambda: load_web("web-voc2012", data_folder()),
        "the same and VOC 2012's validation set, 5823",
        fetch=partial(fetch_web, "web-voc2012"),
    ),
    "amt-sd4": Source(
        lambda: load_amt("amt-sd4", data_folder() / AMT),
        "a crowd's answers on dogs as 5376 features, 7354 + 202, 4 classes",
        fetch=partial(fetch_amt, "amt-sd4"),
    ),
    "sd4": Source(
        lambda: load_amt("sd4", data_folder() / AMT),
        "the same dogs with their true labels, 605 + 202",
        fetch=partial(fetch_amt, "sd4"),
    ),
    "clothing1m": Source(
        lambda: load_clothing1m(data_folder() / CLOTHING1M),
        "shop pictures of clothes, 1000000 noisy + 47570 clean + 10526, 14 classes",
        fetch=fetch_clothing1m,
    ),
    "imagenet": Source(
        lambda: load_imagenet(data_folder() / IMAGENET),
        "photographs, 1281167 + 50000, 1000 classes", fetch=fetch_imagenet,
    ),
    "tiny-imagenet": Source(
        lambda: load_tiny_imagenet(data_folder() / TINY_IMAGENET),
        "64x64 photographs, 100000 + 10000, 200 classes", fetch=fetch_tiny_imagenet,
    ),
    "webvision50": Source(
        lambda: load_webvision(data_folder() / WEBVISION),
        "photographs from the web, noisy, 65944 + 2500, 50 classes", fetch=fetch_webvision,
    ),
}  # fmt: skip
