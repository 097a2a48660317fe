"""`imdb`: 25,000 + 25,000 film reviews, positive or negative (Maas et al. 2011).

Read from the authors' archive, or from the folder `aclImdb/` that it unpacks to, and turned into
token ids as Keras' `imdb` did, on which Patrini et al. 2017 ran (`load_data(num_words=5000)`, then
`pad_sequences` to 400). What Keras did was never published. Found out here by counting: lower case
for ASCII letters alone, Keras' filter characters as spaces, words ranked by their frequency in the
*training* reviews. That gives 88,583 different words where Keras' list has 88,584, in a copy with
a few reviews exchanged; on the 50,000 reviews together the ranks do not fit. "br", of the line
breaks, is a word as there.

As in Keras, 5,000 is the number of *ids*, four of which are no words; see `text.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lnl_core.atomic import replacing
from lnl_core.contract import takes
from lnl_core.data.cache import keep, recall
from lnl_core.data.dataset import Dataset
from lnl_core.data.text import FIRST_WORD, OUT_OF_VOCABULARY, START, pad_left
from lnl_core.errors import InputError

ADDRESS = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
BYTES = 84_125_825
BLOCK = 1 << 20
SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
#: The authors' archive first: it alone can be verified.
ARCHIVES = ("aclImdb_v1.tar.gz", "aclImdb_v1.tar.xz")
FOLDER = "aclImdb"
#: How a run's record says that it saw the dataset as published.
ORIGINAL = "aclImdb_v1.tar.gz, SHA-256 verified"

VOCABULARY, LENGTH = 5000, 400
SPLITS, CLASSES = ("train", "test"), ("neg", "pos")
REVIEWS_PER_CLASS = 12_500  # in each split
#: The longest review has 13,704 bytes. Whatever is far longer is none, and is not read.
LONGEST = 100_000
#: The original unpacks to 486 MB, its lists of word counts included. An archive that declares more
#: than this is no copy of it, and is not read to its end.
LARGEST = 2_000_000_000

_REVIEW = re.compile(rf"{FOLDER}/({'|'.join(SPLITS)})/({'|'.join(CLASSES)})/(\d+_\d+\.txt)")
_SEPARATORS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_SPACED = bytes.maketrans(_SEPARATORS, b" " * len(_SEPARATORS))

#: (split, class) → file name → the review.
Reviews = dict[tuple[str, str], dict[str, bytes]]


@takes(root=Path)
def load_imdb(root: Path) -> Dataset:
    """The dataset in that folder. The ids are kept there as well, so that the next time is quick.

    Raises `InputError` if neither archive nor folder is there, or what is there is not 12,500
    reviews of each class in each split, or is an archive that no honest one would be.
    """
    origin = _origin(root)
    if origin is None:
        raise InputError(
            f"imdb is not in {root}: run `lnl data fetch imdb` ({BYTES // 10**6} MB), or put "
            f"{ARCHIVES[0]} or the folder {FOLDER}/ that it unpacks to there, or set LNL_DATA."
        )
    cache = root / f"{FOLDER}-{VOCABULARY}x{LENGTH}.npz"
    stamp = _stamp(origin)
    arrays = recall(cache, stamp)
    if arrays is None:
        arrays = _parse(origin)
        keep(cache, stamp, arrays)
    tensors = [
        torch.from_numpy(arrays[f"{what}_{split}"].astype(np.int64))
        for split in SPLITS
        for what in "xy"
    ]
    source = str(arrays["source"])
    return Dataset("imdb", *tensors, ("negative", "positive"), source, vocabulary=VOCABULARY)


@takes(root=Path)
def fetch_imdb(root: Path) -> None:
    """Download the authors' archive into that folder, unless the dataset is there in some form.

    Raises `OSError` if the download fails, or is not the archive that it should be.
    """
    if _origin(root) is not None:
        return
    from tqdm import tqdm

    file, digest = root / ARCHIVES[0], hashlib.sha256()
    with replacing(file) as part:
        with (
            urllib.request.urlopen(ADDRESS, timeout=60) as stream,
            part.open("wb") as out,
            tqdm(total=BYTES, unit="B", unit_scale=True, desc=file.name) as bar,
        ):
            while bar.n <= BYTES and (block := stream.read(BLOCK)):
                digest.update(block)
                out.write(block)
                bar.update(len(block))
        if digest.hexdigest() != SHA256:
            raise OSError("what came is not the original archive: its SHA-256 is another")


@takes(review=bytes)
def words(review: bytes) -> list[bytes]:
    """A review's words, as Keras separated them; apostrophes stay in their words."""
    return review.lower().translate(_SPACED).split()  # bytes: only A-Z have a lower case


# Reading ------------------------------------------------------------------------------------------


def _origin(root: Path) -> Path | None:
    found = [root / name for name in ARCHIVES if (root / name).is_file()]
    if (root / FOLDER).is_dir():
        found.append(root / FOLDER)
    return found[0] if found else None


def _parse(origin: Path) -> dict[str, NDArray]:
    reviews = _from_archive(origin) if origin.is_file() else _from_folder(origin)
    _check_counts(origin, reviews)
    counts: Counter[bytes] = Counter()
    for name in CLASSES:
        for review in reviews["train", name].values():
            counts.update(words(review))
    # Equally frequent words in alphabetical order, which no order of files can change.
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[: VOCABULARY - FIRST_WORD]
    ids = {word: FIRST_WORD + rank for rank, word in enumerate(ranked)}
    arrays = {"source": np.array(_describe(origin))}
    for split in SPLITS:
        texts = [text for name in CLASSES for _, text in sorted(reviews[split, name].items())]
        rows = [[START, *(ids.get(w, OUT_OF_VOCABULARY) for w in words(t))] for t in texts]
        arrays[f"x_{split}"] = pad_left(rows, LENGTH).numpy().astype(np.int16)
        arrays[f"y_{split}"] = np.repeat(np.arange(2, dtype=np.int16), REVIEWS_PER_CLASS)
    return arrays


def _describe(origin: Path) -> str:
    """For the records: the original, or a copy that may differ from it."""
    if origin.name == ARCHIVES[0]:
        with origin.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == SHA256:
                return ORIGINAL
    kind = "folder" if origin.is_dir() else "archive"
    return f"{kind} {origin.name}, not verified against the original archive"


def _from_folder(folder: Path) -> Reviews:
    reviews: Reviews = {}
    for split in SPLITS:
        for name in CLASSES:
            files = [file for file in _entries(folder / split / name) if _is_review(file)]
            reviews[split, name] = {f.name: _checked(f.name, Path(f).read_bytes()) for f in files}
    return reviews


def _entries(folder: Path) -> list[os.DirEntry]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_review(entry: os.DirEntry) -> bool:
    path = "/".join((FOLDER, *Path(entry.path).parts[-3:]))
    return entry.is_file(follow_symlinks=False) and _REVIEW.fullmatch(path) is not None


def _from_archive(file: Path) -> Reviews:
    """Every review in the archive, read from it one after the other: nothing is unpacked."""
    reviews: Reviews = {(split, name): {} for split in SPLITS for name in CLASSES}
    unpacked = 0
    try:
        with tarfile.open(file, "r|*") as archive:
            for member in archive:
                unpacked += member.size
                if unpacked > LARGEST:
                    raise InputError(
                        f"{file} unpacks to more than {LARGEST / 1e9:g} GB, which imdb never does: "
                        "delete it and run `lnl data fetch imdb`."
                    )
                # Raises for paths that lead outside, links that do, and devices.
                tarfile.data_filter(member, str(file.parent))
                found = _REVIEW.fullmatch(member.name)
                if found and not member.isreg():
                    raise InputError(f"{file}: {member.name} is a link or worse, not a review.")
                if found:
                    split, name, review = found.groups()
                    _check_size(member.name, member.size)
                    reviews[split, name][review] = archive.extractfile(member).read()
    except tarfile.FilterError as error:
        raise InputError(
            f"{file} is refused ({error}): the original archive holds nothing of the kind; fetch "
            "it again."
        ) from None
    except (tarfile.TarError, OSError, EOFError, ValueError, ArithmeticError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{file} is damaged ({error}): delete it and run `lnl data fetch imdb`."
        ) from None
    return reviews


def _checked(name: str, review: bytes) -> bytes:
    _check_size(name, len(review))
    return review


def _check_size(name: str, size: int) -> None:
    if size > LONGEST:
        raise InputError(f"{name} has {size} bytes: no review of imdb is longer than {LONGEST}.")


def _check_counts(origin: Path, reviews: Reviews) -> None:
    for (split, name), files in reviews.items():
        if len(files) != REVIEWS_PER_CLASS:
            raise InputError(
                f"{origin} holds {len(files)} reviews in {split}/{name}, but imdb has "
                f"{REVIEWS_PER_CLASS}: delete it and run `lnl data fetch imdb`."
            )


def _stamp(origin: Path) -> str:
    """Changes when a file does: names, sizes and times of all that would be read."""
    digest = hashlib.sha256(f"version 1, {VOCABULARY}, {LENGTH}".encode())
    if origin.is_file():
        entries = [origin]
    else:
        entries = [e for s in SPLITS for c in CLASSES for e in _entries(origin / s / c)]
    for entry in entries:
        status = entry.stat()
        digest.update(f"{entry.name}:{status.st_size}:{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
