"""The papers' architectures, by name.

    net = build_net("resnet14", (3, 32, 32), 10, init="keras")
    logits = net(images)                # [B, 3, 32, 32] → [B, 10]
    features = net.features(images)     # [B, net.feature_dim]

    net = build_net("word-embedding", (400,), 2, vocabulary=5000)
    logits = net(token_ids)             # int64 [B, 400] → [B, 2]

A new net is one `Net` in one file and one line in `NETS`. Its builder takes `input_shape` and
`num_classes`, and a net that reads token ids `vocabulary`; the keyword-only arguments after these
are its options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

from lnl_core.contract import takes
from lnl_core.errors import InputError, unknown_name
from lnl_core.nets.alexnet import AlexNet
from lnl_core.nets.base import Net, are_positive_integers
from lnl_core.nets.inception import InceptionResNetV2
from lnl_core.nets.lenet import LeNet
from lnl_core.nets.matconvnet import LCCNN, MatConvNetCifar
from lnl_core.nets.mlp import MLP
from lnl_core.nets.resnet import cifar_resnet, preact_resnet18, preact_resnet32
from lnl_core.nets.resnet34 import ResNet34
from lnl_core.nets.resnet50 import ResNet50
from lnl_core.nets.small_cnn import SmallCNN
from lnl_core.nets.text import LSTM, WordEmbedding

__all__ = ["NETS", "Net", "NetSpec", "build_net", "net_names"]


@dataclass(frozen=True)
class NetSpec:
    """A net's one-line summary and its builder, `build(input_shape, num_classes, **options)`.

    `reads` says what a sample is to it: "numbers" (images and vectors), or "tokens" (sequences of
    token ids), whose builder takes `vocabulary` after `num_classes`.
    """

    summary: str
    build: Callable[..., Net]
    reads: str = "numbers"

    @property
    def options(self) -> dict[str, object]:
        """The options that the builder takes, each with its default."""
        parameters = inspect.signature(self.build).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


NETS: dict[str, NetSpec] = {
    "mlp": NetSpec("two dense layers of 128, any input (Patrini et al., MNIST)", MLP),
    "lenet": NetSpec("two convolutions and 500 units, 16x16 and up (NNAQC, MNIST)", LeNet),
    "small-cnn": NetSpec("three convolutions and batch norm (ours, for shapes)", SmallCNN),
    "matconvnet-cifar": NetSpec("four convolutions (NNAQC, CIFAR-10)", MatConvNetCifar),
    "lc-cnn": NetSpec("two convolutions and 512-512, low capacity (NNAQC, CIFAR-100)", LCCNN),
    "resnet14": NetSpec(
        "pre-activation, 16-32-64 (Patrini et al., CIFAR-10)", partial(cifar_resnet, 14)
    ),
    "resnet32": NetSpec(
        "pre-activation, 16-32-64 (Patrini et al., CIFAR-10)", partial(cifar_resnet, 32)
    ),
    "resnet44": NetSpec(
        "pre-activation, 16-32-64 (Patrini et al., CIFAR-100)", partial(cifar_resnet, 44)
    ),
    "preact-resnet32": NetSpec("32-64-128 (Tanaka et al., CIFAR-10)", preact_resnet32),
    "preact-resnet18": NetSpec("64-128-256-512 (DivideMix, LNL-flywheel, CIFAR)", preact_resnet18),
    "alexnet": NetSpec("photographs, first blocks ImageNet's and frozen, or not (NNAQC)", AlexNet),
    "resnet34": NetSpec(
        "photographs (not CIFAR), from ImageNet's weights or not (CAN, VOC)", ResNet34
    ),
    "resnet50": NetSpec("photographs, from ImageNet's weights or not (Clothing1M)", ResNet50),
    "inception-resnet-v2": NetSpec("photographs, needs timm (WebVision)", InceptionResNetV2),
    "word-embedding": NetSpec(
        "50 dimensions a word, all words side by side (Patrini et al., IMDB)",
        WordEmbedding,
        reads="tokens",
    ),
    "lstm": NetSpec("LSTM of 512 and a dense layer (Patrini et al., IMDB)", LSTM, reads="tokens"),
}


def net_names() -> list[str]:
    """The names that `build_net` takes, small nets first, those for text last."""
    return list(NETS)


@takes(name="text")
def build_net(
    name: str,
    input_shape: Sequence[int],
    num_classes: int,
    *,
    vocabulary: int | None = None,
    **options: object,
) -> Net:
    """A freshly initialised net.

    Weights are drawn from PyTorch's global generator: the same `torch.manual_seed` gives the
    same weights.

    Parameters
    ----------
    name : one of `net_names()`.
    input_shape : (C, H, W) for images, (D,) for vectors, (L,) for sequences of token ids; the
        batch dimension is not in it.
    num_classes : K, at least 2.
    vocabulary : how many token ids there are, from 0 up; None for images and vectors.
    options : what `NETS[name].options` lists.

    Raises `InputError` for an unknown net or option, an input that the net does not read or a
    shape that it cannot take, fewer than two classes, and option values outside their range.
    """
    if name not in NETS:
        raise unknown_name("net", name, NETS)
    spec = NETS[name]
    for option in options:
        if not spec.options:
            raise InputError(f"net {name!r} takes no options: leave out {option!r}.")
        if option not in spec.options:
            raise unknown_name(f"{name} option", option, spec.options)
    if not are_positive_integers(input_shape) or len(input_shape) not in (1, 3):
        raise InputError(
            f"input_shape = {input_shape!r} must be positive integers, (C, H, W) for images or "
            "(D,) for vectors, without the batch dimension."
        )
    if not isinstance(num_classes, Integral) or num_classes < 2:
        raise InputError(
            f"num_classes = {num_classes!r} must be an integer of at least 2: one output a class."
        )
    _check_reads(name, vocabulary)
    words = () if vocabulary is None else (vocabulary,)
    return spec.build(tuple(input_shape), num_classes, *words, **options)


def _check_reads(name: str, vocabulary: int | None) -> None:
    """Token ids are names and not numbers: a net reads the one or the other."""
    has = "numbers" if vocabulary is None else "tokens"
    if has != NETS[name].reads:
        what = {"numbers": "images or vectors", "tokens": "sequences of token ids"}
        others = " or ".join(repr(net) for net, spec in NETS.items() if spec.reads == has)
        raise InputError(
            f"net {name!r} reads {what[NETS[name].reads]}, but the data are {what[has]}: use "
            f"{others}."
        )
    if vocabulary is not None and not are_positive_integers((vocabulary,)):
        raise InputError(f"vocabulary = {vocabulary!r} must be a positive integer.")
