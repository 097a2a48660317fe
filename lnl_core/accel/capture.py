"""CUDA graphs: one update recorded, then replayed for all the others.

An update of a small net is hundreds of kernels of a few microseconds each, and launching them
from Python takes longer than they do. A graph launches all of them at once. What it holds is
everything from the samples' indices on: gather, augmentation, forward, loss, backward, optimiser.

The first updates of a run are made as usual, on the stream that will be captured: they are real
updates, and they leave behind what a graph needs to find (chosen algorithms, the optimiser's
state). So is the rest of an epoch that fills no whole batch. torch's generator counts on in a
replay where it would without one, so that a captured run draws the numbers of an eager one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lnl_core.data import TrainingSet
from lnl_core.errors import InputError
from lnl_core.methods.base import Method
from lnl_core.train import Updates, one_by_one

#: Set in the environment, it turns every graph off: for debugging, and to see what they gain.
SWITCH = "LNL_EAGER"
#: Updates before the capture.
WARM_UP = 3
#: What an optimiser must be told before it may be captured. All take the learning rate as a
#: tensor then, which a graph reads anew in each replay. (AdaGrad counts its steps on the CPU and
#: so misses the replays; it uses the count for nothing but a decay of the rate that we never ask.)
CAPTURABLE: dict[type[torch.optim.Optimizer], dict[str, bool]] = {
    torch.optim.SGD: {"fused": True, "foreach": False},
    torch.optim.Adagrad: {"fused": False, "foreach": True},
    torch.optim.Adam: {"capturable": True, "fused": False, "foreach": True},
}

Update = Callable[[Tensor], Tensor]


def updates_for(device: torch.device) -> Updates:
    """How updates are best made on that device: one `Updates` for one `fit`."""
    return GraphUpdates() if graphs_wanted(device) else one_by_one


def graphs_wanted(device: torch.device) -> bool:
    return device.type == "cuda" and not os.environ.get(SWITCH)


def why_eager(
    method: Method, training: TrainingSet, optimizer: torch.optim.Optimizer
) -> str | None:
    """Why this cannot be captured, if it cannot: then its updates are made one by one."""
    cls = type(method)
    if not (declares(method, "captures") or declares(method, "stacks")):
        return f"{cls.__name__} does not declare `captures`"
    if cls.step is not Method.step or cls.batches is not Method.batches:
        return f"{cls.__name__} has a `step` or `batches` of its own"
    if not isinstance(training.x, Tensor):
        return "the samples are read from files"
    if type(optimizer) not in CAPTURABLE:
        return f"{type(optimizer).__name__} cannot be captured"
    return None


def declares(method: Method, what: str) -> bool:
    """Whether the method's own class says that of itself. It is not inherited, because what a
    subclass overrides may change it. The base class is cross-entropy, of which all is true."""
    return type(method) is Method or vars(type(method)).get(what, False)


class GraphUpdates:
    """`Updates` by replays of a graph; one by one where `why_eager` says so, which is printed."""

    def __init__(self, graphs: Graphs | None = None) -> None:
        self._graphs = graphs
        self._captured: Captured | None = None
        self._reason: str | None = None

    def __call__(
        self, method: Method, training: TrainingSet, optimizer: torch.optim.Optimizer
    ) -> Iterator[Tensor]:
        before, self._reason = self._reason, why_eager(method, training, optimizer)
        if self._reason is not None:
            if self._reason != before:  # once, and not with every epoch
                print(f"no CUDA graph: {self._reason}", file=sys.stderr)
            return one_by_one(method, training, optimizer)
        if self._captured is None:

            def update(index: Tensor) -> Tensor:
                return method.step(training.take(index, method.views), optimizer)

            self._captured = Captured(update, optimizer, self._graphs)
        return self._captured(training.order())


class Captured:
    """Makes the updates of an epoch from indices: int64, all of one shape but for a rest.

    `update` makes one update and returns its loss. What it reads beside the index (parameters,
    samples, labels) has to stay where it is in memory.
    """

    def __init__(
        self, update: Update, optimizer: torch.optim.Optimizer, graphs: Graphs | None = None
    ) -> None:
        self._update = update
        self._optimizer = optimizer
        self._graphs = graphs or Graphs()
        self._rates: list[Tensor] = []
        self._warm = 0
        self._index: Tensor | None = None
        self._replay: Callable[[], Tensor] | None = None

    def __call__(self, order: Iterable[Tensor]) -> Iterator[Tensor]:
        """The losses of the updates, each yielded when its update has been launched."""
        with capturable(self._optimizer, self._rates):
            for index in order:
                yield self._one(index)

    def _one(self, index: Tensor) -> Tensor:
        if self._index is None:
            self._index = index.clone()
        if index.shape != self._index.shape:
            return self._update(index)
        self._index.copy_(index)
        if self._warm < WARM_UP:
            self._warm += 1
            return self._graphs.warm_up(partial(self._update, self._index))
        if self._replay is None:
            self._replay = self._graphs.capture(partial(self._update, self._index))
        return self._replay().clone()  # the next replay writes over it


class Graphs:
    """CUDA graphs as torch has them. A test on a CPU puts something else in its place."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def warm_up(self, update: Callable[[], Tensor]) -> Tensor:
        """The update, made on the stream that will be captured."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            loss = update()
        torch.cuda.current_stream().wait_stream(self._stream)
        return loss.clone()  # memory of the stream that goes on with it

    def capture(self, update: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """A function that replays the update, which this only records.

        It returns the same tensor each time, with the new loss in it.
        """
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._stream):
                loss = update()
        except RuntimeError as error:
            raise InputError(
                f"the update could not be captured in a CUDA graph ({str(error).splitlines()[0]}): "
                f"take `captures` and `stacks` from the method, or set {SWITCH}=1."
            ) from error

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay


@contextmanager
def capturable(optimizer: torch.optim.Optimizer, rates: list[Tensor]) -> Iterator[None]:
    """The optimiser as a graph can hold it, within; as it was, after.

    `rates` are the learning rates as tensors, made here the first time, filled each time.
    """
    groups = optimizer.param_groups
    flags = CAPTURABLE[type(optimizer)]
    before: list[dict[str, Any]] = [{k: group[k] for k in ("lr", *flags)} for group in groups]
    if not rates:
        device = groups[0]["params"][0].device
        rates += [torch.zeros((), device=device) for _ in groups]
    for group, rate in zip(groups, rates, strict=True):
        group.update(flags, lr=rate.fill_(group["lr"]))
    if isinstance(optimizer, torch.optim.Adam):
        # A graph counts Adam's steps, so they have to be on the device. They may stay there.
        for parameter, state in optimizer.state.items():
            state["step"] = state["step"].to(parameter.device)
        # torch warns of `capturable` outside a capture, which the first updates are.
        optimizer._warned_capturable_if_run_uncaptured = True
    try:
        yield
    finally:
        for group, own in zip(groups, before, strict=True):
            group.update(own)
