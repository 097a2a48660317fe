"""The main cycle of LNL-flywheel (Kim et al. 2024): which labels are clean?

Alone it is the ablation "w/o Aux." of Table 6; `flywheel.py` adds the auxiliary cycle. The formulas
are in `losses/flywheel.py`, Lemma 1 in `losses/flywheel_lemma.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses import flywheel
from lnl_core.methods.base import Method
from lnl_core.methods.options import BOUNDED_WEIGHT, number, warm_up_epochs

FLOOR = "a probability in [0, 0.1), such as 1e-8, or 0 for none", lambda floor: 0 <= floor < 0.1
#: What keeps η from below. The authors of η have 1e-8 (Cheng et al. 2021, CORES², their code, with
#: a λ of 2 at most): η pulls until g is sure to eight digits. What 0.001 is worth: `flywheel.py`.
ETA_FLOOR = 1e-3
#: Warm-up epochs, unless told otherwise: the text's on CIFAR, in runs of 300.
WARM_UP = 10


class MainEM(Method):
    """The main EM by itself: warm-up by cross-entropy, then each epoch

    * E: q(s_i = 1) by eq. 4, with the network as the last epoch left it, on plain samples;
    * M: γ by eq. 6, and a pass with -q(s_i = 1) log g(x_i)[ỹ_i] + λ η (eq. 7, and 9).

    This is our reading of "w/o Aux.": without the auxiliary network there is nobody to resample,
    which leaves eq. 7's reweighting, ε = 1/K, and the main network to predict. γ begins as this
    network's training accuracy, and p_data(ŷ) in η are the noisy labels' frequencies.

    `regularisation` λ = 3 as printed, `floor` as in `losses.flywheel.confidence`. `warm_up` epochs;
    None: 10, or a quarter of all where that is less, but one at least.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        regularisation: float = 3.0,
        warm_up: int | None = None,
        floor: float = ETA_FLOOR,
    ) -> None:
        super().__init__(net, data)
        self.regularisation = number("regularisation", regularisation, *BOUNDED_WEIGHT)
        self.floor = number("floor", floor, *FLOOR)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        self.epoch = 0
        counts = torch.bincount(data.labels, minlength=data.num_classes)
        #: p_data(ŷ) [K].
        self.register_buffer("prior", counts / len(data))
        #: γ.
        self.register_buffer("gamma", torch.zeros((), device=data.device))
        #: q(s_i = 1) and ε_i, [N] each.
        self.register_buffer("cleanness", torch.ones(len(data), device=data.device))
        even = torch.full((len(data),), 1 / data.num_classes, device=data.device)
        self.register_buffer("epsilon", even)
        #: How many cycles have begun.
        self.register_buffer("cycles", torch.zeros((), dtype=torch.int64))

    @property
    def warming(self) -> bool:
        """Whether the epoch under way is one of the warm-up."""
        return self.epoch <= self.warm_up

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.epoch = epoch
        if self.warming:
            return
        if epoch == self.warm_up + 1:
            self._initialise(data)
        self._judge(self.net, data)
        self.cycles += 1

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        if self.warming:
            return losses.cross_entropy(logits, batch.labels)
        reweighted = flywheel.reweighted(logits, batch.labels, self.cleanness[batch.index])
        regulariser = flywheel.confidence(logits, self.prior, self.floor)
        return reweighted + self.regularisation * regulariser

    def clean_probability(self) -> Tensor | None:
        """q(s_i = 1) [N], as this epoch began; None before the first cycle."""
        return self.cleanness if self.cycles else None

    def diagnostics(self) -> dict[str, float]:
        """From the first cycle on `gamma`, and the mean of ε_i."""
        if not self.cycles:
            return {}
        gamma, epsilon = torch.stack([self.gamma, self.epsilon.mean()]).tolist()
        return {"gamma": gamma, "epsilon": epsilon}

    def _initialise(self, data: TrainingSet) -> None:
        """γ: the training accuracy of the predicting network after warm-up, on plain samples."""
        right = [self.logits(batch.x).argmax(-1) == batch.labels for batch in data.scan()]
        self.gamma.copy_(flywheel.clean_share(torch.cat(right).float()))

    def _judge(self, main: nn.Module, data: TrainingSet) -> None:
        """The E-step with that network for g, and γ (eq. 4 and 6)."""
        found = [flywheel.log_at(main(batch.x), batch.labels) for batch in data.scan()]
        self.cleanness.copy_(flywheel.cleanness(torch.cat(found), self.gamma, self.epsilon))
        self.gamma.copy_(flywheel.clean_share(self.cleanness))
