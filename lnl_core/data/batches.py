"""What a method sees of the data: batches of views with noisy labels, and never a clean one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from lnl_core.accel import block_values
from lnl_core.augment import AUGMENTATIONS, block_size
from lnl_core.config import TrainConfig
from lnl_core.contract import takes
from lnl_core.data.files import read_ahead
from lnl_core.data.noisy import NoisyData
from lnl_core.errors import InputError, unknown_name
from lnl_core.strong import strong

EVALUATION_BATCH = 2000


@dataclass(frozen=True)
class Batch:
    """`views`: tensors [B, ...], one a requested view; `labels`: noisy, int64 [B] or float
    [B, K]; `index`: the samples' positions in the training split, where per-sample memory lies.
    """

    views: tuple[Tensor, ...]
    labels: Tensor
    index: Tensor

    @property
    def x(self) -> Tensor:
        """The first view."""
        return self.views[0]


class TrainingSet:
    """The training split as a method may use it.

    It holds the samples, the noisy labels and what is known of the noise; the clean labels are
    not in it, so that no method can see one by mistake.
    """

    @takes(data=NoisyData, config=TrainConfig)
    def __init__(self, data: NoisyData, config: TrainConfig) -> None:
        augmentation = config.augmentation
        if augmentation != "none" and data.train.x.dim() != 4:
            raise InputError(
                f"augmentation '{augmentation}' is for images, but a sample of {data.name} has "
                f"shape {list(data.input_shape)}: use 'none'."
            )
        self.x = data.train.x
        #: Noisy labels, int64 [N] or float32 [N, K].
        self.labels = data.train.labels.float() if data.multi_label else data.train.labels
        self.num_classes = data.num_classes
        self.multi_label = data.multi_label
        #: T[clean, noisy], float32 [K, K], if the noise is known; else None.
        self.transition_matrix = data.transition_matrix
        self.preprocess = data.preprocess(config.preprocess)
        self.batch_size = config.batch_size
        #: How many epochs there will be, for ramps and warm-ups.
        self.epochs = config.epochs
        self._augment = AUGMENTATIONS[augmentation]
        #: Epochs that count their batches as if the validation samples were among them: how many
        #: samples that is to each training sample. Else None.
        self._stretch = (
            (len(data.train) + len(data.val)) / len(data.train)
            if config.epoch_length == "with-validation"
            else None
        )
        if config.epoch_length == "balanced" and data.multi_label:
            raise InputError(
                f"epoch_length 'balanced' is for one label a sample, but {data.name} is "
                "multi-label: use 'pass'."
            )
        #: Samples of an epoch that holds every class equally often. Else None.
        self._balanced = (
            config.epoch_batches * config.batch_size if config.epoch_length == "balanced" else None
        )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def device(self) -> torch.device:
        return self.x.device

    def batches(
        self,
        views: tuple[str, ...] = ("weak",),
        index: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Iterator[Batch]:
        """One epoch in random order over all samples, or over those in `index` (int64 [n]).

        That is one pass. The last batch may be smaller. A rest of one sample joins the batch
        before it, because batch normalisation has no variance to divide by there. No batch comes
        of no samples.

        With the epoch length `with-validation` it is as many whole batches as n samples fill
        together with the validation samples that belong to them, at least one: where a pass is
        over before, another begins in a new order; where they are fewer, it stops there.

        With `balanced` it is `epoch_batches` whole batches, drawn without replacement, that hold
        every (noisy) class among the n equally often up to one sample; a class that has too few
        comes again. Of n samples out of N it is n / N of that length, at least one batch.
        """
        for part in self.order(index, batch_size):
            yield self.take(part, views)

    def order(self, index: Tensor | None = None, batch_size: int | None = None) -> Iterator[Tensor]:
        """Which samples the batches of one epoch hold, int64 [B] each: as `batches`, untaken."""
        index = torch.arange(len(self), device=self.device) if index is None else index
        size = batch_size or self.batch_size
        if self._balanced is not None:
            steps = max(1, round(self._balanced * len(index) / len(self) / size))
            return read_ahead(self.x, self._balanced_pass(index, steps * size, size))
        if self._stretch is None:
            return read_ahead(self.x, self._pass(index, size))
        steps = max(1, round(self._stretch * len(index)) // size)
        return islice(self._passes(index, size), steps)

    def _pass(self, index: Tensor, size: int) -> list[Tensor]:
        """Those samples in random order, a batch at a time."""
        # Shuffled on the CPU for the same order on every device, and moved once; to a GPU from
        # pinned memory, because it would wait for a copy from any other.
        shuffled = torch.randperm(len(index), pin_memory=self.device.type == "cuda")
        order = index[shuffled.to(self.device, non_blocking=True)]
        parts = list(order.split(size)) if len(order) else []
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts[-2:] = [torch.cat(parts[-2:])]
        return parts

    def _passes(self, index: Tensor, size: int) -> Iterator[Tensor]:
        while len(index):
            yield from read_ahead(self.x, self._pass(index, size))

    def _balanced_pass(self, index: Tensor, count: int, size: int) -> list[Tensor]:
        """So many of those samples, of each class as many, in random order, a batch at a time."""
        if not len(index):
            return []
        # Drawn on the CPU, as in `_pass`.
        mixed = torch.randperm(len(index))
        labels = self.labels[index].cpu()[mixed]
        members = [mixed[labels == k] for k in labels.unique()]
        # Which classes get the samples left over by an even share: a random few.
        share, left = divmod(count, len(members))
        more = torch.randperm(len(members)) < left
        parts = []
        for own, one_more in zip(members, more.tolist(), strict=True):
            wanted = share + one_more
            rounds = -(-wanted // len(own))
            again = [own[torch.randperm(len(own))] for _ in range(rounds - 1)]
            parts.append(torch.cat([own, *again])[:wanted])
        chosen = torch.cat(parts)[torch.randperm(count)]
        return list(index[chosen.to(self.device)].split(size))

    def take(self, index: Tensor, views: tuple[str, ...] = ("weak",)) -> Batch:
        """The batch of the samples in `index`, each view drawn anew."""
        # On a CPU `self.x[index]` takes ten times as long for the same.
        stored = self.x.index_select(0, index) if isinstance(self.x, Tensor) else self.x[index]
        return Batch(
            tuple(self.preprocess(self.view(stored, name)) for name in views),
            self.labels[index],
            index,
        )

    def scan(self, views: tuple[str, ...] = ("plain",)) -> Iterator[Batch]:
        """One pass in the stored order, in big batches, by default unaugmented: for E-steps."""
        size = block_size(self.x, EVALUATION_BATCH, block_values(self.device))
        parts = torch.arange(len(self), device=self.device).split(size)
        for index in read_ahead(self.x, parts):
            yield self.take(index, views)

    def view(self, stored: Tensor, name: str) -> Tensor:
        """That view of stored samples [B, ...], drawn for each sample, not yet preprocessed."""
        if name == "plain":
            return stored
        if name == "weak":
            return self._augment(stored)
        if name == "strong":
            return strong(self._augment(stored))
        raise unknown_name("view", name, ("plain", "weak", "strong"))
