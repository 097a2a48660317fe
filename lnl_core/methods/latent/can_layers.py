"""The layers of CAN around its classifier: encoder and decoder (Yao et al. 2018, Section III-C)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.nets.init import Init, he, lecun

#: What is left of the random weights of an additive layer that begins with the sum.
SMALL = 0.1


class Encoding(NamedTuple):
    """What is inferred of samples and their labels, as `quality_embedding` has it: `posterior` and
    `prior` [B, K] are logits of q(z|x,y) and P(z|x), `mean` and `log_variance` [B, D] are
    q(s|x,y)'s."""

    posterior: Tensor
    prior: Tensor
    mean: Tensor
    log_variance: Tensor


class Encoder(nn.Module):
    """The contrastive and the additive layer (Section III-C): ŷ, y [B, K] → q(s), q(z).

    Contrastive: (μ, log σ²) = f_t(f_s(y) - f_s(ŷ)), f_s a shared layer with ReLU. Additive:
    q(z) = σ(f'_t(f_ns1(y) + f_ns2(ŷ))), two layers that are not shared and, as printed, have no
    ReLU.

    With a `start` a > 0 the additive layer begins near q(z) = σ(a (y + ŷ - 1)), in the first K of
    its hidden units: sure where label and prediction agree, undecided where they do not. Then
    `hidden` must be K at least.
    """

    def __init__(self, num_classes: int, dimensions: int, hidden: int, start: float = 0.0) -> None:
        super().__init__()
        self.shared = _linear(num_classes, hidden, he)
        self.quality = _linear(hidden, 2 * dimensions, lecun)
        self.of_label = _linear(num_classes, hidden, lecun)
        self.of_prediction = _linear(num_classes, hidden, lecun)
        self.latent = _linear(hidden, num_classes, lecun)
        if start:
            self._begin_with_the_sum(start)

    @torch.no_grad()
    def _begin_with_the_sum(self, start: float) -> None:
        for layer in (self.of_label, self.of_prediction, self.latent):
            layer.weight.mul_(SMALL)
            torch.nn.init.zeros_(layer.bias)
            diagonal = layer.weight.diagonal()  # a view
            diagonal.add_(math.sqrt(start))
        self.latent.bias.fill_(-start)

    def forward(self, predicted: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q(z)'s logits [B, K], μ and log σ² [B, D]."""
        contrast = F.relu(self.shared(labels)) - F.relu(self.shared(predicted))
        mean, log_variance = self.quality(contrast).chunk(2, -1)
        posterior = self.latent(self.of_label(labels) + self.of_prediction(predicted))
        return posterior, mean, log_variance


class Decoder(nn.Sequential):
    """P(y|z,s): z and s side by side [B, K+D] → logits [B, K].

    "Two group of (linear, ReLU) layers, following with a Sigmoid layer" would give every label a
    probability of at least one half: a ReLU right before a sigmoid. So a third linear layer stands
    between them.
    """

    def __init__(self, num_classes: int, dimensions: int, hidden: int) -> None:
        super().__init__(
            _linear(num_classes + dimensions, hidden, he),
            nn.ReLU(),
            _linear(hidden, hidden, he),
            nn.ReLU(),
            _linear(hidden, num_classes, lecun),
        )


def _linear(inputs: int, outputs: int, init: Init) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    init(layer)
    return layer
