"""The fully connected net of Patrini et al. 2017."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Real

from torch import Tensor, nn

from lnl_core.errors import InputError
from lnl_core.nets.base import Net, are_positive_integers
from lnl_core.nets.init import initialise, patrini_init


class MLP(Net):
    """Dense layers with ReLU and dropout, then a linear layer.

    Patrini et al. 2017, section 5.1, on MNIST: two hidden layers of 128.

    Parameters
    ----------
    input_shape : any shape; inputs [B, *input_shape] are flattened.
    num_classes : K, at least 2.
    hidden : widths of the hidden layers, positive; () is multinomial logistic regression.
    dropout : probability in [0, 1) of dropping a hidden unit, after each hidden layer's ReLU.
        Patrini et al.: 0.5 in the text, 0.2 in the authors' code. Here 0 unless asked for.
    init : "text", He normal and for the output layer U[-0.05, 0.05]; or "keras", the authors'
        code, Keras 2.0's he_normal for every layer.

    Raises `InputError` for values outside these ranges.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.0,
        init: str = "text",
    ) -> None:
        super().__init__()
        if not are_positive_integers(hidden):
            raise InputError(
                f"hidden = {hidden!r} must be a list of positive integers, one per hidden layer, "
                "such as (128, 128)."
            )
        if not (isinstance(dropout, Real) and 0 <= dropout < 1):
            raise InputError(
                f"dropout = {dropout!r} must be a number in [0, 1): 0 turns it off, 0.2 is what "
                "Patrini et al. ran, 0.5 what they printed."
            )
        body, output = patrini_init(init)

        layers: list[nn.Module] = [nn.Flatten()]
        fan_in = prod(input_shape)
        for width in hidden:
            layers += [nn.Linear(fan_in, width), nn.ReLU(), nn.Dropout(dropout)]
            fan_in = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(fan_in, num_classes)
        initialise(self, body=body, output=output)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)
