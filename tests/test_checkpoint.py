"""Checkpoints: never another run's, never a damaged one, and nothing in them is ever executed."""

from __future__ import annotations

import dataclasses
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from training_helpers import (
    assert_same_runs,
    finish,
    noisy_data,
    random_dataset,
    small_config,
    small_run,
    timeless,
)

from lnl_core import InputError, Method, Run, Seeds, TrainConfig, TrainingSet, fit, parse_noise
from lnl_core.methods import get_method, register, registry
from lnl_core.nets import build_net

OTHERWISE = {
    "method": {"method": "forward"},
    "option": {"options": {"beta": 0.5}},
    "noise rate": {"noise": parse_noise("symmetric:0.31")},
    "noise name": {"noise": parse_noise("symmetric-inclusive:0.3")},
    "noise draw": {"noise": parse_noise("symmetric:0.3", "exact")},
    "noise seed": {"seeds": Seeds(noise=1)},
    "split seed": {"seeds": Seeds(split=1)},
    "initial weights": {"seeds": Seeds(init=1)},
    "order seed": {"seeds": Seeds(order=1)},
    "validation share": {"val_fraction": 0.25},
    "limit": {"limit": 50},
    "net": {"net": "resnet14", "net_options": {}},
    "width": {"net_options": {"hidden": (13,), "dropout": 0.25}},
    "dropout": {"net_options": {"hidden": (12,), "dropout": 0.3}},
    "learning rate": {"train": TrainConfig(epochs=3, batch_size=16, lr=0.2)},
    "epochs": {"train": TrainConfig(epochs=4, batch_size=16, lr=0.1)},
    "decay": {"train": TrainConfig(epochs=3, batch_size=16, lr=0.1, decay="kernels")},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Holds the finished checkpoint of the run of `config`."""
    folder = tmp_path_factory.mktemp("checkpoints")
    finish(Run(config(), device="cpu", dataset=random_dataset(), checkpoints=folder))
    return folder


def config():
    return small_config("bootstrap-soft")


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_checkpoint_of_another_run_is_refused(folder, what):
    other = dataclasses.replace(config(), **OTHERWISE[what])
    with pytest.raises(InputError, match=r"belongs to a run with other settings.*another path"):
        next(iter(Run(other, device="cpu", dataset=random_dataset(), checkpoints=folder)))


def test_a_checkpoint_of_other_data_is_refused(folder):
    other = random_dataset()
    other.x_test[0, 0, 0, 0] += 1
    with pytest.raises(InputError, match="belongs to a run with other settings"):
        next(iter(Run(config(), device="cpu", dataset=other, checkpoints=folder)))


def test_a_checkpoint_of_an_older_version_of_the_method_is_refused(folder, monkeypatch):
    changed = dataclasses.replace(get_method("bootstrap-soft"), version=99)
    monkeypatch.setitem(registry._REGISTRY, "bootstrap-soft", changed)
    with pytest.raises(InputError, match="belongs to a run with other settings"):
        next(iter(Run(config(), device="cpu", dataset=random_dataset(), checkpoints=folder)))


def test_its_own_checkpoint_is_taken_and_a_finished_run_trains_no_more(folder, monkeypatch):
    def refuse(*_):
        raise AssertionError("trained again")

    whole = finish(Run(config(), device="cpu", dataset=random_dataset()))
    monkeypatch.setattr(Method, "step", refuse)
    again = Run(config(), device="cpu", dataset=random_dataset(), checkpoints=folder)
    assert_same_runs(whole, finish(again))
    assert again.seconds >= sum(record.seconds for record in again.history) > 0


def test_where_the_settings_came_from_and_the_data_lie_tells_no_run_from_another(folder):
    """As with the key of its record: two ways of asking for one run find one checkpoint."""
    asked = {"profile": "laptop", "paper": "patrini2017", "protocol": "text", "data": "elsewhere"}
    same = dataclasses.replace(config(), **asked)
    run = Run(same, device="cpu", dataset=random_dataset(), checkpoints=folder)
    assert len(finish(run).history) == 3


def test_fit_alone_tells_data_and_settings_apart(tmp_path):
    train = TrainConfig(epochs=1)

    def run(data, train=train, **given):
        torch.manual_seed(0)
        net = build_net("mlp", data.input_shape, data.num_classes)
        method = Method(net, TrainingSet(data, train))
        return list(fit(method, data, train, checkpoint=tmp_path / "c.pt", **given))

    data = noisy_data()
    records = run(data)
    assert timeless(run(data)) == timeless(records)
    labels = data.train.labels.clone()
    labels[0] = (labels[0] + 1) % 4
    relabelled = dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels))
    for other in (relabelled, noisy_data(val_fraction=0.3), noisy_data("symmetric:0.2")):
        with pytest.raises(InputError, match="other settings"):
            run(other)
    for given in ({"seed": 1}, {"stage": "other"}, {"keep_best": True}, {"train": TrainConfig()}):
        with pytest.raises(InputError, match="other settings"):
            run(data, **given)


def test_stages_have_a_checkpoint_each(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    def stages(run):
        for stage in ("first", "second"):
            yield from run.fit(run.build(get_method("cross-entropy").method), stage=stage)

    register("stages", stages, "two")
    finish(small_run("stages", checkpoints=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.pt", "second.pt"]


# --- damage ----------------------------------------------------------------------------------


def resume_from(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train.pt").write_bytes(content)
    next(iter(Run(config(), device="cpu", dataset=random_dataset(), checkpoints=tmp_path)))


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(folder, tmp_path, kept):
    whole = (folder / "train.pt").read_bytes()
    count = int(kept * len(whole)) if isinstance(kept, float) else kept
    with pytest.raises(InputError, match=r"damaged.*delete it to start over"):
        resume_from(whole[:count], tmp_path)


def test_a_flipped_bit_in_any_stored_number_is_found(folder, tmp_path):
    whole = (folder / "train.pt").read_bytes()
    with zipfile.ZipFile(folder / "train.pt") as archive:
        members = [member for member in archive.infolist() if "/data" in member.filename]
    assert len(members) > 5
    for member in members:
        header = whole[member.header_offset :]
        start = member.header_offset + 30 + sum(
            int.from_bytes(header[at : at + 2], "little") for at in (26, 28)
        )  # fmt: skip
        content = bytearray(whole)
        content[start + member.file_size // 2] ^= 4
        with pytest.raises(InputError, match="damaged"):
            resume_from(bytes(content), tmp_path)


def test_junk_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    for size in (1, 10, 100, 1000):
        for _ in range(5):
            with pytest.raises(InputError, match="damaged"):
                resume_from(rng.bytes(size), tmp_path)


@pytest.mark.parametrize("saved", [[], {}, 3, None, {"identity": 3}], ids=repr)
def test_a_torch_file_of_something_else_is_refused(tmp_path, saved):
    torch.save(saved, tmp_path / "train.pt")
    with pytest.raises(InputError, match=r"damaged or not one of ours|other settings"):
        resume_from((tmp_path / "train.pt").read_bytes(), tmp_path)


class Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    marker = tmp_path / "was_run"
    torch.save({"identity": Hostile(marker)}, tmp_path / "hostile.pt")
    for content in ((tmp_path / "hostile.pt").read_bytes(), pickle.dumps(Hostile(marker))):
        with pytest.raises(InputError, match="damaged or not one of ours"):
            resume_from(content, tmp_path)
    assert not marker.exists()


def test_a_compressed_entry_is_refused_unread(folder, tmp_path, monkeypatch):
    """torch stores as it is: what is compressed may unpack to anything."""
    bomb = tmp_path / "bomb.pt"
    with (
        zipfile.ZipFile(folder / "train.pt") as archive,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as other,
    ):
        for entry in archive.namelist():
            other.writestr(entry, archive.read(entry))
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda _: pytest.fail("unpacked"))
    with pytest.raises(InputError, match="damaged or not one of ours"):
        resume_from(bomb.read_bytes(), tmp_path)


def test_entries_that_share_their_bytes_are_refused_unread(folder, tmp_path, monkeypatch):
    content = bytearray((folder / "train.pt").read_bytes())
    at = content.index(b"PK\x01\x02")  # the first entry of the central directory
    content[at + 20 : at + 28] = (10**9).to_bytes(4, "little") * 2
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda _: pytest.fail("read"))
    with pytest.raises(InputError, match="damaged or not one of ours"):
        resume_from(bytes(content), tmp_path)


@pytest.mark.parametrize(
    ("part", "forged"),
    [
        *((part, value) for part in ("method", "optimizer", "stream") for value in (None, 3, [4])),
        *((part, value) for part in ("method", "optimizer") for value in ([], {}, {"epoch": 3})),
        ("stream", {"cpu": 3}),
        ("stream", {"cpu": torch.zeros(3, dtype=torch.uint8)}),
        *(("history", value) for value in (None, 3, "text", [3])),
    ],
    ids=str,
)
def test_a_forged_part_under_the_right_identity_is_refused(folder, tmp_path, part, forged):
    saved = torch.load(folder / "train.pt", weights_only=True) | {part: forged}
    torch.save(saved, tmp_path / "forged.pt")
    with pytest.raises(InputError, match="damaged or not one of ours"):
        resume_from((tmp_path / "forged.pt").read_bytes(), tmp_path)


# --- writing ---------------------------------------------------------------------------------


def test_a_kill_while_writing_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    run = iter(small_run(checkpoints=tmp_path))
    next(run), next(run)

    def killed(state, path):
        Path(path).write_bytes(b"half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            next(run)
    resumed = small_run(checkpoints=tmp_path)
    assert_same_runs(finish(small_run()), finish(resumed))


def test_no_half_written_file_is_left_behind(tmp_path):
    finish(small_run(checkpoints=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["train.pt"]


def test_a_folder_that_cannot_be_made_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    run = small_run(checkpoints=tmp_path / "file", steps=True)
    with pytest.raises(InputError, match=r"cannot be written.*give a folder"):
        next(iter(run))


def test_a_full_disk_is_said_in_a_sentence(tmp_path, monkeypatch):
    def full(state, path):
        raise RuntimeError("PytorchStreamWriter failed writing file data/4: file write failed")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputError, match=r"cannot be written .*room to spare"):
        finish(small_run(checkpoints=tmp_path))


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finish(small_run())
    assert list(tmp_path.iterdir()) == []
