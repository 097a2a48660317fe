"""From stored data to what a network sees: normalisation and augmentation, batched, on the device.

Images stay uint8 until a batch is formed; a batch is one gather, one conversion, one scaling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.errors import unknown_name


@dataclass(frozen=True)
class Preprocess:
    """x → (x - shift) · scale in float32; token ids pass unchanged.

    `shift` and `scale` broadcast over a batch [B, C, H, W] or [B, D].
    """

    shift: Tensor
    scale: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype == torch.int64:
            return x
        # A copy also of what is float32 already: the stored samples stay as they are.
        return x.to(torch.float32, copy=True).sub_(self.shift).mul_(self.scale)


def make_preprocess(name: str, x_train: Tensor) -> Preprocess:
    """The preprocessing of that name (see `PREPROCESS`), fitted on the training samples."""
    if name not in PREPROCESS:
        raise unknown_name("preprocessing", name, PREPROCESS)
    one = torch.ones((), device=x_train.device)
    if name == "none" or x_train.dtype == torch.int64:
        return Preprocess(0 * one, one)
    unit = 1 / 255 if x_train.dtype == torch.uint8 else 1.0
    if name == "unit":
        return Preprocess(0 * one, unit * one)
    if name == "pixel-mean":
        return Preprocess(_mean(x_train, dims=[0]), unit * one)
    if name == "pixel-mean-raw":
        return Preprocess(_mean(x_train, dims=[0]), one)
    # One mean and deviation a channel of an image, or a feature of a vector.
    dims = [0, 2, 3] if x_train.dim() == 4 else [0]
    mean = _mean(x_train, dims)
    variance = _mean(x_train, dims, about=mean)
    # A constant feature carries nothing: it becomes 0 and not 0/0.
    return Preprocess(mean, torch.where(variance > 0, variance.clamp_min(1e-12).rsqrt(), 0.0))


PREPROCESS: dict[str, str] = {
    "none": "as stored",
    "unit": "pixels scaled to [0, 1]; vectors as they are",
    "standardise": "mean 0 and deviation 1 a channel, or a feature of a vector",
    "pixel-mean": "pixels scaled by 1/255 after subtracting the mean image",
    "pixel-mean-raw": "the mean image subtracted, pixels left between -255 and 255",
}


def _mean(x: Tensor, dims: list[int], about: Tensor | None = None) -> Tensor:
    """The mean of x, or of (x - about)², over `dims`, in blocks: never all of x in float."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for block in x.split(4096):
        values = block.double() if about is None else (block.double() - about).square()
        total = total + values.sum(dims, keepdim=True)
    count = x.numel() / total.numel()
    return (total / count).float()


def crop_flip(x: Tensor, padding: int = 4) -> Tensor:
    """A random crop after zero padding, and a horizontal flip, drawn for each image.

    uint8 [B, C, H, W] → the same shape. He et al.'s CIFAR augmentation, which all five papers
    name, as one gather with no branch on the data: no synchronisation with the device.
    """
    count, _, height, width = x.shape
    padded = F.pad(x, [padding] * 4)
    top, left = torch.randint(0, 2 * padding + 1, (2, count, 1), device=x.device)
    rows = top + torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device).expand(count, -1)
    flipped = torch.rand(count, 1, device=x.device) < 0.5
    columns = left + torch.where(flipped, width - 1 - columns, columns)
    return _gather(padded, rows, columns)


def shift_flip(x: Tensor, share: float = 0.1) -> Tensor:
    """A shift of up to `share` of height and width, and a horizontal flip, drawn for each image.

    uint8 [B, C, H, W] → the same shape. Keras 2.0's `ImageDataGenerator` with a width and height
    shift range, which Patrini et al.'s code uses: the shift is uniform in ±share · size, the
    pixel nearest to where it points is taken (order 0), and the edge's pixels fill what comes
    into view. Nearest pixels make every shift one of whole pixels: on 32 pixels -3 to 3, of
    which ±3 come less often, 0.11 against 0.16.
    """
    count, _, height, width = x.shape
    down, right = (
        torch.rand(count, 1, device=x.device).mul_(2).sub_(1).mul_(share * size).round()
        for size in (height, width)
    )
    rows = (torch.arange(height, device=x.device) + down.long()).clamp(0, height - 1)
    columns = torch.arange(width, device=x.device).expand(count, -1)
    flipped = torch.rand(count, 1, device=x.device) < 0.5
    columns = torch.where(flipped, width - 1 - columns, columns)
    columns = (columns + right.long()).clamp(0, width - 1)
    return _gather(x, rows, columns)


def _gather(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """From each image its own `rows` [B, H] and `columns` [B, W]: one gather."""
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    # Indexing around the channel axis puts it last: [B, H, W, C].
    return x[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


#: What the view "weak" does to a batch of stored samples; the view "plain" does nothing.
AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "crop-flip": crop_flip,
    "shift-flip": shift_flip,
}
