"""Self-filtering: Wei et al., *Self-Filtering: A Noise-Aware Sample Selection for Label Noise with
Confidence Penalization*, ECCV 2022. Of a wrong label the network changes its mind.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses.confidence_penalty import lifting, runner_up
from lnl_core.methods.base import Method
from lnl_core.methods.options import LONGEST, SHARE, WEIGHT, flag, number, warm_up_epochs, whole

CRITERIA = ("smoothed", "fluctuation")
BANKS = ("probability", "logits")
#: Epochs of warm-up on CIFAR-10, of 100.
WARM_UP = 10


class SFT(Method):
    """Before each epoch after the warm-up all samples are predicted, and those are trained on whose
    predictions hold to their label; a bank remembers the last `memory` epochs.

    A sample fluctuates if the network had its label right in the epoch before and has not now.
    `criterion`: `smoothed`, as in the authors' code, keeps a sample where its score

        (Σ over the bank of c_ỹ where the prediction is ỹ, else 0, + 1[no fluctuation]) / (k + 1)

    is above ½; `fluctuation` alone, the text as others read it, also one that was never right. With
    fewer than two samples kept, the epoch trains on all (neither says).

    `bank` says what c_ỹ is: the `probability` p_ỹ, "confidence" in that code's comments, or the
    label's one of the `logits`, which is what it computes. By p a sample that fluctuates is out for
    a bank of two or three, its score being (k - 1)/(k + 1) at most; logits have no bound, and one
    large enough keeps it in. (The comments want this of what is predicted with confidence.) Nor, by
    logits, does a sample fluctuate whose logit was not above 0.

    Loss: cross-entropy and `weight` Σ_k [T - p_k/p_ỹ]₊ (-log p_k) / (K - 1), T = `threshold`; 0.1
    in the code, 1 in the text by the same source. The warm-up, `warm_up` epochs (None: 10, but at
    most a quarter of the epochs, one at least), is cross-entropy on all samples; with
    `warm_up_penalty` and ½ [T - p₍₂₎/p₍₁₎]₊ (-log p₍₂₎), which the code has for pair-wise and
    instance-dependent noise. Its training on CIFAR-10: ResNet-18, batches of 32, 100 epochs at
    0.02, divided by 10 after 60. We have not seen the text; the semi-supervised SFT+ is not here.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        memory: int = 2,
        threshold: float = 0.2,
        weight: float = 0.1,
        warm_up: int | None = None,
        criterion: str = "smoothed",
        warm_up_penalty: bool = False,
        bank: str = "probability",
    ) -> None:
        super().__init__(net, data)
        self.memory = whole("memory", memory, 1, LONGEST)
        self.threshold = number("threshold", threshold, *SHARE)
        self.weight = number("weight", weight, *WEIGHT)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        if criterion not in CRITERIA:
            raise unknown_name("criterion", criterion, CRITERIA)
        self.smoothed = criterion == "smoothed"
        self.warm_up_penalty = flag("warm_up_penalty", warm_up_penalty)
        if bank not in BANKS:
            raise unknown_name("bank", bank, BANKS)
        self.by_probability = bank == "probability"
        #: c_ỹ where the label was predicted, else 0, after each of the last epochs, the newest
        #: last: [k, N].
        self.register_buffer("bank", torch.zeros(memory, len(data), device=data.device))
        #: How far each sample is kept, [N]: above ½ it is.
        self.register_buffer("score", torch.ones(len(data), device=data.device))

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.filtering = epoch > self.warm_up
        if epoch == 1 and not self.filtering:
            return  # nothing is learned yet
        found = torch.cat([self._rightly(b) for b in data.scan()])
        settled = ((self.bank[-1] <= 0) | (found != 0)).float()
        self.bank.copy_(torch.cat([self.bank[1:], found[None]]))
        if self.filtering:
            held = (self.bank.sum(0) + settled) / (self.memory + 1)
            self.score.copy_(held if self.smoothed else settled)

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        kept = (self.score > 0.5).nonzero().squeeze(-1)
        # Also in the warm-up: every score is 1 then.
        return data.batches(self.views, kept if len(kept) > 1 else None)

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        loss = self.criterion(logits, batch.labels)
        if self.filtering:
            return loss + self.weight * lifting(logits, batch.labels, self.threshold)
        return loss + 0.5 * runner_up(logits, self.threshold) if self.warm_up_penalty else loss

    def clean_probability(self) -> Tensor:
        """The score by which samples were last filtered, [N]: in [0, 1], but by logits any number.
        No probability in either case."""
        return self.score

    def _rightly(self, batch: Batch) -> Tensor:
        """c_ỹ [B] where the label is predicted, else 0."""
        logits = self.logits(batch.x).float()
        values = logits.softmax(-1) if self.by_probability else logits
        largest, predicted = values.max(-1)
        return torch.where(predicted == batch.labels, largest, 0)
