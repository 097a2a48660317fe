"""M methods of one shape as one, with their data and their optimisers.

The parameters are stacked as [M, ...], the losses are [M, B], and each model's mean loss is added
up before one backward. No model's loss depends on another's parameters, and the optimisers work
element by element: this is M optimisers. What is not as in M separate ones is the order of sums,
so the last digits, and the draws of dropout and augmentation. `together.py` trains runs with it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from lnl_core.accel.capture import declares
from lnl_core.augment import Preprocess
from lnl_core.data import Batch, TrainingSet
from lnl_core.methods.base import Method


def stacks(method: Method, training: TrainingSet) -> bool:
    """Whether this can be part of a stack."""
    cls = type(method)
    recurrent = any(isinstance(module, nn.RNNBase) for module in method.modules())  # not in vmap
    return (
        declares(method, "stacks")
        and (cls.step, cls.batches) == (Method.step, Method.batches)
        and isinstance(training.x, Tensor)
        and not recurrent
    )


class StackedSet:
    """M training sets as one. Samples that several have in common are held once."""

    def __init__(self, sets: Sequence[TrainingSet]) -> None:
        first = sets[0]
        distinct: list[Tensor] = []
        begins = []
        for each in sets:
            known = (k for k, x in enumerate(distinct) if torch.equal(x, each.x))
            place = next(known, len(distinct))
            if place == len(distinct):
                distinct.append(each.x)
            begins.append(place * len(first))
        self._x = distinct[0] if len(distinct) == 1 else torch.cat(distinct)
        self._begins = torch.tensor(begins, device=first.device)[:, None]
        self._rows = torch.arange(len(sets), device=first.device)[:, None]
        self._labels = torch.stack([each.labels for each in sets])
        self._preprocess = _together([each.preprocess for each in sets], first.x.dim())
        self._view = first.view
        self.device = first.device

    def take(self, index: Tensor, views: tuple[str, ...]) -> Batch:
        """Each set's samples in its row of `index` [M, B]: views [M, B, ...], labels [M, B]."""
        stored = self._x.index_select(0, (self._begins + index).flatten())
        seen = (self._view(stored, name).unflatten(0, index.shape) for name in views)
        return Batch(
            tuple(self._preprocess(view) for view in seen),
            self._labels[self._rows, index],
            index,
        )


class Stack(Method):
    """M methods as one: each tensor of theirs is a slice of one [M, ...] here."""

    def __init__(self, methods: Sequence[Method]) -> None:
        nn.Module.__init__(self)  # it has no net of its own, and its data are checked
        self.views = methods[0].views
        self._loss = _Loss(copy.deepcopy(methods[0]))
        for own, *theirs in _aligned(self, methods):
            own.data = torch.stack([tensor.detach() for tensor in theirs])

    def loss(self, batch: Batch) -> Tensor:
        """The losses of the M models, [M, B]."""
        tensors = dict(self._loss.named_parameters()) | dict(self._loss.named_buffers())
        # "different": each model draws its own dropout.
        each = vmap(self._loss_of, randomness="different")
        return each(tensors, batch.views, batch.labels, batch.index)

    def _loss_of(self, tensors: dict[str, Tensor], *batch: Tensor | tuple[Tensor, ...]) -> Tensor:
        return functional_call(self._loss, tensors, batch)


class _Loss(nn.Module):
    """A method whose `forward` is its loss, for `functional_call`."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, views: tuple[Tensor, ...], labels: Tensor, index: Tensor) -> Tensor:
        return self.method.loss(Batch(views, labels, index))


@torch.no_grad()
def gather(stack: Stack, methods: Sequence[Method]) -> None:
    """Copy the methods' parameters and buffers into the stack."""
    for own, *theirs in _aligned(stack, methods):
        own.copy_(torch.stack(theirs))


@torch.no_grad()
def scatter(stack: Stack, methods: Sequence[Method]) -> None:
    """Copy the stack's parameters and buffers back into the methods."""
    for own, *theirs in _aligned(stack, methods):
        torch._foreach_copy_(theirs, list(own.unbind()))


def _aligned(stack: nn.Module, methods: Sequence[nn.Module]) -> Iterator[tuple[Tensor, ...]]:
    """The stack's tensor and the methods' own, for every parameter and buffer."""
    modules = (stack, *methods)
    return zip(*([*m.parameters(), *m.buffers()] for m in modules), strict=True)


def stacked_optimizer(
    stack: Stack, method: Method, optimizer: torch.optim.Optimizer
) -> torch.optim.Optimizer:
    """An optimiser as one of the methods has it, over the stack's parameters."""
    own = dict(zip(map(id, method.parameters()), stack.parameters(), strict=True))
    groups = [
        {**group, "params": [own[id(parameter)] for parameter in group["params"]]}
        for group in optimizer.param_groups
    ]
    return type(optimizer)(groups)


def gather_optimizer(
    optimizer: torch.optim.Optimizer, theirs: Sequence[torch.optim.Optimizer]
) -> None:
    """Copy learning rates and the state of the M optimisers into that of the stack."""
    for group, other in zip(optimizer.param_groups, theirs[0].param_groups, strict=True):
        group["lr"] = other["lr"]
    for parameter, *parts in _optimized(optimizer, theirs):
        state = optimizer.state[parameter]
        for name in theirs[0].state[parts[0]]:
            values = [each.state[part][name] for each, part in zip(theirs, parts, strict=True)]
            # The count of steps is the same for all.
            value = values[0].clone() if name == "step" else torch.stack(values)
            if name in state:
                state[name].copy_(value)  # in place: a graph may have been captured on it
            else:
                state[name] = value


def scatter_optimizer(
    optimizer: torch.optim.Optimizer, theirs: Sequence[torch.optim.Optimizer]
) -> None:
    """The other way round."""
    for parameter, *parts in _optimized(optimizer, theirs):
        for name, value in optimizer.state[parameter].items():
            for m, (each, part) in enumerate(zip(theirs, parts, strict=True)):
                each.state[part][name] = (value if name == "step" else value[m]).clone()


def _optimized(
    optimizer: torch.optim.Optimizer, theirs: Sequence[torch.optim.Optimizer]
) -> Iterator[tuple[Tensor, ...]]:
    """The stack's parameter and the methods' own, for every one that is optimised."""
    for groups in zip(*(each.param_groups for each in (optimizer, *theirs)), strict=True):
        yield from zip(*(group["params"] for group in groups), strict=True)


def _together(parts: Sequence[Callable[[Tensor], Tensor]], dim: int) -> Callable[[Tensor], Tensor]:
    """What treats [M, B, ...] as the M parts treat [B, ...]; `dim` is that of the latter."""
    if not all(isinstance(part, Preprocess) for part in parts):
        return lambda x: torch.stack([part(own) for part, own in zip(parts, x, strict=True)])

    def stacked(tensors: list[Tensor]) -> Tensor:
        together = torch.stack(tensors)  # [M], or [M, 1, C, H, W]
        return together[(...,) + (None,) * (1 + dim - together.dim())]

    return Preprocess(
        stacked([part.shift for part in parts]),
        stacked([part.scale for part in parts]),
        parts[0].window,
    )
