"""The archives that torchvision's datasets come in: fetched, and verified before they are unpacked.

torchvision compares an MD5, which does not protect against someone who makes two files of one MD5;
here the SHA-256 has to be the original's as well. It unpacks with Python's `data` filter, which
refuses paths and links that lead outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lnl_core.checksums import verify


def fetch_archive(name: str, addresses: Sequence[str], folder: Path, md5: str) -> None:
    """The archive of dataset `name` into `folder`, unless it is there, from the first address that
    has it. Raises `OSError` or `RuntimeError` if none has, or it is not the original.
    """
    from torchvision.datasets.utils import download_url

    for number, address in enumerate(addresses, 1):
        try:
            download_url(address, folder, md5=md5)
            break
        except (RuntimeError, OSError):
            if number == len(addresses):
                raise
    verify(name, folder / addresses[0].rsplit("/", 1)[1])
