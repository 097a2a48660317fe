"""MatConvNet's preprocessing of CIFAR (`cnn_cifar.m`): contrast normalisation, then ZCA whitening.

The paper that uses it (Jindal et al. 2019) says no more than "default parameters".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lnl_core.errors import InputError

#: Deviations below these, of an image's pixels and of a principal component, count as these.
LEAST_CONTRAST, LEAST_DEVIATION = 40.0, 10.0
BLOCK = 2048


@dataclass(frozen=True)
class Whitening:
    """Images [B, C, H, W], pixels 0 to 255 → float32 of the same shape, pixels in the order of ±50.

    The mean image is subtracted; each image is centred, divided by its deviation and multiplied
    by the mean one, `contrast`; `matrix` [D, D], symmetric, whitens what the D = CHW pixels have
    in common.
    """

    mean: Tensor
    contrast: Tensor
    matrix: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        flat = _normalised(x, self.mean, self.contrast)
        return (flat @ self.matrix).reshape(x.shape)


def fit_whitening(x_train: Tensor) -> Whitening:
    """Fitted on the training images, uint8 [N, C, H, W]. `InputError` for anything else.

    MatConvNet divides the covariance of 50,000 training images by 60,000, and takes the mean
    deviation over the test images as well; here both are of the training images.
    """
    if x_train.dim() != 4 or x_train.dtype != torch.uint8:
        raise InputError(
            f"preprocessing 'whiten' is for images, but a sample has shape "
            f"{list(x_train.shape[1:])}: use 'standardise'."
        )
    blocks = x_train.split(BLOCK)
    mean = sum(block.double().sum(0) for block in blocks).flatten().float() / len(x_train)
    one = torch.ones((), device=x_train.device)
    # Every image of unit contrast but for the flattest: what is left to know is the mean one.
    contrast = sum(_deviations(block, mean).double().sum() for block in blocks) / len(x_train)
    contrast = (contrast * one).float()
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=x_train.device)
    for block in blocks:
        flat = _normalised(block, mean, contrast).double()
        covariance += flat.T @ flat / len(x_train)
    variances, directions = torch.linalg.eigh(covariance)
    variances = variances.clamp_min(0)
    scale = variances.mean().sqrt() / variances.sqrt().clamp_min(LEAST_DEVIATION)
    return Whitening(mean, contrast, ((directions * scale) @ directions.T).float())


def _centred(x: Tensor, mean: Tensor) -> Tensor:
    flat = x.flatten(1).float() - mean
    return flat - flat.mean(1, keepdim=True)


def _deviations(x: Tensor, mean: Tensor) -> Tensor:
    return _centred(x, mean).std(1)


def _normalised(x: Tensor, mean: Tensor, contrast: Tensor) -> Tensor:
    flat = _centred(x, mean)
    return flat * (contrast / flat.std(1, keepdim=True).clamp_min(LEAST_CONTRAST))
