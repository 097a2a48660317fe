"""IMDB from an archive or a folder: what a word is, which ids, what is refused, what is kept."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from lnl_core.data import cache, data_folder, fetch_dataset, imdb, load_dataset
from lnl_core.data.imdb import load_imdb, words
from lnl_core.data.text import pad_left
from lnl_core.errors import InputError

PER_CLASS = 3
#: Path → text. "the" is the commonest word of the training reviews; "only" is in the test alone.
TEXTS = {
    "train/neg/0_1.txt": "The film, the Film: it's BAD!<br /><br />bad",
    "train/neg/1_2.txt": "the rest",
    "train/neg/10_2.txt": "bad bad",
    "train/pos/0_9.txt": "the good one",
    "train/pos/1_10.txt": "good",
    "train/pos/2_10.txt": " ".join(f"w{i}" for i in range(500)),
    "test/neg/0_1.txt": "only only only bad",
    "test/neg/1_1.txt": "the",
    "test/neg/2_1.txt": "",
    "test/pos/0_10.txt": "good caf\u00e9 \u00c9t\u00e9",
    "test/pos/1_10.txt": "it's",
    "test/pos/2_10.txt": "rest",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty LNL_DATA, a dataset of twelve reviews, and no network."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    monkeypatch.setattr(imdb, "REVIEWS_PER_CLASS", PER_CLASS)

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    return tmp_path


def unpacked(root: Path, **changes: str) -> Path:
    for path, text in (TEXTS | changes).items():
        file = root / "aclImdb" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    # What else the original holds.
    (root / "aclImdb" / "README").write_text("read me")
    (root / "aclImdb" / "train" / "urls_pos.txt").write_text("an address")
    (root / "aclImdb" / "train" / "unsup").mkdir(exist_ok=True)
    (root / "aclImdb" / "train" / "unsup" / "0_0.txt").write_text("the the the the")
    return root / "aclImdb"


def member(name: str, content: str = "", **fields: object) -> tuple[tarfile.TarInfo, io.BytesIO]:
    data = content.encode()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, io.BytesIO(data)


def pack(file: Path, extra: Iterable[tuple[tarfile.TarInfo, io.BytesIO]] = (), mode="w:gz") -> Path:
    with tarfile.open(file, mode) as archive:
        for path, text in reversed(TEXTS.items()):
            archive.addfile(*member(f"aclImdb/{path}", text))
        for info, content in extra:
            archive.addfile(info, content)
    return file


def message(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


# --- words and ids --------------------------------------------------------------------------------


def test_words_are_separated_as_keras_did():
    assert words(b"It's 10/10 -- a (Must-See).<br />GO\tnow") == [
        b"it's", b"10", b"10", b"a", b"must", b"see", b"br", b"go", b"now",
    ]  # fmt: skip
    assert words("Él va".encode()) == ["Él".encode(), b"va"]  # its lower case is for ASCII alone


def test_ids_count_the_training_words_by_frequency(folder):
    unpacked(folder)
    data = load_imdb(folder)
    # Counts: bad 4, the 4, br 2, film 2, good 2, then those that occur once, "it's" the first one
    # after w-words and "one" and "rest" in alphabetical order.
    once = sorted(["it's", "one", "rest", *(f"w{i}" for i in range(500))])
    ranked = ["bad", "the", "br", "film", "good", *once]
    ids = {word: 4 + rank for rank, word in enumerate(ranked)}
    first = ["the", "film", "the", "film", "it's", "bad", "br", "br", "bad"]
    expected = [0] * 390 + [1] + [ids[word] for word in first]
    assert data.x_train[0].tolist() == expected
    assert data.x_test[0].tolist()[-5:] == [1, 2, 2, 2, ids["bad"]]  # "only" was never trained on
    assert data.x_test[2].tolist() == [0] * 399 + [1]  # an empty review
    assert data.x_test[3].tolist()[-4:] == [1, ids["good"], 2, 2]


def test_reviews_keep_their_last_400_ids(folder):
    unpacked(folder)
    data = load_imdb(folder)
    long = data.x_train[5]
    assert long.dtype == torch.int64 and long.shape == (400,)
    assert (long >= 4).all() and len(long.unique()) == 400  # its start is cut off with w0 to w99


def test_ids_stay_below_the_size_of_the_vocabulary(folder, monkeypatch):
    monkeypatch.setattr(imdb, "VOCABULARY", 8)
    unpacked(folder)
    data = load_imdb(folder)
    assert data.vocabulary == 8
    assert set(data.x_train.unique().tolist()) == {0, 1, 2, 4, 5, 6, 7}


def test_labels_and_sizes(folder):
    unpacked(folder)
    data = load_imdb(folder)
    assert data.y_train.tolist() == data.y_test.tolist() == [0, 0, 0, 1, 1, 1]
    assert (data.name, data.classes, data.vocabulary) == ("imdb", ("negative", "positive"), 5000)
    assert data.kind == "tokens"


def test_padding_comes_before_and_what_is_cut_off_is_the_beginning():
    padded = pad_left([[5, 6], [], [1, 2, 3, 4, 5]], 4)
    assert padded.tolist() == [[0, 0, 5, 6], [0, 0, 0, 0], [2, 3, 4, 5]]


# --- where it comes from --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "mode"), [("tar.gz", "w:gz"), ("tar.xz", "w:xz")])
def test_archive_and_folder_give_the_same_data(folder, tmp_path_factory, name, mode):
    pack(folder / f"aclImdb_v1.{name}", mode=mode)
    other = tmp_path_factory.mktemp("unpacked")
    unpacked(other)
    packed = load_dataset("imdb")
    assert packed.fingerprint == load_imdb(other).fingerprint
    assert not (folder / "aclImdb").exists()  # nothing is unpacked
    assert packed.source == f"archive aclImdb_v1.{name}, not verified against the original archive"
    assert load_imdb(other).source.startswith("folder aclImdb, not verified")


def test_only_the_original_archive_is_called_that(folder, monkeypatch):
    from lnl_core.ledger.matching import is_original

    file = pack(folder / "aclImdb_v1.tar.gz")
    unpacked(folder)  # of both, the archive counts
    monkeypatch.setattr(imdb, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    data = load_imdb(folder)
    assert data.source == imdb.ORIGINAL
    assert is_original({"dataset": {"source": data.source}})
    file.unlink()
    copy = load_imdb(folder)
    assert copy.fingerprint == data.fingerprint
    assert not is_original({"dataset": {"source": copy.source}})


def test_absent_dataset_says_how_to_get_it(folder):
    text = message(load_dataset, "imdb")
    for word in (str(folder), "lnl data fetch imdb", "84 MB", "aclImdb_v1.tar.gz", "LNL_DATA"):
        assert word in text
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [("train/pos/2_10.txt", None), ("test/neg/3_1.txt", "one too many"), ("test/pos", None)],
)
def test_another_number_of_reviews_is_refused(folder, path, text):
    root = unpacked(folder)
    if text is not None:
        (root / path).write_text(text)
    elif (root / path).is_dir():
        for file in (root / path).iterdir():
            file.unlink()
        (root / path).rmdir()
    else:
        (root / path).unlink()
    answer = message(load_imdb, folder)
    assert "/".join(Path(path).parts[:2]) in answer
    assert "3" in answer and "lnl data fetch imdb" in answer


def test_review_of_absurd_size_is_refused(folder, monkeypatch):
    monkeypatch.setattr(imdb, "LONGEST", 100)
    unpacked(folder)
    assert "2_10.txt has " in message(load_imdb, folder)
    pack(folder / "aclImdb_v1.tar.gz")
    assert "2_10.txt has " in message(load_imdb, folder)


def test_archive_that_unpacks_to_more_than_any_honest_one_is_refused_unread(folder, monkeypatch):
    """Sizes are declared before each file: what is behind the limit is never unpacked."""
    monkeypatch.setattr(imdb, "LARGEST", 200_000)
    bomb = member("aclImdb/bomb")
    bomb[0].size = 300_000
    pack(folder / "aclImdb_v1.tar.gz", [(bomb[0], io.BytesIO(bytes(300_000)))])
    assert "unpacks to more than" in message(load_imdb, folder)
    monkeypatch.setattr(imdb, "LARGEST", 400_000)
    assert len(load_imdb(folder).x_train) == 6


# --- hostile and damaged archives -----------------------------------------------------------------

HOSTILE = {
    "a path outside": member("../outside.txt", "x"),
    "a review outside": member("aclImdb/../../aclImdb/train/pos/9_9.txt", "x"),
    "a link outside": member("aclImdb/away", type=tarfile.SYMTYPE, linkname="../../etc"),
    "an absolute link": member("aclImdb/away", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link outside": member("aclImdb/away", type=tarfile.LNKTYPE, linkname="../../x"),
    "a device": member("aclImdb/device", type=tarfile.CHRTYPE),
}


@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archive_is_refused_and_nothing_is_written(folder, extra):
    file = pack(folder / "aclImdb_v1.tar.gz", [extra])
    assert str(file) in message(load_imdb, folder)
    assert list(folder.iterdir()) == [file]
    assert not (folder.parent / "outside.txt").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_linked_review_in_an_archive_is_refused(folder, kind):
    target = {tarfile.SYMTYPE: "1_10.txt", tarfile.LNKTYPE: "aclImdb/train/pos/1_10.txt"}[kind]
    link = member("aclImdb/train/pos/9_9.txt", type=kind, linkname=target)
    pack(folder / "aclImdb_v1.tar.gz", [link])
    assert "9_9.txt is a link" in message(load_imdb, folder)


def test_linked_review_in_a_folder_is_not_read(folder):
    root = unpacked(folder)
    file = root / "train" / "pos" / "2_10.txt"
    file.unlink()
    file.symlink_to("1_10.txt")
    assert "holds 2 reviews in train/pos" in message(load_imdb, folder)


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "flipped"])
def test_damaged_archive_is_refused_with_the_way_out(folder, damage):
    file = pack(folder / "aclImdb_v1.tar.gz")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 0xFF
    whole = file.read_bytes()
    file.write_bytes(
        {"cut": whole[:middle], "garbage": b"<html>" * 9, "empty": b"", "flipped": content}[damage]
    )
    text = message(load_imdb, folder)
    assert str(file) in text and "lnl data fetch imdb" in text


# --- what is kept ---------------------------------------------------------------------------------


@pytest.fixture
def parsed(monkeypatch) -> list[Path]:
    """What was parsed, and not taken from the cache."""
    done, parse = [], imdb._parse
    monkeypatch.setattr(imdb, "_parse", lambda origin: (done.append(origin), parse(origin))[1])
    return done


CACHE = "aclImdb-5000x400.npz"


def test_second_time_comes_from_the_cache(folder, parsed):
    origin = unpacked(folder)
    first, again = load_imdb(folder), load_imdb(folder)
    assert parsed == [origin]
    assert again.fingerprint == first.fingerprint
    assert again.source == first.source
    assert sorted(file.name for file in folder.iterdir()) == ["aclImdb", CACHE]
    with np.load(folder / CACHE, allow_pickle=False) as stored:
        assert {array.dtype.kind for array in stored.values()} <= set("iU")  # nothing pickled


def test_cache_of_other_reviews_is_not_used(folder, parsed):
    root = unpacked(folder)
    before = load_imdb(folder)
    review = root / "test" / "neg" / "1_1.txt"
    review.write_text("bad")  # as long as before
    os.utime(review, ns=(1, 1))
    after = load_imdb(folder)
    assert len(parsed) == 2
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize("content", [b"", b"no zip", "cut"], ids=str)
def test_damaged_cache_is_made_anew(folder, parsed, content):
    unpacked(folder)
    expected = load_imdb(folder).fingerprint
    file = folder / CACHE
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    assert load_imdb(folder).fingerprint == expected
    assert len(parsed) == 2
    assert file.stat().st_size == len(whole)


def test_cache_that_cannot_be_written_is_no_error(folder, monkeypatch):
    unpacked(folder)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(cache.np, "savez", full)
    assert len(load_imdb(folder).x_train) == 6
    assert [file.name for file in folder.iterdir()] == ["aclImdb"]


# --- fetching -------------------------------------------------------------------------------------


def serve(monkeypatch, content: bytes) -> list[str]:
    asked: list[str] = []

    def urlopen(address: str, **_: object) -> io.BytesIO:
        asked.append(address)
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def archive_bytes(folder: Path) -> bytes:
    file = pack(folder / "elsewhere.tar.gz")
    content = file.read_bytes()
    file.unlink()
    return content


def test_download_is_verified_kept_and_not_repeated(folder, monkeypatch):
    content = archive_bytes(folder)
    monkeypatch.setattr(imdb, "SHA256", hashlib.sha256(content).hexdigest())
    asked = serve(monkeypatch, content)
    data = fetch_dataset("imdb")
    assert data.source == imdb.ORIGINAL
    assert (folder / "aclImdb_v1.tar.gz").read_bytes() == content
    assert fetch_dataset("imdb").fingerprint == data.fingerprint
    assert asked == [imdb.ADDRESS]


def test_download_without_an_end_is_given_up(folder, monkeypatch):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given < 100_000
            return bytes(size)

    monkeypatch.setattr(imdb, "BYTES", 50_000)
    monkeypatch.setattr(imdb, "BLOCK", 1000)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Endless())
    assert "SHA-256 is another" in message(fetch_dataset, "imdb")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("size", [0, 50])
def test_download_of_something_else_is_refused_and_left_nowhere(folder, monkeypatch, size):
    serve(monkeypatch, bytes(size))
    text = message(fetch_dataset, "imdb")
    assert "SHA-256 is another" in text
    assert list(folder.iterdir()) == []


def test_fetching_offline_says_what_to_do(folder):
    text = message(fetch_dataset, "imdb")
    for word in ("could not be downloaded", str(folder), "connection", "data/README.md"):
        assert word in text


def test_fetching_what_is_there_needs_no_network(folder):
    unpacked(folder)
    assert fetch_dataset("imdb").name == "imdb"


# --- real data ------------------------------------------------------------------------------------

REAL = Path(os.environ.get("LNL_DATA") or "nowhere")


@pytest.mark.slow
@pytest.mark.skipif(
    not any((REAL / name).exists() for name in (*imdb.ARCHIVES, imdb.FOLDER)),
    reason="LNL_DATA names no folder that holds IMDB",
)
def test_real_reviews_are_ranked_as_in_keras(monkeypatch):
    """Keras' first training review, "this film was just brilliant casting location scenery
    story direction": its ids in `imdb.load_data(num_words=5000)`."""
    monkeypatch.setattr(imdb, "REVIEWS_PER_CLASS", 12_500)
    monkeypatch.setenv("LNL_DATA", str(REAL))
    data = load_dataset("imdb")
    assert data_folder() == REAL
    assert (data.x_train.shape, data.x_test.shape) == ((25_000, 400), (25_000, 400))
    assert torch.bincount(data.y_train).tolist() == [12_500, 12_500]
    keras = torch.tensor([14, 22, 16, 43, 530, 973, 1622, 1385, 65, 458])
    opening = data.x_train.unfold(1, len(keras), 1)
    distance = ((opening - keras).abs() / keras).amax(-1)
    assert distance.min() < 0.02
