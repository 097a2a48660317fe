"""The last stage of MOIT+ and of Sel-CL+: the network goes on learning, at a small rate, from the
samples alone whose labels are trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.methods.base import Method
from lnl_core.methods.semi_supervised.mixing import mix

if TYPE_CHECKING:
    from lnl_core.run import Run

#: δ, what a label weighs against the class that the network predicts.
LABEL = 0.8
#: MixUp's α.
MIXUP = 1.0
#: The epochs before labels are mixed with predictions, of how many.
START, EPOCHS = 30, 70


class FineTuned(Method):
    """MixUp on the `kept` samples (bool [N]; on all where fewer than two are kept), of targets y
    and, after 30 of 70 epochs, δ y + (1 - δ) e_z, δ = 0.8, with z the class predicted of the plain
    sample (MOIT, eq. 13). A stage of other length bootstraps after the same share of it.

    λ ~ Beta(1, 1), the larger one to the sample itself. z is predicted in training mode, as in the
    authors' code.
    """

    def __init__(self, net: nn.Module, data: TrainingSet, kept: Tensor, support: Tensor) -> None:
        super().__init__(net, data)
        self.num_classes = data.num_classes
        # Batch normalisation has no variance to divide by in a batch of one.
        self.register_buffer("kept", kept if kept.sum() > 1 else torch.ones_like(kept))
        self.register_buffer("support", support)

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        # `data` is this stage's; what the method is built with has the first one's epochs.
        self.bootstrapping = epoch > data.epochs * START // EPOCHS

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        return data.batches(("weak", "plain"), self.kept.nonzero().squeeze(-1))

    def loss(self, batch: Batch) -> Tensor:
        target = F.one_hot(batch.labels, self.num_classes).float()
        if self.bootstrapping:
            with torch.no_grad():
                predicted = self.net(batch.views[1]).argmax(-1)
            target = F.one_hot(predicted, self.num_classes).float().lerp(target, LABEL)
        x, target = mix(batch.x, target, MIXUP, largest=True)
        return losses.cross_entropy(self.net(x), target)

    def clean_probability(self) -> Tensor:
        """The support of each label as the stage began, [N]."""
        return self.support


def fine_tune(run: Run, first: Method, kept: Tensor, support: Tensor) -> Iterator[Any]:
    """The stage `fine-tune`: the body of the first stage's network, its classifier drawn anew.
    70 epochs at the rate 0.001 in the authors' code."""
    second = run.build(FineTuned, kept=kept, support=support)
    body = {k: v for k, v in first.net.state_dict().items() if not k.startswith("head.")}
    second.net.load_state_dict(body, strict=False)
    yield from run.fit(second, stage="fine-tune")
