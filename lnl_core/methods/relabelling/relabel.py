"""The two steps of joint optimization (Tanaka et al. 2018), each a method; `joint.py` has the
recipes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import unknown_name
from lnl_core.losses.soft import entropy, kl_divergence, prior_divergence
from lnl_core.methods.base import Method
from lnl_core.methods.options import LONGEST, WEIGHT, flag, number, whole

PRIORS = ("uniform", "labels")
OUTPUTS = ("training", "evaluation")
#: The epoch after which labels are first updated, as a share of all: 70 of 200 (Section 5.2).
START = 0.35


class Relabel(Method):
    """Step 1: min over θ and Y of KL(Y ‖ s) + α L_p + β L_e (eq. 4 and 5), in turns.

    Each epoch is a pass of SGD on the labels as they are, and then the labels become what the
    network says: the average s of its outputs in the last `memory` epochs (None: in all so far,
    the text's rule for Clothing1M). `outputs`: `training`, those of the pass itself, in training
    mode, on augmented samples, each before its own step, as the authors' code has it; or
    `evaluation`, those of one more pass over plain samples at the epoch's end, another algorithm.

    `soft` labels are s itself (eq. 9), hard ones its largest class (eq. 8). Of hard labels an
    epoch changes `top`, those that s finds least likely (None: all); how "most different from the
    predicted classes" (Section 5.4) is measured, the text leaves open.

    Labels change after the passes of the epochs `start_epoch` (0 is 1; None: 35% of the epochs,
    which is 70 of 200) to `stop_epoch` (None: the last). A start after the last epoch changes
    none. `prior`, p in L_p: `uniform`, or the classes' frequencies among the noisy `labels`.

    The text is silent on an average over fewer than `memory` epochs: here over those that there
    are, unless it is `zero_filled`: the authors' code divides by ten even then, so that with a
    start before epoch 10 the first labels sum to less than 1.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        alpha: float = 1.2,
        beta: float = 0.8,
        start_epoch: int | None = None,
        stop_epoch: int | None = None,
        memory: int | None = 10,
        outputs: str = "training",
        prior: str = "uniform",
        zero_filled: bool = False,
        soft: bool = True,
        top: int | None = None,
    ) -> None:
        super().__init__(net, data)
        check_step_one(alpha, beta, start_epoch, stop_epoch, memory, outputs, prior, top)
        self.zero_filled = flag("zero_filled", zero_filled)
        self.alpha, self.beta = alpha, beta
        self.start_epoch, self.stop_epoch = start_epoch, stop_epoch
        self.memory, self.outputs, self.soft, self.top = memory, outputs, soft, top
        noisy = F.one_hot(data.labels, data.num_classes).float()
        uniform = torch.full((data.num_classes,), 1 / data.num_classes, device=data.device)
        self.register_buffer("prior", uniform if prior == "uniform" else noisy.mean(0))
        #: Y [N, K].
        self.register_buffer("labels", noisy)
        #: Outputs of the last epochs [memory, N, K], the oldest overwritten first; with no bound
        #: on the memory, the mean of all [1, N, K].
        self.register_buffer("past", noisy.new_zeros(memory or 1, *noisy.shape))
        #: Outputs of the epoch that is under way [N, K].
        self.register_buffer("current", noisy.clone())

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.epoch = epoch

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        yield from super().batches(data)
        # The pass is over.
        if self.outputs == "evaluation":
            self._look(data)
        self._remember()
        if self._updates(data.epochs):
            self._update_labels()

    def loss(self, batch: Batch) -> Tensor:
        logits = self.logits(batch.x)
        if self.outputs == "training":
            # A sample that a pass leaves out keeps its last output; one that it has twice, the
            # second.
            self.current[batch.index] = logits.detach().softmax(-1).float()
        classification = kl_divergence(logits, self.labels[batch.index])
        of_the_batch = self.alpha * prior_divergence(logits, self.prior)
        return classification + of_the_batch + self.beta * entropy(logits)

    def corrected_labels(self) -> Tensor:
        """Y as it is now, [N, K]."""
        return self.labels

    @torch.no_grad()
    def _look(self, data: TrainingSet) -> None:
        self.eval()
        for batch in data.scan():
            self.current[batch.index] = self.predict(batch.x).float()
        self.train()

    def _remember(self) -> None:
        if self.memory is None:
            self.past[0].lerp_(self.current, 1 / self.epoch)
        else:
            self.past[(self.epoch - 1) % self.memory] = self.current

    def _updates(self, epochs: int) -> bool:
        """Whether the labels change after this epoch of so many."""
        start = round(START * epochs) if self.start_epoch is None else self.start_epoch
        stop = epochs if self.stop_epoch is None else self.stop_epoch
        return max(1, start) <= self.epoch <= stop

    def _update_labels(self) -> None:
        average = (self.past if self.zero_filled else self.past[: self.epoch]).mean(0)
        if self.soft:
            self.labels.copy_(average)
            return
        predicted = average.argmax(-1)
        # How likely s finds the label that a sample has; where they agree, nothing is to change.
        likely = (self.labels * average).sum(-1)
        likely = likely.masked_fill(self.labels.argmax(-1) == predicted, 1.0)
        chosen = likely.argsort(stable=True)[: self.top]
        self.labels[chosen] = F.one_hot(predicted[chosen], average.shape[-1]).float()


class Retrain(Method):
    """Step 2: supervised training on given label distributions `labels` [N, K], by KL alone."""

    captures = True

    def __init__(self, net: nn.Module, data: TrainingSet, labels: Tensor) -> None:
        super().__init__(net, data)
        self.register_buffer("labels", labels.detach().clone())

    def loss(self, batch: Batch) -> Tensor:
        return kl_divergence(self.logits(batch.x), self.labels[batch.index])

    def corrected_labels(self) -> Tensor:
        """The labels that it was given."""
        return self.labels


def check_step_one(
    alpha: float,
    beta: float,
    start_epoch: int | None,
    stop_epoch: int | None,
    memory: int | None,
    outputs: str,
    prior: str,
    top: int | None,
) -> None:
    """Raise `InputError` for what `Relabel` cannot use."""
    number("alpha", alpha, *WEIGHT)
    number("beta", beta, *WEIGHT)
    for name, value, *bounds in (
        ("start_epoch", start_epoch, 0),
        ("stop_epoch", stop_epoch, 0),
        ("memory", memory, 1, LONGEST),
        ("top", top, 1),
    ):
        if value is not None:
            whole(name, value, *bounds)
    for name, value, known in (("outputs", outputs, OUTPUTS), ("prior", prior, PRIORS)):
        if value not in known:
            raise unknown_name(name, value, known)
