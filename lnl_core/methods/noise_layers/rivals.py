"""What NNAQC is compared to: the true matrix, a layer under dropout, a layer with a costly trace.

Jindal et al. 2019, Section 4.1. How the defaults were chosen stands in `nnaqc.py`.
"""

from __future__ import annotations

from numpy.typing import ArrayLike
from torch import Tensor, nn

from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses import multi_label, noise_layers
from lnl_core.methods.noise_layers.nnaqc import ALPHA, BETA, LAYERS, NNA
from lnl_core.methods.options import BOUNDED_WEIGHT, flag, number
from lnl_core.methods.transition.correction import Forward


class GenieQC(Forward):
    """Forward correction with the true T in L_NNA's place in eq. 6: "Genie-aided (QC)".

    `transition_matrix` as in `Forward`, the other options as in `NNAQC`. The paper's "Genie-aided"
    is `Forward` itself.
    """

    stacks = True

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        transition_matrix: ArrayLike | None = None,
        alpha: float = 0.9,
        beta: float = 0.9,
        through: bool = False,
    ) -> None:
        super().__init__(net, data, transition_matrix)
        self.alpha, self.beta = number("alpha", alpha, *ALPHA), number("beta", beta, *BETA)
        self.through = flag("through", through)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        clustering = noise_layers.quasi_clustering(logits, labels, self.beta, self.through)
        return noise_layers.combined(super().criterion(logits, labels), clustering, self.alpha)


class DropoutLayer(NNA):
    """A noise layer regularised by dropout alone: Jindal et al. 2016, "Dropout" in the tables.

    The 2016 abstract has a second softmax layer with dropout on its weights; the 2019 text counts
    it among the linear models. `layer` is "softmax" or "linear". The tables speak for the first:
    their Dropout and NNA rows are alike everywhere, also where no other method is (CIFAR-10
    without noise 37.29 and 36.79, where the base model has 20.49).
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        start: float | None = None,
        dropout: float = 0.5,
        layer: str = "softmax",
    ) -> None:
        super().__init__(net, data, start, dropout)
        if not isinstance(layer, str) or layer not in LAYERS:
            raise unknown_name("layer", layer, LAYERS)
        self.layer = layer


class Trace(NNA):
    """A linear noise layer with a cost on its trace: Sukhbaatar et al. 2015 ("LearnQ"), eq. 5.

    -log (T̂ᵀ ŷ)_ỹ + `trace_weight` · tr(T̂)/K, T̂ = softmax(weight) by rows, as eq. 4-5 have it where
    Sukhbaatar et al. project T̂ on the stochastic matrices. Without the cost T̂ = I is as good as
    any other, and the network learns the noisy labels. `start` as in `NNA`: half-way by default,
    for in a few epochs a linear layer that starts as W = I (None) learns little (digits, no noise:
    87.6% against 97.2), where in many it memorises less (MNIST: `jindal2019/choices-mnist`).

    Of multi-label data T̂ᵀ ŷ is a noisy OR (`multi_label.noisy_or`): each label that is there is
    written down as one label, by its row of T̂.
    """

    layer = "linear"
    multi_label = True

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        trace_weight: float = 0.3,
        start: float | None = 0.5,
    ) -> None:
        super().__init__(net, data, start)
        self.trace_weight = number("trace_weight", trace_weight, *BOUNDED_WEIGHT)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.per_label:
            return multi_label.noisy_or(logits, labels, noise_layers.layer_matrix(self.weight))
        return super().criterion(logits, labels)

    def loss(self, batch: Batch) -> Tensor:
        diagonal = noise_layers.layer_matrix(self.weight).diagonal()
        return super().loss(batch) + self.trace_weight * diagonal.mean()
