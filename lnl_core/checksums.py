"""SHA-256 of what is downloaded: as known beforehand, and of what came out of it, as first seen.

`KNOWN` are the original files' checksums. Those of the archives stand alike in torchvision's
prototype datasets and in TensorFlow Datasets or Keras; those of the weights in many repositories,
and begin as torchvision's names of the files say. What an archive unpacks to has none that is
published: `remember` writes down what was there when it was fetched, in the format of `sha256sum`,
and `check_remembered` refuses anything else from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from lnl_core.errors import InputError

#: Dataset, or `weights` → file → SHA-256.
KNOWN: dict[str, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
    "cifar10": {
        "cifar-10-python.tar.gz": (
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
        ),
    },
    "cifar100": {
        "cifar-100-python.tar.gz": (
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
        ),
    },
    "voc2007": {
        "VOCtrainval_06-Nov-2007.tar": (
            "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508"
        ),
        "VOCtest_06-Nov-2007.tar": (
            "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892"
        ),
    },
    "voc2012": {
        "VOCtrainval_11-May-2012.tar": (
            "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb"
        ),
    },
    "weights": {
        "alexnet-owt-7be5be79.pth": (
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
        ),
        "resnet34-b627a593.pth": (
            "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"
        ),
        "resnet50-0676ba61.pth": (
            "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"
        ),
    },
}


def verify(group: str, file: Path) -> None:
    """`OSError` unless the file is the original of that name."""
    if _sha256(file) != KNOWN[group].get(file.name):
        raise OSError(f"the SHA-256 of {file} is another: delete it")


def remember(root: Path, name: str, files: Iterable[Path]) -> None:
    """Write down the SHA-256 of these files below `root`, in `NAME.sha256` there, if it is new."""
    listed = root / f"{name}.sha256"
    if not listed.exists():
        lines = [f"{_sha256(f)}  {f.relative_to(root).as_posix()}\n" for f in sorted(files)]
        listed.write_text("".join(lines), encoding="utf-8")


def check_remembered(root: Path, name: str) -> None:
    """`InputError` if a file that was written down is not what it was. Nothing where none was."""
    listed = root / f"{name}.sha256"
    if not listed.is_file():
        return
    for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
        expected, _, file = line.partition("  ")
        path = root / file
        if not path.is_file() or _sha256(path) != expected:
            raise InputError(
                f"{path} is not what it was when {name} was fetched (SHA-256, {listed}): fetch it "
                "again, or delete that list if the file was changed on purpose."
            )


def _sha256(file: Path) -> str:
    status = file.stat()
    return _sha256_of(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=100_000)  # a table loads its dataset once a run
def _sha256_of(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
