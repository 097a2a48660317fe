"""Loss correction: Patrini et al., *Making deep neural networks robust to label noise*, CVPR 2017.

The noise is described by T[clean, noisy] = p(ỹ|y). Forward correction pushes the network's
predictions through T before they are compared with the noisy label; backward correction pulls the
losses back through T⁻¹.
"""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lnl_core import losses, transition
from lnl_core.data import TrainingSet
from lnl_core.errors import InputError, unknown_name
from lnl_core.methods.base import Method
from lnl_core.methods.options import number

CLIP = "in [0, 0.5), such as 1e-7, or 0 for none", lambda clip: 0 <= clip < 0.5


class Forward(Method):
    """Forward correction, ℓ→ = ℓ(Tᵀ p̂(y|x))_ỹ, with cross-entropy -log (Tᵀ p̂)_ỹ (eq. 3-5,
    Theorem 2).

    `transition_matrix` [K, K] defaults to the one that made the noise; `base` is the loss that is
    corrected, a name in `losses.BASE_LOSSES`. Raises `InputError` if the matrix is no transition
    matrix, or if none is known.
    """

    stacks = True

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        transition_matrix: ArrayLike | None = None,
        base: str = "cross-entropy",
    ) -> None:
        super().__init__(net, data)
        self.base = base_loss(base)
        self.register_buffer("transition_matrix", known_matrix(data, transition_matrix))

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.forward_corrected(logits, labels, self.transition_matrix, self.base)


class Backward(Method):
    """Backward correction, ℓ← = (T⁻¹ ℓ)_ỹ (Theorem 1).

    `transition_matrix` and `base` as in `Forward`; raises `InputError` also if the matrix cannot
    be inverted.
    `clip` in [0, 0.5) holds predictions in [clip, 1-clip] before the logarithm, which bounds a
    loss that is otherwise unbounded below; the authors' code has 1e-7, the text nothing.
    """

    stacks = True

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        transition_matrix: ArrayLike | None = None,
        clip: float = 0.0,
        base: str = "cross-entropy",
    ) -> None:
        super().__init__(net, data)
        self.base = base_loss(base)
        self.clip = number("clip", clip, *CLIP)
        matrix = known_matrix(data, transition_matrix)
        inverse = torch.tensor(transition.inverse(matrix.cpu()), dtype=torch.float32)
        self.register_buffer("inverse_matrix", inverse.to(data.device))

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return losses.backward_corrected(logits, labels, self.inverse_matrix, self.clip, self.base)


def base_loss(name: str) -> losses.BaseLoss:
    """The base loss of that name, or an `InputError` with the nearest."""
    if not isinstance(name, str) or name not in losses.BASE_LOSSES:
        raise unknown_name("base loss", name, losses.BASE_LOSSES)
    return losses.BASE_LOSSES[name]


def known_matrix(data: TrainingSet, given: ArrayLike | None) -> Tensor:
    """The given matrix, or else the one that made the noise: float32 [K, K], checked."""
    matrix = data.transition_matrix if given is None else given
    if matrix is None:
        raise InputError("the transition matrix of these data is not known: pass one.")
    if isinstance(matrix, Tensor):
        matrix = matrix.cpu()
    checked = transition.check_matrix(matrix, data.num_classes)
    return torch.tensor(checked, dtype=torch.float32, device=data.device)
