"""What every net has in common, and the checks that every builder makes of its input."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn

from lnl_core.accel import autocast
from lnl_core.errors import InputError


class Net(nn.Module):
    """A feature extractor followed by one linear layer.

    A subclass defines `features` and assigns `head`. Methods that need more than the logits
    (selection by features, contrastive terms, a second head) use the two halves, which are
    float32 always; at that precision `net(x)` equals `net.head(net.features(x))`.

    `forward` has no control flow that depends on the data and changes nothing in place but
    the running statistics of batch normalisation, so a net can be stacked with
    `torch.func.stack_module_state`, captured in a CUDA graph, run under autocast and in
    `channels_last`.
    """

    head: nn.Linear
    #: What `forward` computes in: "float32", or "bfloat16" where the device has it.
    precision = "float32"

    @property
    def feature_dim(self) -> int:
        """F, the width of what `features` returns."""
        return self.head.in_features

    def features(self, x: Tensor) -> Tensor:
        """Inputs [B, *input_shape], float (token ids: int64) → features [B, F]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Inputs [B, *input_shape], float (token ids: int64) → logits [B, K], float32."""
        if self.precision == "float32":
            return self.head(self.features(x))
        with autocast(x.device, self.precision):
            return self.head(self.features(x)).float()


def are_positive_integers(values: object) -> bool:
    """Whether `values` is a sequence of integers of at least 1 (an empty one is)."""
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and all(isinstance(v, Integral) and v >= 1 for v in values)
    )


def require_image(name: str, input_shape: tuple[int, ...], minimum: int) -> None:
    """Raise `InputError` unless `input_shape` is (C, H, W) with H and W of at least `minimum`."""
    if len(input_shape) != 3 or min(input_shape[1:]) < minimum:
        raise InputError(
            f"net {name!r} needs images (C, H, W) of at least {minimum}x{minimum} pixels, and "
            f"input_shape is {input_shape}: use 'mlp', which takes vectors and images of any size."
        )
