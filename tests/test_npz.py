"""`.npz` files: every layout that is promised, and every way a file can be wrong."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from lnl_core.data.npz import load_npz
from lnl_core.errors import InputError

RNG = np.random.default_rng(0)
LABELS = np.array([0, 1, 2, 2, 1, 0])
GOOD = {
    "x_train": RNG.integers(0, 256, (6, 4, 5)).astype(np.uint8),
    "y_train": LABELS,
    "x_test": RNG.integers(0, 256, (3, 4, 5)).astype(np.uint8),
    "y_test": LABELS[:3],
}
HOT = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 1]])


def arrays(**changes) -> dict:
    """The good arrays with some changed; None leaves one out."""
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not None}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "my-data.npz"


def load(path: Path, **changes):
    np.savez(path, **arrays(**changes))
    return load_npz(path)


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_npz(path)
    text = str(caught.value)
    assert str(path) in text
    return text


def message_of(path: Path, **changes) -> str:
    with pytest.raises(InputError) as caught:
        load(path, **changes)
    return str(caught.value)


# --- layouts --------------------------------------------------------------------------------------


def test_grey_images_get_a_channel(path):
    data = load(path)
    assert data.x_train.dtype == torch.uint8
    assert data.input_shape == (1, 4, 5)
    np.testing.assert_array_equal(data.x_train[:, 0].numpy(), GOOD["x_train"])
    np.testing.assert_array_equal(data.x_test[:, 0].numpy(), GOOD["x_test"])
    assert data.y_train.tolist() == LABELS.tolist()
    assert data.y_train.dtype == torch.int64


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_move_from_last_to_first(path, channels):
    x = RNG.integers(0, 256, (6, 4, 5, channels)).astype(np.uint8)
    data = load(path, x_train=x, x_test=x[:3])
    assert data.input_shape == (channels, 4, 5)
    assert data.x_train.is_contiguous()
    for channel in range(channels):
        np.testing.assert_array_equal(data.x_train[:, channel].numpy(), x[..., channel])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ">f8"])
def test_vectors_become_float32(path, dtype):
    x = RNG.normal(0, 1, (6, 7)).astype(dtype)
    data = load(path, x_train=x, x_test=x[:3])
    assert data.x_train.dtype == torch.float32
    assert data.input_shape == (7,)
    np.testing.assert_allclose(data.x_train.numpy(), x.astype(np.float32))


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "uint16", ">i4"])
def test_token_ids_become_int64(path, dtype):
    x = RNG.integers(0, 5000, (6, 7)).astype(dtype)
    data = load(path, x_train=x, x_test=x[:3])
    assert data.kind == "tokens"
    np.testing.assert_array_equal(data.x_train.numpy(), x)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_multi_hot_labels_become_uint8(path, dtype):
    data = load(path, y_train=HOT.astype(dtype), y_test=HOT[:3].astype(dtype))
    assert data.multi_label
    assert data.y_train.dtype == torch.uint8
    assert data.num_classes == 3
    np.testing.assert_array_equal(data.y_train.numpy(), HOT)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_labels_may_be_any_integers(path, dtype):
    data = load(path, y_train=LABELS.astype(dtype))
    assert data.y_train.tolist() == LABELS.tolist()


def test_compressed_file_loads_alike(path):
    plain = load(path).fingerprint
    np.savez_compressed(path, **GOOD)
    assert load_npz(path).fingerprint == plain


def test_names_are_counted_when_not_given(path):
    data = load(path)
    assert data.classes == ("0", "1", "2")
    assert data.name == "my-data"
    assert data.source == "my-data.npz, source not stated"
    assert data.y_train_noisy is None
    assert load_npz(path, "mnist").name == "mnist"


@pytest.mark.parametrize("kind", [str, bytes])
def test_optional_arrays_are_kept(path, kind):
    text = (lambda s: s) if kind is str else (lambda s: s.encode())
    names = np.array([text(name) for name in ("cat", "dog", "cow")])
    noisy = (LABELS + 1) % 3
    data = load(path, classes=names, source=np.array(text("a farm")), y_train_noisy=noisy)
    assert data.classes == ("cat", "dog", "cow")
    assert data.source == "a farm"
    assert data.y_train_noisy.tolist() == noisy.tolist()


# --- content that is wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("key", GOOD)
def test_missing_array_is_named_with_what_is_there(path, key):
    text = message_of(path, **{key: None}, x_tst=LABELS)
    assert f"lacks {key} " in text
    assert "x_tst" in text
    assert "x_train, y_train, x_test, y_test" in text


@pytest.mark.parametrize("key", ["x_train", "x_test"])
@pytest.mark.parametrize(
    "x",
    [
        np.uint8(3),
        np.zeros((6,), np.uint8),
        np.zeros((6, 5), np.uint8),
        np.zeros((6, 4, 5)),
        np.zeros((6, 4, 5), np.int64),
        np.zeros((6, 4, 5, 3, 1), np.uint8),
        np.zeros((6, 5), complex),
        np.zeros((6, 5), bool),
        np.array([["a", "b"]] * 6),
        np.zeros((6, 2), "datetime64[s]"),
        np.zeros(6, [("a", "u1")]),
    ],
    ids=lambda x: f"{x.dtype}{list(x.shape)}",
)
def test_samples_of_no_known_layout_are_refused(path, key, x):
    text = message_of(path, **{key: x})
    for word in (f"{key} is ", str(x.dtype), str(list(x.shape)), "uint8 [N,H,W]", "float [N,D]"):
        assert word in text


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_images_of_other_channels_are_refused(path, channels):
    text = message_of(path, x_train=np.zeros((6, 4, 5, channels), np.uint8))
    assert f"{channels} channels" in text
    assert "1 or 3 channels, last" in text


@pytest.mark.parametrize("key", ["y_train", "y_test", "y_train_noisy"])
@pytest.mark.parametrize(
    "y",
    [np.int64(1), LABELS * 1.0, LABELS.astype(str), np.zeros((6, 3)), np.zeros((6, 3, 1), int)],
    ids=lambda y: f"{y.dtype}{list(y.shape)}",
)
def test_labels_of_no_known_layout_are_refused(path, key, y):
    text = message_of(path, **{key: y})
    for word in (f"{key} is ", str(y.dtype), "labels int [N] or multi-hot [N,K]"):
        assert word in text


@pytest.mark.parametrize("key", ["y_train", "y_test", "y_train_noisy"])
@pytest.mark.parametrize("y", [LABELS[:0], HOT[:0], HOT[:, :0]], ids=["[0]", "[0,3]", "[6,0]"])
def test_labels_that_hold_nothing_are_refused(path, key, y):
    text = message_of(path, **{key: y})
    assert f"{key} is empty" in text


@pytest.mark.parametrize(("factor", "range_"), [(2, "0 to 2"), (256, "0 to 256"), (-1, "-1 to 0")])
def test_multi_hot_labels_of_other_values_are_refused(path, factor, range_):
    """256 in a byte would be 0: no label at all."""
    text = message_of(path, y_train=HOT * factor)
    assert range_ in text
    assert "0 or 1" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(y_train=LABELS + 1), ["class", "'0'"]),
        (dict(y_train=LABELS * 2), ["class", "'1'", "'3'"]),
        (dict(y_train=LABELS - 1), ["label -1", "0 to 1"]),
        (dict(y_test=LABELS[:3] + 1), ["test split", "label 3", "0 to 2"]),
        (dict(y_train_noisy=LABELS + 1), ["label 3", "0 to 2"]),
        (dict(y_train=LABELS * 10**12), ["label 2000000000000", "6 samples"]),
        (dict(classes=np.array(["a", "b"])), ["label 2", "0 to 1"]),
        (dict(classes=np.array(["a", "b", "c", "d"])), ["1 of 4 classes", "'d'"]),
        (dict(classes=np.array("a")), ["classes has shape []", "list of names"]),
        (dict(classes=np.array([["a", "b", "c"]])), ["classes has shape [1, 3]"]),
        (dict(y_train=LABELS[:5]), ["6 samples", "5 labels"]),
        (dict(y_train_noisy=LABELS[:5]), ["6 samples", "5 labels"]),
        (dict(y_train_noisy=HOT), ["labels", "must agree"]),
        (dict(y_train=LABELS * 0, y_test=LABELS[:3] * 0), ["1 class(es)", "at least 2"]),
        (dict(x_test=np.zeros((3, 5, 4), np.uint8)), ["[1, 4, 5]", "[1, 5, 4]"]),
        (dict(x_test=np.zeros((0, 4, 5), np.uint8), y_test=LABELS[:0]), ["empty"]),
        (dict(x_train=np.full((6, 5), np.nan), x_test=np.ones((3, 5))), ["NaN or infinity"]),
        (dict(x_train=np.ones((6, 5)), x_test=np.ones((3, 5), int)), ["float32", "int64"]),
        (dict(x_train=np.ones((6, 0)), x_test=np.ones((3, 0))), ["holds nothing"]),
        (dict(x_train=np.full((6, 5), -2), x_test=np.ones((3, 5), int)), ["token id -2"]),
        (dict(x_train=np.full((6, 5), 2**63, np.uint64)), ["x_train", str(2**63), "int64"]),
        (dict(y_train=LABELS.astype(np.uint64) + np.uint64(2**63)), ["y_train", "int64"]),
    ],
)  # fmt: skip
def test_content_that_cannot_be_used_is_named(path, changes, words):
    text = message_of(path, **changes)
    for word in words:
        assert word in text


# --- files that are wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_file_truncated_anywhere_is_refused(path, save):
    save(path, **GOOD)
    whole = path.read_bytes()
    for length in {0, 1, 4, 30, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1}:
        path.write_bytes(whole[:length])
        text = message(path)
        assert "truncated" in text
        assert "numpy.savez" in text


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bit_is_an_input_error_or_harmless(path, save):
    """A checksum or a parser notices, or the bit was none that counts: never another error."""
    save(path, **GOOD)
    whole, fingerprint = path.read_bytes(), load_npz(path).fingerprint
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.permutation(len(whole))[:300]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert load_npz(path).fingerprint == fingerprint
        except InputError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"<!DOCTYPE html><title>404</title>", b"x_train,y_train\n1,0\n"],
    ids=["empty", "two bytes", "a web page", "a table"],
)
def test_file_that_is_no_zip_is_refused(path, content):
    path.write_bytes(content)
    assert "not an .npz file" in message(path)


def test_single_array_is_refused(path):
    with path.open("wb") as file:
        np.save(file, GOOD["x_train"])
    assert "not an .npz file" in message(path)


def zip_of(path: Path, entries: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["", ".npy", ".txt"])
def test_zip_of_other_files_is_refused(path, suffix):
    zip_of(path, {key + suffix: b"not an array" for key in GOOD})
    text = message(path)
    assert "not a NumPy array" in text or "lacks x_train" in text


def test_zip_of_nothing_is_refused(path):
    zip_of(path, {})
    assert "it has nothing" in message(path)


def test_entries_with_paths_are_no_datasets_and_are_written_nowhere(path, tmp_path):
    zip_of(path, {f"../{key}.npy": npy(value) for key, value in GOOD.items()})
    assert "lacks x_train" in message(path)
    assert [*tmp_path.parent.glob("*.npy"), *tmp_path.rglob("*.npy")] == []


def test_array_larger_than_memory_is_refused(path):
    """A header can claim anything."""
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    zip_of(path, {f"{key}.npy": buffer.getvalue() for key in GOOD})
    assert "damaged" in message(path)


def declared(path: Path, size: int, entries: int) -> None:
    """A file of four small arrays whose first `entries` say that they unpack to `size` bytes."""
    np.savez_compressed(path, **GOOD)
    content, at = bytearray(path.read_bytes()), 0
    for _ in range(entries):
        at = content.index(b"PK\x01\x02", at + 1)  # an entry of the central directory
        content[at + 24 : at + 28] = size.to_bytes(4, "little")
    path.write_bytes(content)


def test_bomb_is_refused_before_anything_is_unpacked(path, monkeypatch):
    declared(path, 4_290_000_000, 4)  # as much as the plain format can say: 17 GB in all
    assert path.stat().st_size < 3000
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    text = message(path)
    for words in ("unpacks to 17 GB", "more than 16", "set LNL_NPZ_GB"):
        assert words in text


def test_limit_is_raised_and_lowered_by_the_environment(path, monkeypatch):
    np.savez_compressed(path, **arrays(unused=np.zeros(2_000_000, np.uint8)))
    monkeypatch.setenv("LNL_NPZ_GB", "0.001")
    assert "more than 0.001 is refused" in message(path)
    monkeypatch.setenv("LNL_NPZ_GB", "0.003")
    assert len(load_npz(path).x_train) == 6


@pytest.mark.parametrize("limit", ["much", "0", "-1", "nan"])
def test_limit_that_is_none_is_refused(path, monkeypatch, limit):
    np.savez(path, **GOOD)
    monkeypatch.setenv("LNL_NPZ_GB", limit)
    with pytest.raises(InputError, match=f"LNL_NPZ_GB is '{limit}'"):
        load_npz(path)


def test_entry_that_unpacks_to_more_than_it_says_is_refused(path):
    declared(path, 150, 1)
    assert "damaged" in message(path)


@pytest.mark.parametrize("flag", ["encrypted", "unknown compression"])
def test_zip_that_cannot_be_unpacked_is_refused(path, flag):
    np.savez(path, **GOOD)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")  # the first entry of the central directory
    content[entry + 8] |= flag == "encrypted"
    content[entry + 10] = 99 if flag == "unknown compression" else content[entry + 10]
    path.write_bytes(content)
    assert "damaged" in message(path)


# --- pickles --------------------------------------------------------------------------------------


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (self.folder,)


@pytest.mark.parametrize("key", ["x_train", "y_train", "y_train_noisy", "classes", "unused"])
def test_pickled_objects_are_refused_and_never_run(path, tmp_path, key):
    sprung = tmp_path / "sprung"
    np.savez(path, **arrays(**{key: np.array([Trap(sprung)] * 6, dtype=object)}))
    text = message(path)
    assert "pickled" in text
    assert "never loaded" in text
    assert not sprung.exists()


def test_pickle_named_npz_is_refused_and_never_run(path, tmp_path):
    sprung = tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    message(path)
    zip_of(path, {f"{key}.npy": pickle.dumps(Trap(sprung)) for key in GOOD})
    message(path)
    assert not sprung.exists()


def test_trap_does_run_when_it_is_unpickled(path, tmp_path):
    """So that the two tests above mean something."""
    sprung = tmp_path / "sprung"
    np.savez(path, y_train=np.array([Trap(sprung)], dtype=object))
    with np.load(path, allow_pickle=True) as stored:
        stored["y_train"]
    assert sprung.is_dir()
