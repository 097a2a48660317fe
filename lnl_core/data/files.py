"""Images that stay in their files until a batch needs them, for sets too large to be a tensor.

Clothing1M's million JPEGs would be 200 GB of pixels. `ImageFiles` stands where such a tensor
would stand: in `Dataset.x_train`, in `Split.x`.

The decoder is Pillow, which torchvision and matplotlib bring along: old, kept up, the one most
papers' images went through. torchvision's own is twice as fast (1.3 ms against 3.4 ms for a JPEG of
500 x 600 with the scaling, on one core), but deprecated since torchvision 0.29. Pillow leaves
Python's lock while it decodes and scales, so threads share the work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lnl_core.errors import InputError


class ImageFiles:
    """N image files, as if they were one tensor uint8 [N, 3, S, S].

    `x[i]` and `x[index]` (int64 [B]) read: uint8 [3, S, S] and [B, 3, S, S], on `device`.
    `x[a:b]` and `x.index_select(0, index)` choose files and read nothing. `x.split(size)` reads
    part after part.

    Of an image the central square is scaled to S x S (bilinear, over all pixels that fall into
    one); what is grey or has a palette becomes RGB. Raises `InputError` with the file's
    name where one is missing or damaged, when it is read.

    `names` are paths below `root`; `chosen` (int64 [N]) are those of them that are meant, in
    order, by default all.
    """

    dtype = torch.uint8

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        side: int,
        *,
        chosen: Tensor | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.root, self.names, self.side = Path(root), names, side
        self.device = torch.device(device)
        self._chosen = torch.arange(len(names)) if chosen is None else chosen
        #: Batches that are being read, by the identity of the index that will ask for them.
        self._begun: dict[int, tuple[Tensor, list[Future]]] = {}

    # What a tensor has --------------------------------------------------------------------------

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self), 3, self.side, self.side))

    def __len__(self) -> int:
        return len(self._chosen)

    def dim(self) -> int:
        return 4

    def numel(self) -> int:
        return self.shape.numel()

    def is_floating_point(self) -> bool:
        return False

    def to(self, device: torch.device | str) -> ImageFiles:
        """The same files, their pixels to land on that device."""
        return self._with(self._chosen, device)

    def index_select(self, dim: int, index: Tensor) -> ImageFiles:
        """Those files; nothing is read. `dim` is 0."""
        if dim != 0:
            raise ValueError(f"dim is {dim}, but files are chosen along 0.")
        return self._with(self._chosen[index.cpu()], self.device)

    def __getitem__(self, index: int | slice | Tensor) -> Tensor | ImageFiles:
        if isinstance(index, slice):
            return self._with(self._chosen[index], self.device)
        if isinstance(index, Tensor) and index.dim() == 1 and index.dtype == torch.int64:
            begun = self._begun.pop(id(index), None)
            return self._finish(self._begin(index.tolist()) if begun is None else begun[1])
        if isinstance(index, int) or (isinstance(index, Tensor) and index.dim() == 0):
            return self._finish(self._begin([int(index)]))[0]
        raise TypeError(
            "images in files are indexed by a number, a slice or an int64 tensor [B], not by "
            f"{type(index).__name__}."
        )

    def split(self, size: int) -> Iterator[Tensor]:
        """The pixels, at most `size` images at a time, the next being read meanwhile."""
        for part in read_ahead(self, torch.arange(len(self)).split(size)):
            yield self[part]

    def joined(self, other: ImageFiles) -> ImageFiles:
        """These files and then the other's, all of the same folder, side and device."""
        if (other.root, other.side) != (self.root, self.side):
            raise ValueError("images are joined that lie in one folder and have one side.")
        names = [*self.names, *other.names]
        chosen = torch.cat([self._chosen, other._chosen + len(self.names)])
        return ImageFiles(self.root, names, self.side, chosen=chosen, device=self.device)

    # What files have ----------------------------------------------------------------------------

    def files(self) -> list[str]:
        """The files' names, in order."""
        return [self.names[number] for number in self._chosen.tolist()]

    def listing(self) -> bytes:
        """Every file's name and size, in order: what a fingerprint is made of."""
        lines = []
        for name in self.files():
            path = os.path.join(self.root, name)
            try:
                lines.append(f"{name} {os.stat(path).st_size}\n")
            except OSError:
                raise _missing(path) from None
        return "".join(lines).encode()

    def announce(self, index: Tensor, numbers: list[int]) -> None:
        """Begin to read `x[index]`, which will be asked for soon. `numbers` is `index` as ints."""
        self._begun[id(index)] = (index, self._begin(numbers))

    def forget(self) -> None:
        """Drop what was announced and never asked for."""
        for _, futures in self._begun.values():
            for future in futures:
                future.cancel()
        self._begun.clear()

    def _begin(self, numbers: list[int]) -> list[Future]:
        chosen = self._chosen[numbers].tolist()
        paths = [os.path.join(self.root, self.names[number]) for number in chosen]
        return [_pool().submit(_read, path, self.side) for path in paths]

    def _finish(self, futures: list[Future]) -> Tensor:
        images = [future.result() for future in futures]
        none = torch.empty((0, *self.shape[1:]), dtype=self.dtype)
        return (torch.stack(images) if images else none).to(self.device)

    def _with(self, chosen: Tensor, device: torch.device | str) -> ImageFiles:
        return ImageFiles(self.root, self.names, self.side, chosen=chosen, device=device)


def read_ahead(x: Tensor | ImageFiles, parts: Sequence[Tensor]) -> Iterator[Tensor]:
    """The same parts of an index, one by one. Of files, the next part's are read meanwhile.

    What is read, and in which order it comes, does not depend on it; nothing random is drawn.
    """
    if not isinstance(x, ImageFiles) or not parts:
        yield from parts
        return
    x.forget()
    # One transfer from the device for the whole pass.
    numbers = torch.cat(list(parts)).tolist()
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + len(part))
    slices = [numbers[start:end] for start, end in pairwise(ends)]
    x.announce(parts[0], slices[0])
    for position, part in enumerate(parts, 1):
        if position < len(parts):
            x.announce(parts[position], slices[position])
        yield part


@lru_cache
def _pool() -> ThreadPoolExecutor:
    """One pool a process, a thread for each core that it may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ThreadPoolExecutor(cores, thread_name_prefix="images")


def _read(path: str, side: int) -> Tensor:
    """uint8 [3, side, side]."""
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(
            f"image {path} cannot be read ({error}): it is damaged, or no image; fetch it again."
        ) from None
    width, height = rgb.size
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    square = (left, top, left + short, top + short)
    if short == side:
        rgb = rgb.crop(square)
    else:
        rgb = rgb.resize((side, side), Image.Resampling.BILINEAR, box=square)
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


def _missing(path: str) -> InputError:
    return InputError(f"image {path} is missing: unpack the dataset's images again.")
