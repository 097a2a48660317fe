"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` when the block is left; if it fails, `file` is as
    before. Several processes, and machines, may do so at once: the last one's is kept whole."""
    part = file.with_name(f"{file.name}.{uuid4().hex}.part")
    try:
        yield part
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
