"""One process a run: a lock that its owner's death releases."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: What a filesystem without locks answers. Two grids may then compute the same run, with the same
#: record for a result.
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@contextmanager
def lock(file: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock on that file, which is gone afterwards; False if another process holds it.

    With `wait`, until that process has let go or is dead. Raises `OSError` where the file cannot
    be made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = _open(file, wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            file.unlink(missing_ok=True)
            os.close(handle)


def _open(file: Path, wait: bool) -> int | None:
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                os.close(handle)
                raise
        if _is_at(file, handle):
            return handle
        os.close(handle)  # its owner removed it while we waited: the next one's is another file


def _is_at(file: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(file), os.fstat(handle))
    except FileNotFoundError:
        return False
