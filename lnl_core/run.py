"""One run: from a config to a trained method and the document that describes it."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import nn

import lnl_core
from lnl_core.accel import (
    check_precision,
    describe_device,
    peak_memory_mb,
    pick_device,
    reset_peak_memory,
)
from lnl_core.accel.capture import updates_for
from lnl_core.config import RunConfig, TrainConfig
from lnl_core.contract import takes
from lnl_core.data import Dataset, NoisyData, TrainingSet, load_dataset, make_noisy
from lnl_core.errors import DivergedError, InputError
from lnl_core.ledger.record_check import SCHEMA, determining, record_key
from lnl_core.measures.selection import select
from lnl_core.methods import Method, check_options, get_method
from lnl_core.nets import build_net
from lnl_core.recordable import as_arrays
from lnl_core.streams import RandomStream, torch_seed
from lnl_core.train import EpochRecord, Step, Updates, fit, predict_logits


class Run:
    """Iterate over it to train: `for record in Run(config): ...`.

    Afterwards `history` holds the epoch records, `method` the trained method, and `document()`
    everything worth keeping as plain JSON values. Iterating is lazy; leaving the loop stops the
    training and loses nothing that was yielded.

    `device` is "auto", "cpu" or "cuda"; `dataset` saves loading it again; `checkpoints` is a
    folder that holds one checkpoint a stage, from which an interrupted run continues; `steps`
    also yields a `Step` after each update; `updates` is how those are made, by default as suits
    the device.
    """

    @takes(
        config=RunConfig,
        device="text",
        dataset=(Dataset, type(None)),
        checkpoints="path?",
        steps="flag",
    )
    def __init__(
        self,
        config: RunConfig,
        *,
        device: str = "auto",
        dataset: Dataset | None = None,
        checkpoints: Path | None = None,
        steps: bool = False,
        updates: Updates | None = None,
    ) -> None:
        self.config = config
        self.entry = get_method(config.method)
        check_options(self.entry, config.options)
        self.device = pick_device(device)
        for train in (config.train, *config.stages.values()):
            check_precision(train.precision, self.device)
        self.data = make_noisy(
            dataset or load_dataset(config.data),
            config.noise,
            noise_seed=config.seeds.noise,
            split_seed=config.seeds.split,
            val_fraction=config.val_fraction,
            limit=config.limit,
        ).to(self.device)
        self.history: list[EpochRecord] = []
        self.method: Method | None = None
        #: What a recipe estimated on its way, for the record: arrays by name.
        self.estimates: dict[str, NDArray] = {}
        self.seconds = 0.0
        self._checkpoints = checkpoints
        self._steps = steps
        self._updates = updates
        self._nets = 0
        self._fitted: set[str] = set()
        self._ended = False

    def __iter__(self) -> Iterator[EpochRecord | Step]:
        self.history, self.method, self.estimates, self._nets = [], None, {}, 0
        self._fitted, self._ended = set(), False
        reset_peak_memory(self.device)
        started = time.perf_counter()
        for record in self.entry.recipe(self, **self.config.options):
            if isinstance(record, EpochRecord):
                self.history.append(record)
            # A resumed run took also the seconds of the epochs that it did not train again.
            spent = sum(past.seconds for past in self.history)
            self.seconds = max(spent, time.perf_counter() - started)
            yield record
        self.estimates = as_arrays(self.config.method, self.estimates)
        self._fitted, self._ended = set(), True

    # What recipes are written with -------------------------------------------------------------

    def net(self) -> nn.Module:
        """A freshly initialised net. Each one of a run is another draw from the init seed."""
        self._nets += 1
        with RandomStream(torch_seed(f"init-{self._nets}", self.config.seeds.init)):
            net = build_net(
                self.config.net,
                self.data.input_shape,
                self.data.num_classes,
                vocabulary=self.data.vocabulary,
                **self.config.net_options,
            )
        return net.to(self.device)

    def build(self, cls: type[Method], *, data: NoisyData | None = None, **options: Any) -> Method:
        """A method of that class with fresh nets, ready for `fit`. `data` as there."""
        nets = [self.net() for _ in range(cls.nets)]
        with RandomStream(torch_seed(f"method-{self._nets}", self.config.seeds.init)):
            training = TrainingSet(data or self.data, self.config.train)
            method = cls(*nets, training, **options)
        return method.to(self.device)

    def stage_config(self, stage: str) -> TrainConfig:
        """How a stage is trained."""
        return self.config.stages.get(stage, self.config.train)

    def fit(
        self,
        method: Method,
        stage: str = "train",
        *,
        keep_best: bool = False,
        data: NoisyData | None = None,
    ) -> Iterator[EpochRecord | Step]:
        """Train the method as the config says for this stage; `keep_best` as in `train.fit`.

        `data` is what this stage trains on where that is not the run's (the trusted samples).
        Raises `InputError` for a stage that this run has had: settings, checkpoints and records
        are told apart by its name.
        """
        if stage in self._fitted:
            raise InputError(
                f"stage {stage!r} is fitted twice in one run of '{self.config.method}': give the "
                'second `run.fit` a name of its own, as in stage="another name".'
            )
        self._fitted.add(stage)
        self.method = method
        folder = self._checkpoints
        return fit(
            method,
            data or self.data,
            self.stage_config(stage),
            seed=self.config.seeds.order,
            stage=stage,
            checkpoint=None if folder is None else Path(folder) / f"{stage}.pt",
            identity={"run": determining(self.config.to_dict()), "version": self.entry.version},
            keep_best=keep_best,
            steps=self._steps,
            updates=self._updates or updates_for(self.device),
        )

    def posteriors(self, method: Method) -> NDArray[np.float32]:
        """The method's predictions [N, K] on training and validation samples together."""
        preprocess = self.data.preprocess(self.config.train.preprocess)
        logits = [
            predict_logits(method, split.x, preprocess)
            for split in (self.data.train, self.data.val)
        ]
        return torch.cat(logits).softmax(-1).cpu().numpy()

    # What a run leaves behind ------------------------------------------------------------------

    def document(self, problem: Exception | None = None) -> dict[str, Any]:
        """The run as a record (see `ledger/record_check.py`). Accuracies and rates are fractions.

        `problem` is what ended the run before its last epoch, if anything did. A run that was
        left early, or never begun, is "stopped" as well.
        """
        # The dataset's name and not the path it was loaded from, which is this machine's alone.
        config = self.config.to_dict() | {"data": self.data.name}
        version, fingerprint = self.entry.version, self.data.dataset_fingerprint
        return {
            "schema": SCHEMA,
            "key": record_key(config, fingerprint, version),
            "status": self._status(problem),
            "error": None if problem is None else str(problem),
            "metrics": select(self.history),
            "realised_noise": self.data.noise.realised_rate,
            "noise": dataclasses.asdict(self.data.noise),
            "config": config,
            "method_version": version,
            "dataset": {
                "name": self.data.name,
                "source": self.data.source,
                "fingerprint": fingerprint,
                "train": len(self.data.train),
                "val": len(self.data.val),
                "test": len(self.data.test),
            },
            "estimates": {name: array.tolist() for name, array in self.estimates.items()},
            "history": [dataclasses.asdict(record) for record in self.history],
            "seconds": self.seconds,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": describe_device(self.device),
            "threads": torch.get_num_threads(),
            "precision": self.config.train.precision,
            "peak_memory_mb": peak_memory_mb(self.device),
            "versions": {
                "lnl_core": lnl_core.__version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                # They draw the noise and fit the mixtures, in versions with other last digits.
                **{name: version_of(name) for name in ("numpy", "scipy", "scikit-learn")},
            },
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }

    def _status(self, problem: Exception | None) -> str:
        """A run that diverged is a result; one that was stopped for another reason is not."""
        if isinstance(problem, DivergedError):
            return "diverged"
        return "finished" if self._ended and problem is None else "stopped"
