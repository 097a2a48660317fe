"""`fit`: the only training loop of the project. `evaluate`: the only evaluation."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lnl_core.accel import block_values
from lnl_core.accel.memory import prepare
from lnl_core.augment import Preprocess, block_size
from lnl_core.checkpoint import TrainingState
from lnl_core.config import TrainConfig
from lnl_core.contract import takes
from lnl_core.crops import TEST_CROPS, check_crops
from lnl_core.data import NoisyData, Split, TrainingSet
from lnl_core.data.batches import EVALUATION_BATCH
from lnl_core.errors import DivergedError, InputError
from lnl_core.measures.average_precision import KIND_OF, average_precisions
from lnl_core.measures.recovery import recovery
from lnl_core.methods.base import Method
from lnl_core.optim import (
    decay_groups,
    decay_penalty,
    lr_factor,
    make_optimizer,
    set_learning_rate,
)
from lnl_core.recordable import as_numbers
from lnl_core.streams import RandomStream, torch_seed

#: From how many classes on it is of interest whether a label is among the five likeliest:
#: mini-WebVision, whose top-5 is published, has 50.
TOP5_CLASSES = 50


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch left behind. Shares are fractions; what does not exist is None.

    `train_loss` is the mean over the epoch's updates. `val_loss` and `val_accuracy` are against
    the validation split's *noisy* labels, and the loss is the method's own criterion (with the
    weight penalty, if `config.penalised_val_loss`);
    `val_clean_*` are against the true ones. `train_accuracy` is against the noisy labels of the
    training split (its first `config.train_eval` samples), `train_clean_accuracy` against the
    true ones. `memorised` is the share of mislabelled
    training samples on which the network predicts the wrong label that it was given.
    `test_top5`, where there are 50 classes or more: the share of test samples whose label is
    among the five most likely ones.
    """

    stage: str
    epoch: int
    lr: float
    train_loss: float | None
    test_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    val_clean_loss: float | None
    val_clean_accuracy: float | None
    train_accuracy: float
    train_clean_accuracy: float
    memorised: float | None
    seconds: float
    diagnostics: dict[str, float] = field(default_factory=dict)
    test_top5: float | None = None


@dataclass(frozen=True)
class Step:
    """One update is done: where training stands. `step` counts from 1 within the epoch."""

    stage: str
    epoch: int
    step: int


#: How the updates of one epoch are made: the losses, each yielded when its update is done. On a
#: GPU and in a stack of runs this is not `one_by_one`; see `accel`.
Updates = Callable[[Method, TrainingSet, torch.optim.Optimizer], Iterator[Tensor]]


def one_by_one(
    method: Method, training: TrainingSet, optimizer: torch.optim.Optimizer
) -> Iterator[Tensor]:
    """Batch by batch, as the method has them and steps."""
    for batch in method.batches(training):
        yield method.step(batch, optimizer)


@takes(
    method=Method,
    data=NoisyData,
    config=TrainConfig,
    stage="text",
    checkpoint=(Path, type(None)),
    identity=(Mapping, type(None)),
    keep_best="flag",
    steps="flag",
)
def fit(
    method: Method,
    data: NoisyData,
    config: TrainConfig,
    *,
    seed: int = 0,
    stage: str = "train",
    checkpoint: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    keep_best: bool = False,
    steps: bool = False,
    updates: Updates = one_by_one,
) -> Iterator[EpochRecord | Step]:
    """Train the method, yielding an `EpochRecord` after each epoch.

    A generator: printing, plotting, stopping early and a Stop button are a `for` loop around it.
    `steps=True` also yields a `Step` after each update, for a loop that wants to stop or to draw
    within an epoch.

    `seed` drives everything random in training (order, dropout, augmentation); the caller's own
    random state is never touched. With a `checkpoint` path the state is saved after each epoch,
    and a run that finds one there yields the epochs it holds and continues bit for bit (on the
    CPU). `identity` is what else tells this run from others (the method's options, the net's),
    so that no checkpoint is mistaken for its own. With `keep_best` the method ends with the
    weights of the epoch of lowest `val_loss`, the first one if several tie.

    Raises `DivergedError` when a loss or a prediction is no longer a finite number, `InputError`
    when the checkpoint is another run's, `keep_best` finds no validation split, or one of the
    method's diagnostics is no finite number.
    """
    if keep_best and not len(data.val):
        raise InputError("the best epoch is chosen on the validation split, which is empty here.")
    check_crops(config.test_crops, data.test.x, data.name)
    prepare(method, config.precision, data.device)
    training = TrainingSet(data, config)
    state = TrainingState(
        method,
        make_optimizer(decay_groups(method.parameter_groups(), method, config), config),
        RandomStream(torch_seed("order", seed), data.device),
        identity={
            "method": type(method).__qualname__,
            "stage": stage,
            "seed": seed,
            "data": data.fingerprint,
            "config": config.to_dict(),
            "keep_best": keep_best,
            "record": sorted(EpochRecord.__dataclass_fields__),
            **(identity or {}),
        },
    )
    state.load(checkpoint)
    optimizer, stream = state.optimizer, state.stream
    history = [EpochRecord(**record) for record in state.history]
    yield from history

    for epoch in range(len(history) + 1, config.epochs + 1):
        started = time.perf_counter()
        set_learning_rate(optimizer, lr_factor(config, epoch))
        losses: list[Tensor] = []
        with stream:
            method.eval()
            with torch.no_grad():
                method.begin_epoch(epoch, training)
            method.train()
            for loss in updates(method, training, optimizer):
                losses.append(loss)
                if steps:
                    with stream.paused():
                        yield Step(stage, epoch, len(losses))
            train_loss = _mean_loss(losses, method, epoch)
            scores = evaluate(method, data, config, every_class=epoch == config.epochs)
            precisions = scores.pop("diagnostics", {})
        _check_scores(scores, method, epoch)
        record = EpochRecord(
            stage=stage,
            epoch=epoch,
            lr=float(optimizer.param_groups[0]["lr"]),
            train_loss=train_loss,
            **scores,
            diagnostics=as_numbers(type(method).__name__, method.diagnostics())
            | recovery(method, data)
            | precisions,
            seconds=time.perf_counter() - started,
        )
        state.history.append(dataclasses.asdict(record))
        if keep_best:
            state.note_best(record.val_loss)
        state.save(checkpoint)
        yield record

    if keep_best:
        state.load_best()


@takes(method=Method, data=NoisyData, config=TrainConfig, every_class="flag")
def evaluate(
    method: Method, data: NoisyData, config: TrainConfig, *, every_class: bool = True
) -> dict[str, Any]:
    """Losses and accuracies on the three splits: the fields of an `EpochRecord`, see there.

    Of multi-label data also `diagnostics`, `average_precisions` of the test split: the mean, and
    with `every_class` each class's.
    """
    was_training = method.training
    method.eval()
    preprocess = data.preprocess(config.preprocess)
    seen = data.train.head(config.train_eval)
    test = predict_logits(method, data.test.x, preprocess, config.test_crops)
    val, train = (predict_logits(method, split.x, preprocess) for split in (data.val, seen))
    penalty = decay_penalty(method, config) if config.penalised_val_loss else 0.0
    values = {
        "test_accuracy": _accuracy(test, data.test.clean),
        "val_loss": _loss(method, val, data.val.labels) + penalty,
        "val_accuracy": _accuracy(val, data.val.labels),
        "val_clean_loss": _loss(method, val, data.val.clean) + penalty,
        "val_clean_accuracy": _accuracy(val, data.val.clean),
        "train_accuracy": _accuracy(train, seen.labels),
        "train_clean_accuracy": _accuracy(train, seen.clean),
        "memorised": _memorised(train, seen),
    }
    if data.num_classes >= TOP5_CLASSES and not data.multi_label:
        values["test_top5"] = _top5(test, data.test.clean)
    method.train(was_training)
    # One transfer from the device for all of them.
    scores = dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))
    # A mean over nothing is NaN, and said as None; any other NaN is for the caller to see.
    nothing = {name for name in scores if name.startswith("val_") and not len(val)}
    nothing |= {"memorised"} if math.isnan(scores["memorised"]) else set()
    scores = {name: None if name in nothing else score for name, score in scores.items()}
    if not data.multi_label:
        return scores
    kind = KIND_OF.get(data.name, "area")
    found = average_precisions(test, data.test.clean, data.classes, kind)
    kept = {name: value for name, value in found.items() if every_class or name == "test_map"}
    return scores | {"diagnostics": kept}


@takes(method=nn.Module, crops="whole")
@torch.inference_mode()
def predict_logits(method: Method, x: Tensor, preprocess: Preprocess, crops: int = 1) -> Tensor:
    """The clean classifier's logits [N, K] for stored samples, in evaluation mode; the mean over
    so many `crops` of each (see `crops.py`)."""
    was_training = method.training
    method.eval()
    blocks = x.split(block_size(x, EVALUATION_BATCH, block_values(x.device)))
    parts = []
    for block in blocks:
        seen = TEST_CROPS[crops](block)
        logits = [method.logits(preprocess(view)).float() for view in seen]
        parts.append(logits[0] if crops == 1 else torch.stack(logits).mean(0))
    method.train(was_training)
    return torch.cat(parts)


def _accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of samples whose largest logit is the label's; of multi-label data, the share of
    the N·K yes-or-no answers (probability above one half) that are right. NaN for logits that
    are no numbers, whose largest one means nothing."""
    right = (logits > 0) == labels.bool() if labels.dim() == 2 else logits.argmax(-1) == labels
    return torch.where(logits.isfinite().all(), right.double().mean(), math.nan)


def _top5(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.topk(5, -1).indices == labels[:, None]).any(-1).double().mean()


def _loss(method: Method, logits: Tensor, labels: Tensor) -> Tensor:
    with torch.inference_mode():
        labels = labels.float() if labels.dim() == 2 else labels
        return method.criterion(logits, labels).double().mean()


def _memorised(logits: Tensor, split: Split) -> Tensor:
    if split.labels.dim() == 2:
        return torch.full((), float("nan"), device=logits.device, dtype=torch.float64)
    wrong = split.labels != split.clean
    return ((logits.argmax(-1) == split.labels) & wrong).double().sum() / wrong.double().sum()


def _mean_loss(losses: list[Tensor], method: Method, epoch: int) -> float | None:
    """The epoch's mean loss; the first step that was not finite is an error. One transfer.

    None if the method had nothing to train on (a selection may come out empty)."""
    if not losses:
        return None
    values = torch.stack(losses).flatten()  # a stack of runs hands over an epoch's at once
    finite = torch.isfinite(values)
    if not finite.all():
        step = int((~finite).nonzero()[0]) + 1
        raise DivergedError(
            f"{type(method).__name__}: the loss became {values[step - 1].item()} at epoch {epoch}, "
            f"step {step}: lower the learning rate, or look for extreme values in the data."
        )
    return values.mean().item()


def _check_scores(scores: dict[str, float | None], method: Method, epoch: int) -> None:
    """The last step of an epoch may ruin the weights after its loss was still finite."""
    if any(score is not None and not math.isfinite(score) for score in scores.values()):
        raise DivergedError(
            f"{type(method).__name__}: the predictions are no longer numbers after the last step "
            f"of epoch {epoch}: lower the learning rate, or look for extreme values in the data."
        )
