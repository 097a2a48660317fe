"""Initial weights, as the papers have them. Every bias starts at zero.

Batch normalisation keeps PyTorch's start, weight 1 and bias 0, which is every paper's.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from lnl_core.errors import unknown_name

Layer = nn.Linear | nn.Conv2d


def he(layer: Layer) -> None:
    """Normal with standard deviation sqrt(2 / fan_in), for layers before a ReLU.

    He et al. 2015, eq. 10; Patrini et al. 2017, section 5.1. A plain normal, as He et al.
    write it: Keras' `he_normal`, which Patrini et al.'s code calls, cuts it at two standard
    deviations, and before Keras 2.2 did so without restoring the spread (0.88 of it is left).
    """
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    _zero_bias(layer)


def lecun(layer: Layer) -> None:
    """Normal with standard deviation sqrt(1 / fan_in): keeps the variance without a ReLU.

    Chainer's default, and so what Tanaka et al.'s code gives to its output layer.
    """
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    _zero_bias(layer)


def uniform(layer: Layer) -> None:
    """Uniform in [-0.05, 0.05]: Patrini et al. 2017, section 5.1, "otherwise"."""
    nn.init.uniform_(layer.weight, -0.05, 0.05)
    _zero_bias(layer)


# The output layer of Patrini et al.'s nets: `uniform` in the text, `he` in the authors' code.
OUTPUT_INITS: dict[str, Callable[[Layer], None]] = {"uniform": uniform, "he": he}


def output_init_named(name: str) -> Callable[[Layer], None]:
    """The initialisation that the option `output_init` names; `InputError` if there is none."""
    if name not in OUTPUT_INITS:
        raise unknown_name("output_init", name, OUTPUT_INITS)
    return OUTPUT_INITS[name]


def initialise(net: nn.Module, *, output: Callable[[Layer], None]) -> None:
    """`he` for every convolution and linear layer of `net`, then `output` for `net.head`.

    Draws from PyTorch's global generator, in the order in which the layers were made: the
    same seed gives the same weights.
    """
    for layer in net.modules():
        if isinstance(layer, Layer):
            he(layer)
    output(net.head)


def _zero_bias(layer: Layer) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
