"""CNN-CRF: Vahdat, *Toward Robustness against Label Noise in Training Deep Discriminative Neural
Networks*, NIPS 2017. The noisy label y and the clean label ŷ in one undirected model, given the
image.

Written from the paper's public description, without its code (none is public) and without its
full text at hand. The description gives: the energy, bilinear in y and ŷ with biases that the
network computes; an auxiliary distribution p_aux(ŷ|y) that keeps the latent ŷ in its place during
training, its weight α annealed; and training as in EM, with inference in closed form.

What is ours, because the paper works with many labels an image or we could not read it: everything
is summed exactly over the K² pairs (no sampling, and no binary hidden units, which for one label a
sample add only a bias of y); p_aux comes from the known T and a uniform prior, as Tanaka et al.
2018 say they gave it, and not from a small clean set; W starts at zero; α falls linearly from 40
to 5 over the first third of the epochs.
"""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError
from lnl_core.methods.base import Method
from lnl_core.methods.options import WEIGHT, flag, number
from lnl_core.methods.transition.correction import known_matrix

#: The share of the epochs over which α falls.
ANNEALED = 1 / 3


class CNNCRF(Method):
    """p(ŷ, y|x) ∝ exp(a(x)_ŷ + b(x)_y + W_ŷy), trained on

        log p(y|x) - KL(q ‖ p(ŷ|y, x)) - α KL(q ‖ p_aux(ŷ|y)).

    E-step, in closed form: q(ŷ) ∝ [p(ŷ|y, x) p_aux(ŷ|y)^α]^(1/(1+α)), a geometric mean. M-step:
    the gradient of -Σ q(ŷ) log p(ŷ, y|x). Both in each step, on its own batch.

    a(x) is the network's output, b(x) another linear layer on its features; without
    `image_to_noisy`, y has a bias that no image changes. The classifier is p(ŷ|x), y summed out.
    α falls from `alpha_start` to `alpha_end`. `transition_matrix` as in `Forward`, p_aux(ŷ|y) ∝
    T[ŷ, y]. The validation loss is the classifier's cross-entropy.
    """

    captures = True

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        transition_matrix: ArrayLike | None = None,
        alpha_start: float = 40.0,
        alpha_end: float = 5.0,
        image_to_noisy: bool = True,
    ) -> None:
        super().__init__(net, data)
        for name, value in (("alpha_start", alpha_start), ("alpha_end", alpha_end)):
            number(name, value, *WEIGHT)
        self.alpha_start, self.alpha_end = float(alpha_start), float(alpha_end)
        self.image_to_noisy = flag("image_to_noisy", image_to_noisy)
        matrix = known_matrix(data, transition_matrix)
        # An impossible pair gets a very small probability, so that its logarithm is a number.
        log_matrix = matrix.clamp_min(torch.finfo(matrix.dtype).tiny).log()
        #: α of the epoch under way: a tensor, which a captured step reads anew.
        self.register_buffer("alpha", torch.zeros((), device=data.device))
        #: log p_aux(ŷ|y), [y, ŷ].
        self.register_buffer("log_auxiliary", log_matrix.T.log_softmax(-1))
        classes = data.num_classes
        self.noisy_bias = (
            nn.Linear(_features(net), classes)
            if self.image_to_noisy
            else nn.Parameter(torch.zeros(classes))
        )
        #: W, [ŷ, y].
        self.pairs = nn.Parameter(torch.zeros(classes, classes))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        done = min(1.0, (epoch - 1) / max(1, ANNEALED * data.epochs))
        self.alpha.fill_(self.alpha_start + done * (self.alpha_end - self.alpha_start))

    def energies(self, x: Tensor) -> Tensor:
        """-E(ŷ, y; x): [B, K, K], the clean label first."""
        features = self.net.features(x)
        clean = self.net.head(features)
        noisy = self.noisy_bias(features) if self.image_to_noisy else self.noisy_bias
        return clean.unsqueeze(-1) + noisy.unsqueeze(-2) + self.pairs

    def logits(self, x: Tensor) -> Tensor:
        """log p(ŷ|x) + log Z(x): y summed out."""
        return self.energies(x).logsumexp(-1)

    def loss(self, batch: Batch) -> Tensor:
        log_joint = self.energies(batch.x).flatten(-2).log_softmax(-1).unflatten(-1, (-1, self._k))
        # log p(ŷ, y|x) at the y that was observed, [B, K].
        rows = batch.labels.view(-1, 1, 1).expand(-1, self._k, 1)
        observed = log_joint.gather(-1, rows).squeeze(-1)
        posterior = self.posterior(observed, batch.labels)
        return -(posterior * observed).sum(-1)

    @torch.no_grad()
    def posterior(self, log_clean: Tensor, labels: Tensor) -> Tensor:
        """The E-step's q(ŷ) [B, K], from log p(ŷ|y, x) up to a constant and the noisy labels."""
        mixed = F.log_softmax(log_clean, -1) + self.alpha * self.log_auxiliary[labels]
        return (mixed / (1 + self.alpha)).softmax(-1)

    @property
    def _k(self) -> int:
        return len(self.pairs)


def _features(net: nn.Module) -> int:
    if not hasattr(net, "feature_dim"):
        raise InputError(
            "cnn-crf needs a net with features and a head: one from `lnl list nets`, or your own "
            "`Net` (see lnl_core/nets/base.py)."
        )
    return net.feature_dim
