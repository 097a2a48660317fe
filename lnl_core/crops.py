"""Several looks at a test image, whose logits are averaged: the six-crop test.

Yao et al. 2018, Section IV-B: "we average the results of six-crop images", without a word on which
six. They scale the short side to 224, so that windows of 224 x 224 differ in one direction alone:
here its two ends and its middle, each as it is and mirrored (of our squares of 256 x 256 those of
the square: see `papers/yao2018.py`). What is averaged are the outputs of
the network, its logits, as in the code that they cite (fb.resnet.torch's ten crops).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from lnl_core.augment import WINDOW
from lnl_core.contract import takes
from lnl_core.errors import InputError


@takes(x="any B C H W", side="whole")
def six_crops(x: Tensor, side: int = WINDOW) -> list[Tensor]:
    """Three windows of side x side along the longer side of images, and their mirror images.

    [B, C, H, W] → six of [B, C, min(H, side), min(W, side)], same type. The windows lie at both
    ends of the longer side (of a square: left and right) and in its middle, and in the middle of
    the other.
    """
    height, width = x.shape[-2:]
    high, wide = min(height, side), min(width, side)
    down, right = height - high, width - wide
    if width >= height:
        places = [(down // 2, left) for left in (0, right // 2, right)]
    else:
        places = [(top, right // 2) for top in (0, down // 2, down)]
    windows = [x[..., top : top + high, left : left + wide] for top, left in places]
    return windows + [window.flip(-1) for window in windows]


#: How many crops of a test image are judged → the images [B, C, H, W] that the net is to see.
TEST_CROPS: dict[int, Callable[[Tensor], Sequence[Tensor]]] = {1: lambda x: (x,), 6: six_crops}


def check_crops(count: int, x: Tensor, name: str) -> None:
    """Raise `InputError` where these samples [N, ...] of the dataset have no crops to take."""
    if count > 1 and x.dim() != 4:
        raise InputError(
            f"{count} test crops are for images, but a sample of {name} has shape "
            f"{list(x.shape[1:])}: use test_crops=1."
        )
