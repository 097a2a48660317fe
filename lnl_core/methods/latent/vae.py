"""The generative side of InstanceGM (Garg et al. 2023): how sample and noisy label came about."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Generated(NamedTuple):
    """`image`: logits of the sample's mean [B, D]; `noisy`: of p(ỹ|x, y) [B, K]; q(z|x, y)'s `mean`
    and `log_variance` [B, Z]."""

    image: Tensor
    noisy: Tensor
    mean: Tensor
    log_variance: Tensor


class LabelledVAE(nn.Module):
    """q(z|x, y), p(x|z, y) and p(ỹ|x, y), each of one hidden layer, for samples of any shape.

    The authors' are convolutional nets for images of 32 x 32; ours take a sample as a vector of D
    numbers in [0, 1] and fit whatever shape the data have.
    """

    def __init__(self, shape: torch.Size, num_classes: int, dimensions: int, hidden: int) -> None:
        super().__init__()
        inputs = math.prod(shape)
        self.encoder = _two_layers(inputs + num_classes, hidden, 2 * dimensions)
        self.image = _two_layers(dimensions + num_classes, hidden, inputs)
        self.noisy = _two_layers(inputs + num_classes, hidden, num_classes)

    def forward(self, x: Tensor, y: Tensor, uniform: bool, reconstructed: bool) -> Generated:
        """Of samples x [B, D] and (drawn) clean labels y [B, K]; the flags as in `InstanceGM`."""
        mean, log_variance = self.encoder(torch.cat([x, y], -1)).chunk(2, -1)
        draw = torch.rand_like(mean) if uniform else torch.randn_like(mean)
        z = mean + (log_variance / 2).exp() * draw
        image = self.image(torch.cat([z, y], -1))
        seen = image.sigmoid() if reconstructed else x
        return Generated(image, self.noisy(torch.cat([seen, y], -1)), mean, log_variance)


def _two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
