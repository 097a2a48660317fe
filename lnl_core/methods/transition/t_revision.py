"""T-Revision: Xia et al., *Are Anchor Points Really Indispensable in Label-Noise Learning?*,
NeurIPS 2019. T is estimated first, and then revised together with the classifier.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.reweighting import SMALLEST, importance
from lnl_core.methods.base import Method
from lnl_core.methods.options import flag, number
from lnl_core.methods.transition.correction import known_matrix
from lnl_core.methods.transition.estimated import check_estimate, estimated_matrix

if TYPE_CHECKING:
    from lnl_core.run import Run

RATE = "a positive finite number, such as 5e-5", lambda rate: 0 < rate < float("inf")


class Reweight(Method):
    """β ℓ(p, ỹ), ℓ cross-entropy and β = p_ỹ / (Tᵀ p)_ỹ a constant to the gradient: the importance
    reweighting that the paper's risk R̄(T, f) is made of (eq. 3).

    `transition_matrix` [K, K] as in `Forward`. The validation split is judged by -log (Tᵀ p)_ỹ,
    what the model says of its noisy labels: the authors' code chooses an epoch by the accuracy of
    the same prediction.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        transition_matrix: ArrayLike | None = None,
    ) -> None:
        super().__init__(net, data)
        self.register_buffer("transition_matrix", known_matrix(data, transition_matrix))

    def matrix(self) -> Tensor:
        """T as it is now, [K, K]."""
        return self.transition_matrix

    def importance(self, logits: Tensor, labels: Tensor) -> Tensor:
        return importance(logits, labels, self.matrix()).detach()

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        weights = self.importance(logits, batch.labels)
        return weights * losses.cross_entropy(logits, batch.labels)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        noisy = (logits.softmax(-1) @ self.matrix()).clamp_min(SMALLEST)
        return losses.negative_log_likelihood(noisy.log(), labels)


class Revise(Reweight):
    """The same with T + ΔT, and the gradient goes through β as well: to the slack ΔT, which begins
    at 0 and which nothing constrains, and to the network.

    ΔT enters β alone, and β is smaller the larger T is, so the loss pushes ΔT up without end; small
    steps are what holds it. `lr` is the learning rate of both; None: the config's.

    With `cumulative` the i-th sample of a batch is weighted by T + i ΔT, i from 1, which is what an
    earlier version of the authors' code comes to: it adds ΔT again for each sample.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        transition_matrix: ArrayLike | None = None,
        cumulative: bool = False,
        lr: float | None = None,
    ) -> None:
        super().__init__(net, data, transition_matrix)
        self.cumulative, self.lr = flag("cumulative", cumulative), lr
        self.slack = nn.Parameter(torch.zeros_like(self.transition_matrix))

    def matrix(self) -> Tensor:
        return self.transition_matrix + self.slack

    def importance(self, logits: Tensor, labels: Tensor) -> Tensor:
        if not self.cumulative:
            return importance(logits, labels, self.matrix())
        times = torch.arange(1, len(labels) + 1, device=logits.device)[:, None, None]
        return importance(logits, labels, self.transition_matrix + times * self.slack)

    def parameter_groups(self) -> list[dict]:
        groups = super().parameter_groups()
        return groups if self.lr is None else [group | {"lr": self.lr} for group in groups]

    def diagnostics(self) -> dict[str, float]:
        """`slack`: the mean of |ΔT|."""
        return {"slack": self.slack.detach().abs().mean().item()}


def t_revision(
    run: Run,
    percentile: float | None = 97.0,
    view_bug: bool = False,
    rate: float = 5e-5,
    cumulative: bool = False,
) -> Iterator[Any]:
    """Reweight-R, Algorithm 1: cross-entropy (the stage `estimate`), T̂ from what it says of the
    noisy labels, `Reweight` (`reweight`) and `Revise` (`revise`).

    One network throughout. Each stage goes on from the epoch of the one before that fits the noisy
    validation labels best, where there are any, else from its last. The last one's learning rate is
    `rate` times the config's. On CIFAR-10 the authors' code has 20 epochs of SGD at 0.01 without
    momentum, 200 at 0.01 with it, divided by 10 after 40 and 80, and 200 of Adam at 5e-7, which is
    the default `rate` times 0.01. In a run that is much shorter ΔT hardly moves by that.

    `percentile` and `view_bug` as in `transition.estimate`: that code has Patrini et al.'s slip.
    `cumulative` as in `Revise`. (It also has a faster version of the last loss, which holds β
    constant: ΔT would never move. Its main program does not use that one.)
    """
    check_estimate(percentile, view_bug)
    number("rate", rate, *RATE)
    flag("cumulative", cumulative)
    validated = len(run.data.val) > 0
    estimated = yield from estimated_matrix(run, percentile, view_bug)
    first = run.method
    second = run.build(Reweight, transition_matrix=estimated)
    second.net.load_state_dict(first.net.state_dict())
    yield from run.fit(second, stage="reweight", keep_best=validated)
    lr = rate * run.stage_config("revise").lr
    third = run.build(Revise, transition_matrix=estimated, cumulative=cumulative, lr=lr)
    third.net.load_state_dict(second.net.state_dict())
    yield from run.fit(third, stage="revise")
    run.estimates["revised_matrix"] = third.matrix().detach().double().cpu().numpy()
