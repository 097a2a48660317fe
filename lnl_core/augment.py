"""From stored data to what a network sees: normalisation and augmentation, batched, on the device.

Images stay uint8 until a batch is formed; a batch is one gather, one conversion, one scaling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.contract import takes
from lnl_core.errors import InputError, unknown_name
from lnl_core.whitening import Whitening, fit_whitening

#: Means and deviations of ImageNet's channels, pixels in [0, 1]: what its nets were trained with.
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WINDOW = 224
#: Values in a block of samples at most: 132 photographs of 224 x 224, or 6,510 images of CIFAR's.
BLOCK = 20_000_000


def block_size(x: Tensor, most: int, values: int = BLOCK) -> int:
    """How many of these samples [N, ...] to take at a time: `most`, or as many as `values` hold."""
    return max(1, min(most, values // math.prod(x.shape[1:])))


@dataclass(frozen=True)
class Preprocess:
    """x → (x - shift) · scale in float32; token ids pass unchanged.

    `shift` and `scale` broadcast over a batch [B, C, H, W] or [B, D]. With a `window` only the
    central window x window pixels are taken of images that are larger.
    """

    shift: Tensor
    scale: Tensor
    window: int | None = None

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype == torch.int64:
            return x
        if self.window is not None:
            top, left = (max(0, (size - self.window) // 2) for size in x.shape[-2:])
            x = x[..., top : top + self.window, left : left + self.window]
        # A copy also of what is float32 already: the stored samples stay as they are.
        return x.to(torch.float32, copy=True).sub_(self.shift).mul_(self.scale)


@takes(name="text")
def make_preprocess(name: str, x_train: Tensor) -> Preprocess | Whitening:
    """The preprocessing of that name (see `PREPROCESS`), fitted on the training samples."""
    if name not in PREPROCESS:
        raise unknown_name("preprocessing", name, PREPROCESS)
    one = torch.ones((), device=x_train.device)
    if name == "none" or x_train.dtype == torch.int64:
        return Preprocess(0 * one, one)
    if name == "imagenet":
        if x_train.dtype != torch.uint8 or x_train.shape[1] != 3:
            raise InputError(
                "preprocessing 'imagenet' is for colour images, but a sample has shape "
                f"{list(x_train.shape[1:])}: use 'standardise'."
            )
        mean, deviation = (
            255 * torch.tensor(values, device=x_train.device).view(1, 3, 1, 1)
            for values in (IMAGENET_MEAN, IMAGENET_DEVIATION)
        )
        return Preprocess(mean, 1 / deviation, WINDOW)
    if name == "whiten":
        return fit_whitening(x_train)
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
    "whiten": "images of like contrast, ZCA-whitened, in the order of ±50 (MatConvNet's CIFAR)",
    "imagenet": "ImageNet's means and deviations; of larger images the central 224 x 224",
}


def _mean(x: Tensor, dims: list[int], about: Tensor | None = None) -> Tensor:
    """The mean of x, or of (x - about)², over `dims`, in blocks: never all of x in float."""
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for block in x.split(block_size(x, 4096)):
        values = block.double() if about is None else (block.double() - about).square()
        total = total + values.sum(dims, keepdim=True)
    count = x.numel() / total.numel()
    return (total / count).float()


@takes(x="any B C H W", padding="count")
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


@takes(x="any B C H W", share="fraction")
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


@takes(x="any B C H W")
def flip(x: Tensor) -> Tensor:
    """A horizontal flip or none, drawn for each image: uint8 [B, C, H, W] → the same shape."""
    flipped = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(flipped, x.flip(-1), x)


@takes(x="any B C H W", side="whole")
def window_flip(x: Tensor, side: int = WINDOW) -> Tensor:
    """A window of side x side at a random place, and a horizontal flip, drawn for each image.

    uint8 [B, C, H, W] → [B, C, min(H, side), min(W, side)]. On images of 256 x 256 this is the
    usual augmentation of ImageNet (Krizhevsky et al. 2012).
    """
    count, _, height, width = x.shape
    high, wide = min(height, side), min(width, side)
    top = torch.randint(0, height - high + 1, (count, 1), device=x.device)
    left = torch.randint(0, width - wide + 1, (count, 1), device=x.device)
    columns = torch.arange(wide, device=x.device).expand(count, -1)
    flipped = torch.rand(count, 1, device=x.device) < 0.5
    columns = left + torch.where(flipped, wide - 1 - columns, columns)
    return _gather(x, top + torch.arange(high, device=x.device), columns)


def _gather(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """From each image its own `rows` [B, H] and `columns` [B, W], for all channels.

    Rows are copied whole and their columns gathered then, which on a CPU takes a fifth of the
    time that x[image, :, rows, columns] takes.
    """
    count, channels, height, width = x.shape
    first = torch.arange(count * channels, device=x.device).view(count, channels, 1) * height
    chosen = x.reshape(-1, width).index_select(0, (first + rows[:, None]).flatten())
    chosen = chosen.view(count, channels, -1, width)
    return chosen.gather(3, columns[:, None, None].expand(chosen.shape[:3] + columns.shape[1:]))


#: What the view "weak" does to a batch of stored samples; the view "plain" does nothing.
AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "flip": flip,
    "crop-flip": crop_flip,
    "shift-flip": shift_flip,
    "window-flip": window_flip,
}
