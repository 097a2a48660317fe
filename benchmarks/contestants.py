"""The three that are timed, each a function that makes so many updates and returns the seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from benchmarks.settings import Setting, random_data
from lnl_core import Method, NoisyData, TrainConfig, TrainingSet, fit
from lnl_core.accel.capture import Captured, graphs_wanted, updates_for
from lnl_core.accel.memory import channels_last, prepare
from lnl_core.nets import build_net
from lnl_core.optim import make_optimizer


def wait_for(device: torch.device) -> float:
    """Wait until the device is done; the time then."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Loader:
    """(a) What most people run, tuned: PIL images through torchvision's transforms in a DataLoader
    whose workers stay, one stream of batches without end, nothing read back from the device.

    `last` puts the convolutions' channels last, as `fit` does: a line more, and few write it.
    """

    def __init__(
        self,
        name: str,
        setting: Setting,
        device: torch.device,
        workers: int,
        *,
        last: bool = False,
        precision: str = "float32",
    ) -> None:
        self._device = device
        self._autocast = torch.autocast(device.type, torch.bfloat16, precision == "bfloat16")
        self._net = new_net(name, setting).to(device)
        if last:
            channels_last(self._net)
        self._optimizer = make_optimizer([{"params": list(self._net.parameters())}], setting.train)
        images = Images(random_data(setting, 20), setting.train)
        self._batches = _without_end(images, setting.train.batch_size, workers, device)
        # What is waiting when the clock starts was made before: such batches come first.
        self._waiting = 2 * workers

    def __call__(self, steps: int) -> float:
        self._updates(self._waiting)
        started = wait_for(self._device)
        self._updates(steps)
        seconds = wait_for(self._device) - started
        time.sleep(0.02 * self._waiting)  # the workers refill their queue, and then rest
        return seconds

    def _updates(self, steps: int) -> None:
        for _ in range(steps):
            x, y = (part.to(self._device, non_blocking=True) for part in next(self._batches))
            with self._autocast:
                logits = self._net(x)
            loss = nn.functional.cross_entropy(logits.float(), y)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()


class Images:
    """Samples as torchvision's datasets have them: an array in, a PIL image, a tensor out."""

    def __init__(self, data: NoisyData, train: TrainConfig) -> None:
        channels, size, _ = data.input_shape
        self._images, self._labels = data.train.x, data.train.labels.tolist()
        steps: list = [transforms.ToTensor()]
        if train.augmentation == "crop-flip":
            flip = transforms.RandomHorizontalFlip()
            steps = [transforms.RandomCrop(size, padding=4), flip, *steps]
        if train.preprocess == "standardise":
            steps.append(transforms.Normalize([0.5] * channels, [0.25] * channels))
        self._transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(to_pil_image(self._images[index])), self._labels[index]


def _without_end(
    images: Images, batch_size: int, workers: int, device: torch.device
) -> Iterator[list[Tensor]]:
    return iter(
        DataLoader(
            images,
            batch_size,
            sampler=RandomSampler(images, replacement=True, num_samples=10**8),
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            drop_last=True,
        )
    )


class Fit:
    """(b) `fit` itself: an epoch a measurement, its updates timed apart from its evaluation."""

    def __init__(
        self, name: str, setting: Setting, device: torch.device, precision: str, steps: int
    ) -> None:
        data = random_data(setting, steps).to(device)
        config = replace(
            setting.train, epochs=10**6, precision=precision, train_eval=len(data.test)
        )
        self._device = device
        self._evaluated = 3 * len(data.test)
        method = Method(new_net(name, setting).to(device), TrainingSet(data, config))
        make = updates_for(device)

        def timed(*what: object) -> Iterator[Tensor]:
            started = wait_for(device)
            yield from make(*what)
            self._seconds = wait_for(device) - started

        self._epochs = fit(method, data, config, updates=timed)
        #: Images a second in the evaluation of the last epoch.
        self.evaluation_rate = 0.0

    def __call__(self, steps: int) -> float:
        """`steps` is what an epoch has."""
        record = next(self._epochs)
        self.evaluation_rate = self._evaluated / (record.seconds - self._seconds)
        return self._seconds


class Bare:
    """(c) The step alone, on one batch that is at hand: on a GPU captured in a graph."""

    def __init__(self, name: str, setting: Setting, device: torch.device, precision: str) -> None:
        data = random_data(setting, 2).to(device)
        training = TrainingSet(data, setting.train)
        self._device = device
        self._method = Method(new_net(name, setting).to(device), training)
        prepare(self._method, precision, device)
        self._method.train()
        self._optimizer = make_optimizer(self._method.parameter_groups(), setting.train)
        self._batch = training.take(torch.arange(setting.train.batch_size, device=device))
        self._captured = Captured(self._update, self._optimizer) if graphs_wanted(device) else None

    def __call__(self, steps: int) -> float:
        started = wait_for(self._device)
        indices = repeat(self._batch.index, steps)
        for _ in map(self._update, indices) if self._captured is None else self._captured(indices):
            pass
        return wait_for(self._device) - started

    def operations(self) -> int:
        """Floating-point operations of one update: products and sums in matrix products and
        convolutions, forward and backward."""
        with FlopCounterMode(display=False) as counter:
            self._update(self._batch.index)
        return counter.get_total_flops()

    def _update(self, index: Tensor) -> Tensor:
        return self._method.step(self._batch, self._optimizer)


def new_net(name: str, setting: Setting) -> nn.Module:
    torch.manual_seed(0)
    return build_net(name, setting.shape, 10, **setting.net_options)
