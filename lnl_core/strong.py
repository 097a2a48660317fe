"""The view "strong": RandAugment, batched and on the device, each image drawn on its own.

Cubuk et al., *RandAugment: Practical automated data augmentation with a reduced search space*,
NeurIPS 2020: N operations one after the other, each drawn uniformly from 14, at a common magnitude.
N = 2 and M = 9 of 30 are that paper's for ImageNet and torchvision's defaults, and so are the
ranges. Signs are drawn. What comes into view is black, as after `augment.crop_flip`; pixels are
the nearest ones.

Vectors have no such operations. Theirs is the corruption of SCARF (Bahri et al., ICLR 2022): some
features are another sample's. It needs no scale, and a corrupted feature has a value that the
feature does have.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from lnl_core.errors import InputError

OPERATIONS_AN_IMAGE = 2
MAGNITUDE = 9 / 30
#: The share of a vector's features that are another sample's: SCARF has 0.6, for a view that no
#: label is learned from; here methods learn labels from it as well.
SWAPPED = 0.3


def strong(x: Tensor) -> Tensor:
    """The strong view of a batch of stored samples, which stay as they are.

    uint8 images [B, C, H, W] or float vectors [B, D] → the same shape and type. `InputError` for
    anything else, such as token ids.
    """
    if x.dtype == torch.uint8 and x.dim() == 4:
        return rand_augment(x)
    if x.is_floating_point() and x.dim() == 2:
        return swap_features(x)
    raise InputError(
        "the view 'strong' is for images and vectors, but these samples are "
        f"{x.dtype} of shape {list(x.shape[1:])}: use a method that needs no strong augmentation."
    )


def swap_features(x: Tensor, share: float = SWAPPED) -> Tensor:
    """Each feature, with probability `share`, from another sample drawn from the batch: [B, D]."""
    donor = torch.randint(len(x), x.shape, device=x.device)
    swapped = torch.rand(x.shape, device=x.device) < share
    return torch.where(swapped, x.gather(0, donor), x)


def rand_augment(
    x: Tensor, count: int = OPERATIONS_AN_IMAGE, magnitude: float = MAGNITUDE
) -> Tensor:
    """`count` operations an image, at `magnitude` in [0, 1] of their ranges: uint8 [B, C, H, W].

    What is drawn does not depend on how the operations are carried out, nor do the images.
    """
    apply = where_drawn if x.device.type == "cpu" else on_all
    for _ in range(count):
        drawn = torch.randint(len(OPERATIONS), (len(x),), device=x.device)
        sign = 1.0 - 2.0 * torch.randint(2, (len(x),), device=x.device)
        x = apply(x, drawn, sign * magnitude)
    return x


def where_drawn(x: Tensor, drawn: Tensor, signed: Tensor) -> Tensor:
    """Each operation on the images that drew it, [B]: the least work, and so a CPU's way."""
    x = x.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        chosen = (drawn == number).nonzero().squeeze(1)
        x[chosen] = operation(x[chosen], signed[chosen])
    return x


def on_all(x: Tensor, drawn: Tensor, signed: Tensor) -> Tensor:
    """Each operation on all images, kept where it was drawn: nothing waits for the device and no
    shape depends on a draw, so that a CUDA graph may hold it."""
    result = x
    for number, operation in enumerate(OPERATIONS.values()):
        result = torch.where((drawn == number).view(-1, 1, 1, 1), operation(x, signed), result)
    return result


# Every operation below takes uint8 images [B, C, H, W] and a signed magnitude each, [B] in [-1, 1],
# and gives new images. Those without a direction use its size.


def identity(x: Tensor, signed: Tensor) -> Tensor:
    return x


def autocontrast(x: Tensor, signed: Tensor) -> Tensor:
    """Each channel stretched to 0-255; one that is all of one value stays."""
    low, high = x.amin((2, 3), keepdim=True).float(), x.amax((2, 3), keepdim=True).float()
    stretched = (x.float() - low) / ((high - low).clamp_min(1) * (1 / 255))
    return torch.where(high > low, stretched.clamp(0, 255), x.float()).to(torch.uint8)


def equalize(x: Tensor, signed: Tensor) -> Tensor:
    """Each channel's histogram made level, as PIL does it; one that has nothing to level stays."""
    flat = x.flatten(2).long()
    counts = torch.zeros(*flat.shape[:2], 256, dtype=torch.int64, device=x.device)
    counts.scatter_add_(2, flat, torch.ones_like(flat))
    highest = counts.gather(2, flat.amax(2, keepdim=True))
    step = (flat.shape[2] - highest) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp_min(1)).clamp(max=255)
    return torch.where(step > 0, table.gather(2, flat), flat).view(x.shape).to(torch.uint8)


def solarize(x: Tensor, signed: Tensor) -> Tensor:
    """Pixels of (1 - |m|) 255 and above are inverted."""
    return torch.where(x >= _each(255 * (1 - signed.abs())), 255 - x, x)


def posterize(x: Tensor, signed: Tensor) -> Tensor:
    """The last 4 |m| bits, rounded, are dropped."""
    dropped = _each((4 * signed.abs()).round().to(torch.uint8))
    return (x >> dropped) << dropped


def color(x: Tensor, signed: Tensor) -> Tensor:
    """Away from the grey image, or towards it."""
    return _blend(x, _grey(x), signed)


def contrast(x: Tensor, signed: Tensor) -> Tensor:
    """Away from the grey image's mean, or towards it."""
    return _blend(x, _grey(x).mean((1, 2, 3), keepdim=True), signed)


def brightness(x: Tensor, signed: Tensor) -> Tensor:
    """Away from black, or towards it."""
    return _blend(x, torch.zeros((), device=x.device), signed)


def sharpness(x: Tensor, signed: Tensor) -> Tensor:
    """Away from a blurred image, or towards it; the outermost pixels stay."""
    channels, height, width = x.shape[1:]
    kernel = torch.ones(3, 3, device=x.device)
    kernel[1, 1] = 5
    kernel = (kernel / 13).expand(channels, 1, 3, 3)
    blurred = F.conv2d(x.float(), kernel, padding=1, groups=channels).round()
    inside = torch.zeros(height, width, dtype=torch.bool, device=x.device)
    inside[1:-1, 1:-1] = True
    return _blend(x, torch.where(inside, blurred, x.float()), signed)


def rotate(x: Tensor, signed: Tensor) -> Tensor:
    """Up to 30 degrees about the centre, counter-clockwise if positive."""
    angle = math.radians(30) * signed
    cos, sin = angle.cos(), angle.sin()
    half_height, half_width = x.shape[2] / 2, x.shape[3] / 2
    return _affine(
        x,
        (cos, -sin, half_width - cos * half_width + sin * half_height),
        (sin, cos, half_height - sin * half_width - cos * half_height),
    )


def shear_x(x: Tensor, signed: Tensor) -> Tensor:
    """A row is shifted by up to 0.3 of its distance from the top."""
    one, none = torch.ones_like(signed), torch.zeros_like(signed)
    return _affine(x, (one, 0.3 * signed, none), (none, one, none))


def shear_y(x: Tensor, signed: Tensor) -> Tensor:
    """A column is shifted by up to 0.3 of its distance from the left."""
    one, none = torch.ones_like(signed), torch.zeros_like(signed)
    return _affine(x, (one, none, none), (0.3 * signed, one, none))


def translate_x(x: Tensor, signed: Tensor) -> Tensor:
    """By up to 150/331 of the width, in whole pixels."""
    one, none = torch.ones_like(signed), torch.zeros_like(signed)
    return _affine(x, (one, none, -(150 / 331 * x.shape[3] * signed).trunc()), (none, one, none))


def translate_y(x: Tensor, signed: Tensor) -> Tensor:
    """By up to 150/331 of the height, in whole pixels."""
    one, none = torch.ones_like(signed), torch.zeros_like(signed)
    return _affine(x, (one, none, none), (none, one, -(150 / 331 * x.shape[2] * signed).trunc()))


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "identity": identity,
    "autocontrast": autocontrast,
    "equalize": equalize,
    "rotate": rotate,
    "solarize": solarize,
    "color": color,
    "posterize": posterize,
    "contrast": contrast,
    "brightness": brightness,
    "sharpness": sharpness,
    "shear-x": shear_x,
    "shear-y": shear_y,
    "translate-x": translate_x,
    "translate-y": translate_y,
}


def _each(values: Tensor) -> Tensor:
    """One value an image, [B] → [B, 1, 1, 1]."""
    return values.view(-1, 1, 1, 1)


def _blend(x: Tensor, other: Tensor, signed: Tensor) -> Tensor:
    """other + (1 + 0.9 m) (x - other): at m = 0 the image."""
    factor = _each(1 + 0.9 * signed)
    return (other + factor * (x - other)).clamp(0, 255).to(torch.uint8)


def _grey(x: Tensor) -> Tensor:
    """The luma of three channels (ITU-R BT.601), or the mean of any other number, in whole steps:
    float [B, 1, H, W]."""
    if x.shape[1] != 3:
        return x.float().mean(1, keepdim=True).floor()
    red, green, blue = x.float().split(1, 1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).floor()


def _affine(x: Tensor, across: tuple[Tensor, ...], down: tuple[Tensor, ...]) -> Tensor:
    """Each pixel from where its centre (u, v) is mapped to, (a u + b v + c, d u + e v + f), with
    `across` (a, b, c) and `down` (d, e, f) of each image; black from outside."""
    height, width = x.shape[2:]
    u = torch.arange(width, device=x.device) + 0.5
    v = (torch.arange(height, device=x.device) + 0.5)[:, None]
    column, row = (
        (a.view(-1, 1, 1) * u + b.view(-1, 1, 1) * v + c.view(-1, 1, 1)).floor().long()
        for a, b, c in (across, down)
    )
    within = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    place = place.flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, place).view(x.shape) * within[:, None]
