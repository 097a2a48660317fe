"""Pre-activation ResNets for small images: Patrini et al.'s, Tanaka et al.'s, and the -18.

All three follow He et al. 2016, "Identity mappings in deep residual networks": a block is

    x → shortcut(x) + conv(relu(norm(conv(relu(norm(x))))))

with 3x3 convolutions and batch normalisation; the first block of every stage but the first
halves the image; global average pooling and a linear layer end the net. What differs is small
and listed in `Variant`. Facts that a paper's text leaves open are taken from its authors' code.

Batch normalisation has PyTorch's constants (momentum 0.1, eps 1e-5), but for the option `norm` of
Patrini et al.'s: their Keras has 0.01 and 1e-3. Tanaka et al.'s Chainer has 0.1 and 2e-5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from lnl_core.errors import unknown_name
from lnl_core.nets.base import Net, require_image
from lnl_core.nets.init import initialise, lecun, patrini_init

# Eight pixels halve to one in the last stage of `preact-resnet18`; smaller images would only
# feed padding through it.
MINIMUM_SIZE = 8


@dataclass(frozen=True)
class Variant:
    """Where one pre-activation ResNet differs from another."""

    widths: tuple[int, ...]  # channels of each stage
    bias: bool  # whether convolutions have biases
    stem_norm: bool  # norm-ReLU right after the stem's convolution
    first_norm: bool  # the very first block has its own leading norm-ReLU
    project_first: bool  # a 1x1 shortcut in the first stage too, where no width changes
    project: Literal["raw", "activated"]  # what a 1x1 shortcut sees: x, or relu(norm(x))


# Patrini et al. 2017, section 5.1, and their `resnet.py`.
PATRINI = Variant(
    widths=(16, 32, 64),
    bias=True,
    stem_norm=True,
    first_norm=False,
    project_first=False,
    project="raw",
)
# Tanaka et al. 2018, appendix A, table 4, and their `net.py`.
TANAKA = Variant(
    widths=(32, 64, 128),
    bias=False,
    stem_norm=False,
    first_norm=True,
    project_first=True,
    project="activated",
)
# He et al. 2016 as DivideMix (Li et al. 2020, `PreResNet.py`) has it.
EIGHTEEN = Variant(
    widths=(64, 128, 256, 512),
    bias=False,
    stem_norm=True,
    first_norm=True,
    project_first=False,
    project="activated",
)


#: Momentum, in PyTorch's sense, and ε of batch normalisation in two libraries.
NORMS: dict[str, tuple[float, float]] = {"torch": (0.1, 1e-5), "keras": (0.01, 1e-3)}


class PreActBlock(nn.Module):
    """shortcut + two times norm → ReLU → 3x3 convolution. [B, C, H, W] → [B, C', H/s, W/s].

    Without `leading_norm` the first convolution sees `x` itself. `project` is None for an
    identity shortcut, "raw" for a 1x1 convolution of `x`, "activated" for one of relu(norm(x)).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        bias: bool,
        leading_norm: bool,
        project: Literal["raw", "activated"] | None,
    ) -> None:
        super().__init__()
        self.pre = _norm_relu(in_channels) if leading_norm else nn.Identity()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=bias)
        self.project_raw = project == "raw"
        self.shortcut = (
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=bias) if project else None
        )

    def forward(self, x: Tensor) -> Tensor:
        activated = self.pre(x)
        kept = x if self.shortcut is None else self.shortcut(x if self.project_raw else activated)
        return kept + self.conv2(F.relu(self.norm2(self.conv1(activated))))


class PreActResNet(Net):
    """A stem, stages of `PreActBlock`s, global average pooling, a linear layer.

    Images [B, C, H, W] with H and W at least 8 → features [B, widths[-1]], logits [B, K].
    `name` is what error messages call the net, `blocks` how many residual blocks a stage has,
    `final_norm` whether norm and ReLU come before the pooling.
    """

    def __init__(
        self,
        name: str,
        variant: Variant,
        blocks: int,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        final_norm: bool = True,
    ) -> None:
        super().__init__()
        require_image(name, input_shape, MINIMUM_SIZE)
        channels = variant.widths[0]
        stem: list[nn.Module] = [
            nn.Conv2d(input_shape[0], channels, 3, padding=1, bias=variant.bias)
        ]
        if variant.stem_norm:
            stem.append(_norm_relu(channels))
        self.stem = nn.Sequential(*stem)

        stages = []
        for stage, width in enumerate(variant.widths):
            layers = []
            for block in range(blocks):
                opens = block == 0
                projects = opens and (stage > 0 or variant.project_first)
                layers.append(
                    PreActBlock(
                        channels,
                        width,
                        stride=2 if opens and stage > 0 else 1,
                        bias=variant.bias,
                        leading_norm=variant.first_norm or stage > 0 or block > 0,
                        project=variant.project if projects else None,
                    )
                )
                channels = width
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.final = _norm_relu(channels) if final_norm else nn.Identity()
        self.head = nn.Linear(channels, num_classes)

    def features(self, x: Tensor) -> Tensor:
        return self.final(self.stages(self.stem(x))).mean((2, 3))


def cifar_resnet(
    depth: int,
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    init: str = "text",
    norm: str = "torch",
) -> PreActResNet:
    """Patrini et al.'s CIFAR ResNet of `depth` 14, 32 or 44 (section 5.1).

    As in the authors' code: widths 16-32-64; convolutions with biases; norm and ReLU after the
    stem, so the very first block has none of its own; where the width changes, the shortcut is
    a strided 1x1 convolution of the block's input as it is, not pre-activated; norm and ReLU
    before the pooling. The code pads "same", which at stride 2 puts the odd pixel after the
    image; here padding is symmetric.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 8.
    num_classes : K, at least 2.
    init : "text", He normal and for the output layer U[-0.05, 0.05]; or "keras", the authors'
        code, Keras 2.0's he_normal for every layer. Convolutions with no ReLU behind them are
        He normal in both.
    norm : the constants of batch normalisation: "torch", or "keras" as the authors' code has
        them. Keras averages over ten times as many steps for what is used in evaluation.

    Raises `InputError` for vectors, smaller images and an unknown `init` or `norm`.
    """
    body, output = patrini_init(init)
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    blocks = (depth - 2) // 6  # two layers each, three stages; the stem and the head are the 2
    net = PreActResNet(f"resnet{depth}", PATRINI, blocks, input_shape, num_classes)
    initialise(net, body=body, output=output)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum, module.eps = NORMS[norm]
    return net


def preact_resnet32(input_shape: tuple[int, ...], num_classes: int) -> PreActResNet:
    """Tanaka et al.'s PreAct ResNet-32 (appendix A, table 4).

    As in the authors' code: widths 32-64-128; no biases in convolutions; the stem is a
    convolution alone; the first block of every stage, the first stage's as well, has a 1x1
    shortcut of the pre-activated input; norm and ReLU before the pooling. Convolutions are He
    normal, the output layer has Chainer's default (LeCun normal); the text is silent on both.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 8.
    num_classes : K, at least 2.

    Raises `InputError` for vectors and smaller images.
    """
    net = PreActResNet("preact-resnet32", TANAKA, 5, input_shape, num_classes)
    initialise(net, output=lecun)
    return net


def preact_resnet18(
    input_shape: tuple[int, ...], num_classes: int, *, final_norm: bool = False
) -> PreActResNet:
    """PreAct ResNet-18 as the noisy-label literature runs it (DivideMix, and what compares to it).

    Widths 64-128-256-512, two blocks each; no biases in convolutions; 1x1 shortcuts of the
    pre-activated input where the width changes. Two things differ from He et al. 2016 in
    DivideMix's `PreResNet.py`, and published numbers rest on them: the stem has norm and ReLU
    and the first block has them again, and nothing stands between the last sum and the
    pooling. LNL-flywheel (Kim et al. 2023, section 4) cites He et al. and has no public code.

    Initial weights are PyTorch's defaults, as there.

    Parameters
    ----------
    input_shape : (C, H, W), H and W at least 8.
    num_classes : K, at least 2.
    final_norm : norm and ReLU before the pooling, as He et al. 2016 (appendix) prescribe.

    Raises `InputError` for vectors and smaller images.
    """
    return PreActResNet(
        "preact-resnet18", EIGHTEEN, 2, input_shape, num_classes, final_norm=final_norm
    )


def _norm_relu(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
