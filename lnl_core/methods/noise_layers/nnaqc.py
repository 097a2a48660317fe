"""Noise layers learned with the network: NNAQC and its parts (Jindal et al. 2019).

A layer on top of the classifier turns its prediction of the clean label into one of the noisy
label; network and layer are trained together on the noisy labels, and the classifier alone
predicts. `lnl_core/losses/noise_layers.py` has the formulas.

The paper does not say how W starts, at what rate dropout acts, what the trace is weighted with, or
whether L_QC's target passes a gradient. Options say it here and in `rivals.py`. Where W starts is
worth most: `lnl study jindal2019/choices-mnist`.
Measured for the defaults: mean accuracy in percent on digits, two or three seeds, generic settings,
`uniform-simplex` at 0, 0.3, 0.5 and 0.7:

    cross-entropy                        97.2  77.0  59.1  36.9
    forward with the true T              97.2  92.3  86.1  79.3
    nnaqc, start 0.45                    96.7  92.6  80.7  48.2
       W = I (start 0.15)                96.5  92.7  81.2  46.4
       W = I, not learned                96.6  95.0  86.4  56.4   the layer is not what helps:
       learned, the same two seeds       97.8  92.2  83.6  49.9
       start 0.89                        97.5  87.7  68.1  43.5
       W drawn from N(0, 0.01²)          53.1  40.0  37.7  27.1   the classes are permuted
       dropout 0.1 / 0.5, at 0.7                48.6 / 54.7
    qc, through                           9.7   9.7   9.7   9.7   one class for all
    qc, not through                      95.7  94.1  86.6  57.6
    trace, weight 0 / 0.3 / 1, at 0.5    68.6 / 80.3 / 86.0       1 overshoots T's diagonal
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lnl_core.data import TrainingSet
from lnl_core.losses import noise_layers
from lnl_core.methods.base import Method
from lnl_core.methods.options import flag, number

ALPHA = "a weight of the noise-aware loss in [0, 1]", lambda alpha: 0 <= alpha <= 1
BETA = "a weight of the prediction in [0, 1]", lambda beta: 0 <= beta <= 1
DROPOUT = "a share of the layer's weights in [0, 1)", lambda rate: 0 <= rate < 1
START = "a share of the identity in (0, 1)", lambda start: 1e-6 <= start <= 1 - 1e-6
LAYERS = {
    "softmax": noise_layers.nonlinear_noise_aware,
    "linear": noise_layers.linear_noise_aware,
}


class NNA(Method):
    """L_NNA alone, -log softmax(W ŷ)_ỹ: eq. 6 with α = 1, the "NNA" of Table 5.

    W starts as the identity, or, with `start` in (0, 1), as the multiple of it whose matrix is
    `start` · I and the rest uniform, `noise_layers.start_weight`. The more diffuse, the more noise
    it stands and the longer it takes to begin to learn. `dropout` in [0, 1): the share of W's
    entries that are set to 0 in each update, drawn anew (the rest is scaled up). Not `learned`, W
    stays what it is: with W = I that is mean absolute error and nearly a constant (notebook 02).
    """

    layer = "softmax"

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        start: float | None = None,
        dropout: float = 0.0,
        learned: bool = True,
    ) -> None:
        super().__init__(net, data)
        self.dropout = number("dropout", dropout, *DROPOUT)
        weight = torch.eye(data.num_classes)
        if start is not None:
            weight = noise_layers.start_weight(len(weight), number("start", start, *START))
        self.weight: Tensor
        if flag("learned", learned):
            self.weight = nn.Parameter(weight)
        else:
            self.register_buffer("weight", weight)
        self.register_buffer("true_matrix", data.transition_matrix, persistent=False)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        weight = F.dropout(self.weight, self.dropout, self.training)
        return LAYERS[self.layer](logits, labels, weight)

    @torch.no_grad()
    def noise_matrix(self) -> Tensor:
        """What the layer takes for T[clean, noisy], [K, K]: eq. 4."""
        return noise_layers.layer_matrix(self.weight)

    def estimates(self) -> dict[str, Tensor]:
        return {"transition_matrix": self.noise_matrix()}

    def diagnostics(self) -> dict[str, float]:
        """The mean diagonal of the layer's matrix, and where T is known the mean of its rows'
        L1 distances from T, in [0, 2]. T is used for nothing else."""
        matrix = self.noise_matrix()
        found = {"noise_matrix_diagonal": matrix.diagonal().mean().item()}
        if self.true_matrix is not None:
            distance = (matrix - self.true_matrix).abs().sum(-1).mean()
            found["noise_matrix_error"] = distance.item()
        return found


class NNAQC(NNA):
    """α L_NNA + (1-α) L_QC (eq. 6): a nonlinear noise layer, and quasi-clustering beside it.

    `alpha` = `beta` = 0.9 as in Section 4.1; the layer's options as in `NNA`. `through`: whether
    the gradient flows through the prediction in the target of L_QC, as it does when eq. 6 is
    minimised as printed. By default it does not: L_QC alone would then give one class to all
    samples, and Table 5's row of it is a classifier. What is left is cross-entropy, with a weight
    of (1-α)(1-β) = 0.01, which ties the classifier's class k to the label k.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        alpha: float = 0.9,
        beta: float = 0.9,
        start: float | None = None,
        dropout: float = 0.0,
        through: bool = False,
        learned: bool = True,
    ) -> None:
        super().__init__(net, data, start, dropout, learned)
        self.alpha, self.beta = number("alpha", alpha, *ALPHA), number("beta", beta, *BETA)
        self.through = flag("through", through)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        clustering = noise_layers.quasi_clustering(logits, labels, self.beta, self.through)
        return noise_layers.combined(super().criterion(logits, labels), clustering, self.alpha)


class NNAQCDropout(NNAQC):
    """NNAQC with dropout on the layer's weights: "Regu. NNAQC". Options as in `NNAQC`."""

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        alpha: float = 0.9,
        beta: float = 0.9,
        start: float | None = None,
        dropout: float = 0.5,
        through: bool = False,
    ) -> None:
        super().__init__(net, data, alpha, beta, start, dropout, through)


class QC(Method):
    """L_QC alone: eq. 6 with α = 0, the "QC" of Table 5. There is no layer. Options as in `NNAQC`.

    This is soft bootstrapping with β and 1-β exchanged; not `through`, cross-entropy at a rate of
    1-β.
    """

    stacks = True

    def __init__(
        self, net: nn.Module, data: TrainingSet, beta: float = 0.9, through: bool = False
    ) -> None:
        super().__init__(net, data)
        self.beta, self.through = number("beta", beta, *BETA), flag("through", through)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return noise_layers.quasi_clustering(logits, labels, self.beta, self.through)
