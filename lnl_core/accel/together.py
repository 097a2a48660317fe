"""Runs of one shape trained as one: other seeds, noise rates, whatever leaves the shapes alone.

Each run goes through its own `fit`, with its own order, labels, evaluation, record and
checkpoint; only the updates of an epoch are made together. `Deferred` stands where a run's
updates would be made: it notes what they need and waits. `train_together` brings every run of the
group to that point, makes the epoch's updates as one (`stack.py`), and lets the runs go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lnl_core.accel.capture import Captured, graphs_wanted
from lnl_core.accel.stack import (
    Stack,
    StackedSet,
    gather,
    gather_optimizer,
    scatter,
    scatter_optimizer,
    stacked_optimizer,
    stacks,
)
from lnl_core.data import TrainingSet
from lnl_core.errors import DivergedError
from lnl_core.methods.base import Method
from lnl_core.streams import RandomStream, torch_seed
from lnl_core.train import Step, one_by_one

if TYPE_CHECKING:
    from lnl_core.run import Run


@dataclass(frozen=True)
class Epoch:
    """One run's updates of one epoch, to be made: what `Updates` is given, and the order of the
    samples as this run's own random numbers have it. `losses` [updates] are to be filled in."""

    method: Method
    training: TrainingSet
    optimizer: torch.optim.Optimizer
    order: list[Tensor]
    losses: Tensor


class Deferred:
    """The `updates` of a run that belongs to a group: leaves them in `epoch` to whoever resumes it.

    A method that does not stack makes its updates here and now.
    """

    def __init__(self) -> None:
        self.epoch: Epoch | None = None

    def __call__(
        self, method: Method, training: TrainingSet, optimizer: torch.optim.Optimizer
    ) -> Iterator[Tensor]:
        if not stacks(method, training):
            yield from one_by_one(method, training, optimizer)
            return
        order = list(training.order())
        losses = torch.zeros(len(order), device=training.device)
        self.epoch = Epoch(method, training, optimizer, order, losses)
        yield losses


def train_together(
    members: Sequence[tuple[Run, Deferred]],
) -> Iterator[tuple[Run, DivergedError | None]]:
    """Train runs (with `steps=True` and that `Deferred` as `updates`) to their ends, as one.

    Yields each run when it is done, with its `DivergedError` if it diverged: it then leaves the
    group, and the others go on.

    Runs that were resumed may be at different epochs: those that are behind go first.
    """
    active = {run: (deferred, iter(run)) for run, deferred in members}
    group: Group | None = None
    while active:
        for run, (deferred, events) in list(active.items()):
            if deferred.epoch is not None:
                continue
            problem = None
            try:
                if _reaches_updates(deferred, events):
                    continue
            except DivergedError as error:
                problem = error
            del active[run]
            yield run, problem
        if not active:
            return
        behind = min(len(run.history) for run in active)
        ready = [run for run in active if len(run.history) == behind]
        epochs = [active[run][0].epoch for run in ready]
        if group is None or not group.is_of(epochs):
            group = Group(epochs)
        seed = torch_seed(f"stack-{behind}", ready[0].config.seeds.order)
        group.train(epochs, seed)
        for run in ready:
            active[run][0].epoch = None


def _reaches_updates(deferred: Deferred, events: Iterator[object]) -> bool:
    """Let a run go on to its next updates. False if it comes to its end instead."""
    return any(isinstance(event, Step) and deferred.epoch is not None for event in events)


class Group:
    """The methods of M epochs as one, and their data: made once, and used epoch after epoch."""

    def __init__(self, epochs: Sequence[Epoch]) -> None:
        self._methods = [epoch.method for epoch in epochs]
        self._made_of = list(epochs)
        self._data = StackedSet([epoch.training for epoch in epochs])
        self._stack = Stack(self._methods)
        self._optimizer = stacked_optimizer(self._stack, epochs[0].method, epochs[0].optimizer)
        self._captured = None
        if graphs_wanted(epochs[0].training.device):
            self._captured = Captured(self._update, self._optimizer)

    def is_of(self, epochs: Sequence[Epoch]) -> bool:
        """Whether it was made of these methods, and of what this `fit` trains them with: another
        may train the same method on other data, or with another optimiser."""
        parts = ("method", "optimizer", "training")
        own, theirs = (
            [id(getattr(epoch, part)) for epoch in group for part in parts]
            for group in (self._made_of, epochs)
        )
        return own == theirs

    def train(self, epochs: Sequence[Epoch], seed: int) -> None:
        """Make the updates: the losses, the methods and their optimisers are then as after them.

        `seed` is what dropout and augmentation are drawn from.
        """
        gather(self._stack, self._methods)
        optimizers = [epoch.optimizer for epoch in epochs]
        gather_optimizer(self._optimizer, optimizers)
        sizes = [len(part) for part in epochs[0].order]
        order = torch.stack([torch.cat(epoch.order) for epoch in epochs]).split(sizes, dim=1)
        updates = map(self._update, order) if self._captured is None else self._captured(order)
        with RandomStream(seed, self._data.device):
            losses = torch.stack(list(updates), dim=1)
        scatter(self._stack, self._methods)
        scatter_optimizer(self._optimizer, optimizers)
        for epoch, own in zip(epochs, losses, strict=True):
            epoch.losses.copy_(own)

    def _update(self, index: Tensor) -> Tensor:
        """One update of all: indices [M, B] → mean losses [M]."""
        return self._stack.step(self._data.take(index, self._stack.views), self._optimizer)
