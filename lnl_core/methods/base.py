"""`Method`: what every way of learning with noisy labels has in common.

The base class *is* cross-entropy. A method overrides as little as it can, in this order:

1. `criterion`: a per-sample loss of logits and labels (forward correction is one line);
2. `loss`: a loss that needs more of the batch (several views, per-sample memory, an ELBO);
3. `begin_epoch`: what happens between two passes (E-steps, relabelling, selection);
4. `batches`: what a pass is (a selected subset, labelled and unlabelled pairs, two networks);
5. `step`: only if one backward and one optimiser step will not do.

Per-sample memory is a buffer (`register_buffer`), looked up by `batch.index`: checkpoints,
resuming and device moves then cost nothing. So is a counter. Whatever is random is drawn from
torch's generators, which `fit` makes the run's own; NumPy's and scikit-learn's are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError


class Method(nn.Module):
    """Cross-entropy on the labels as they are; for multi-label data a logistic loss a label.

    `net` maps a batch to logits [B, K]. `data` is the training set as a method may see it.
    A subclass is refused multi-label data unless it sets `multi_label`.
    """

    #: The views a batch carries, each drawn on its own: "weak" (augmented), "strong" (and then
    #: RandAugment, see `strong.py`) or "plain".
    views: tuple[str, ...] = ("weak",)
    #: Whether the method is defined for multi-hot labels.
    multi_label = False
    #: Whether per-sample losses alone define the method, so that M runs may be stacked into one.
    stacks = False
    #: Whether a CUDA graph can hold `loss`: its shapes never change, it asks the device nothing
    #: (`.item()`, a boolean index). What stacks can be captured; subclasses inherit neither.
    captures = False
    #: How many nets the constructor takes, before `data`. `Run.build` makes them.
    nets = 1

    def __init__(self, net: nn.Module, data: TrainingSet) -> None:
        super().__init__()
        if data.multi_label and not self.multi_label:
            raise InputError(
                f"{type(self).__name__} is defined for one label a sample, but the data are "
                "multi-label: use cross-entropy, or data with one label a sample."
            )
        self.net = net
        self.per_label = data.multi_label

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        """Called before the pass of each epoch, in evaluation mode and without gradients.

        `epoch` counts from 1, to `data.epochs`.
        """

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        """One epoch's batches."""
        return data.batches(self.views)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Per-sample loss [B] of logits [B, K] against labels; also judges the validation split."""
        if self.per_label:
            return losses.binary_cross_entropy(logits, labels)
        return losses.cross_entropy(logits, labels)

    def loss(self, batch: Batch) -> Tensor:
        """Per-sample training loss, [B] (or [M, B] for a stack of M models).

        A term of the whole batch (a prior, a determinant) is a scalar added to each sample's
        value: the mean is what it should be.
        """
        return self.criterion(self.logits(batch.x), batch.labels)

    def step(self, batch: Batch, optimizer: torch.optim.Optimizer) -> Tensor:
        """One update. Returns the mean loss (of a stack [M]), detached and still on the device."""
        loss = self.loss(batch).mean(-1)
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()  # the sum is over stacked models, if any: each has its own gradient
        optimizer.step()
        return loss.detach()

    def logits(self, x: Tensor) -> Tensor:
        """Logits [B, K] of the classifier for *clean* labels: what is evaluated."""
        return self.net(x)

    def predict(self, x: Tensor) -> Tensor:
        """Probabilities [B, K] of the clean label (a probability a label if multi-label)."""
        logits = self.logits(x)
        return logits.sigmoid() if self.per_label else logits.softmax(-1)

    def parameter_groups(self) -> list[dict]:
        """What the optimiser trains, in torch's format; a group may carry its own `lr`."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def diagnostics(self) -> dict[str, float]:
        """Numbers of the method's own to keep with each epoch's record (an estimate's error)."""
        return {}

    def estimates(self) -> dict[str, Tensor]:
        """What the method has learned beside its classifier and its record keeps at the end of
        the run, by name (an estimate of T)."""
        return {}

    def corrected_labels(self) -> Tensor | None:
        """What the method holds for the training samples' true labels, if it relabels: int64 [N],
        or distributions [N, K]. Evaluation compares it with the clean labels."""
        return None

    def clean_probability(self) -> Tensor | None:
        """How likely each training sample's label is right, if the method judges that: [N], any
        increasing score. Evaluation compares it with which labels are right."""
        return None
