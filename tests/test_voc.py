"""VOC in torchvision's layout, on a generated folder."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.datasets import utils, voc

from lnl_core import checksums
from lnl_core.data import fetch_dataset, load_dataset
from lnl_core.data.voc import CLASSES, SPLITS, load_voc
from lnl_core.errors import InputError


def write_voc(root: Path, name: str, per_split: int = 20) -> dict[str, list[set[str]]]:
    """Picture i has an object of class i, and every third one a difficult person as well."""
    year, splits, _ = SPLITS[name]
    folder = root / "VOCdevkit" / f"VOC{year}"
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    truth: dict[str, list[set[str]]] = {}
    number = 0
    for split in splits:
        keys = []
        for i in range(per_split):
            key = f"{number:06d}"
            objects = [CLASSES[i % 20]] * 2 + (["person"] if i % 3 == 0 else [])
            Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / "JPEGImages" / f"{key}.jpg")
            body = "".join(
                f"<object><name>{what}</name><difficult>{int(what == 'person')}</difficult>"
                "<part><name>head</name></part></object>"
                for what in objects
            )
            (folder / "Annotations" / f"{key}.xml").write_text(f"<annotation>{body}</annotation>")
            truth.setdefault(split, []).append(set(objects))
            keys.append(key)
            number += 1
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(keys) + "\n")
    return truth


@pytest.mark.parametrize("name", list(SPLITS))
def test_labels_are_the_objects_of_each_picture(name, tmp_path, monkeypatch):
    truth = write_voc(tmp_path, name)
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    data = load_dataset(name)
    for x, y, split in zip(
        (data.x_train, data.x_test), (data.y_train, data.y_test), SPLITS[name][1], strict=True
    ):
        found = [{CLASSES[k] for k in row.nonzero().flatten()} for row in y]
        assert found == truth[split]
        assert x.shape == (20, 3, 256, 256)
    assert data.multi_label and data.classes == CLASSES
    assert not data.source.startswith("torchvision")  # 20 pictures are not what was published
    small = load_voc(name, tmp_path, side=16)
    assert small.x_train[torch.tensor([7])].float().mean((0, 2, 3))[0] == pytest.approx(7, abs=3)


def test_what_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="lnl data fetch voc2007"):
        load_voc("voc2007", tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotation><object><name>unicorn</name></object></annotation>", "'unicorn'"),
        ("<annotation>", "cannot be read"),
    ],
)
def test_a_damaged_annotation_is_named(text, words, tmp_path):
    write_voc(tmp_path, "voc2007")
    file = tmp_path / "VOCdevkit" / "VOC2007" / "Annotations" / "000003.xml"
    file.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_voc("voc2007", tmp_path)
    assert "000003.xml" in str(caught.value)


# --- fetching -------------------------------------------------------------------------------------


def serve(monkeypatch, root: Path, *extra: tarfile.TarInfo) -> None:
    """VOC 2012 as an archive of a generated folder, with that one's checksums."""
    write_voc(root / "made", "voc2012")
    archive = root / "served.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root / "made" / "VOCdevkit", "VOCdevkit")
        for member in extra:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    content = archive.read_bytes()
    known = voc.DATASET_YEAR_DICT["2012"]
    changed = known | {"md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setitem(voc.DATASET_YEAR_DICT, "2012", changed)
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(checksums.KNOWN["voc2012"], known["filename"], digest)
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, **_: url)
    monkeypatch.setattr(utils, "_urlretrieve", lambda url, file, **_: shutil.copy(archive, file))
    (root / "data").mkdir()
    monkeypatch.setenv("LNL_DATA", str(root / "data"))


def test_what_is_fetched_is_verified_and_remembered(tmp_path, monkeypatch):
    serve(monkeypatch, tmp_path)
    assert len(fetch_dataset("voc2012").x_train) == 20
    file = tmp_path / "data" / "VOCdevkit" / "VOC2012" / "Annotations" / "000003.xml"
    file.write_text(file.read_text().replace("boat", "bird"))
    with pytest.raises(
        InputError, match=r"000003\.xml is not what it was when voc2012 was fetched"
    ):
        load_dataset("voc2012")


def test_another_archive_of_the_same_md5_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    serve(monkeypatch, tmp_path)
    for name in checksums.KNOWN["voc2012"]:
        monkeypatch.setitem(checksums.KNOWN["voc2012"], name, "0" * 64)
    with pytest.raises(InputError, match=r"the SHA-256 of .* is another: delete it"):
        fetch_dataset("voc2012")
    assert not (tmp_path / "data" / "VOCdevkit").exists()


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = 1
    for field, value in fields.items():
        setattr(info, field, value)
    return info


HOSTILE = {
    "a path outside": member("../outside.txt"),
    "a link outside": member("VOCdevkit/away", type=tarfile.SYMTYPE, linkname="../../outside.txt"),
    "an absolute link": member("VOCdevkit/away", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a device": member("VOCdevkit/device", type=tarfile.CHRTYPE),
}


@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_writes_nothing_outside_even_if_its_checksums_are_right(
    extra, tmp_path, monkeypatch
):
    serve(monkeypatch, tmp_path, extra)
    with pytest.raises(InputError, match="could not be downloaded"):
        fetch_dataset("voc2012")
    assert not (tmp_path / "outside.txt").exists()
    assert not list((tmp_path / "data").rglob("away"))
