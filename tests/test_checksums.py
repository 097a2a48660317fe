"""Known checksums, and those of what was there the first time."""

from __future__ import annotations

from pathlib import Path

import pytest
from torchvision import datasets, models
from torchvision.datasets.voc import DATASET_YEAR_DICT

from lnl_core.checksums import KNOWN, check_remembered, remember, verify
from lnl_core.errors import InputError
from lnl_core.nets import alexnet, resnet34, resnet50


def test_every_archive_that_torchvision_fetches_has_one():
    """A torchvision with other archives would otherwise be noticed by the first who downloads."""
    for name, cls in (("mnist", datasets.MNIST), ("fashion-mnist", datasets.FashionMNIST)):
        assert set(KNOWN[name]) == {file for file, _ in cls.resources}
    for name, cls in (("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)):
        assert set(KNOWN[name]) == {cls.filename}
    for name, years in (("voc2007", ("2007", "2007-test")), ("voc2012", ("2012",))):
        assert set(KNOWN[name]) == {DATASET_YEAR_DICT[year]["filename"] for year in years}


def test_weights_begin_as_their_names_say_and_every_net_has_them():
    for file, digest in KNOWN["weights"].items():
        assert digest.startswith(Path(file).stem.rsplit("-", 1)[1])
    wanted = {alexnet.WEIGHTS, resnet34.WEIGHTS, resnet50.WEIGHTS}
    wanted.add(models.ResNet50_Weights.IMAGENET1K_V1)  # of the noise 'pseudo-label'
    assert set(KNOWN["weights"]) == {Path(weights.url).name for weights in wanted}


def test_all_are_sha256():
    for files in KNOWN.values():
        for digest in files.values():
            assert len(digest) == 64 and set(digest) <= set("0123456789abcdef")


def test_a_file_of_that_name_with_other_content_is_no_original(tmp_path):
    file = tmp_path / "cifar-10-python.tar.gz"
    file.write_bytes(b"else")
    with pytest.raises(OSError, match=r"the SHA-256 of .* is another"):
        verify("cifar10", file)


def test_what_is_remembered_is_compared_file_by_file(tmp_path):
    files = [tmp_path / name for name in ("a", "b")]
    for file in files:
        file.write_text(file.name)
    check_remembered(tmp_path, "some")  # nothing is known yet
    remember(tmp_path, "some", files)
    check_remembered(tmp_path, "some")
    files[1].write_text("B")
    with pytest.raises(InputError, match="b is not what it was when some was fetched"):
        check_remembered(tmp_path, "some")
    remember(tmp_path, "some", files)  # the first time counts
    with pytest.raises(InputError, match="b is not what it was"):
        check_remembered(tmp_path, "some")
    files[1].write_text("b")
    files[0].unlink()
    with pytest.raises(InputError, match="a is not what it was"):
        check_remembered(tmp_path, "some")


def test_sha256sum_reads_the_list(tmp_path):
    import hashlib

    (tmp_path / "a").write_text("x")
    remember(tmp_path, "some", [tmp_path / "a"])
    digest = hashlib.sha256(b"x").hexdigest()
    assert (tmp_path / "some.sha256").read_text() == f"{digest}  a\n"
