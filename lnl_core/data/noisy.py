"""A dataset made noisy and split: what one run trains, selects and is judged on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnl_core import transition
from lnl_core.augment import Preprocess, make_preprocess
from lnl_core.contract import takes
from lnl_core.data.dataset import Dataset
from lnl_core.data.files import ImageFiles
from lnl_core.data.sample_noise import SAMPLE_NOISE
from lnl_core.errors import InputError
from lnl_core.noise import Noise
from lnl_core.noise.label_shuffle import expected_rate
from lnl_core.streams import check_seed, numpy_generator


@dataclass(frozen=True)
class Split:
    """Samples with the labels a method sees, and the true ones, which only evaluation reads.

    `x` [N, ...] or `ImageFiles`, `labels` and `clean` int64 [N] or uint8 [N, K].
    """

    x: Tensor | ImageFiles
    labels: Tensor
    clean: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> Split:
        return Split(self.x.to(device), self.labels.to(device), self.clean.to(device))

    def joined(self, other: Split) -> Split:
        """These samples and then the other's."""
        if isinstance(self.x, ImageFiles):
            x = self.x.joined(other.x)
        else:
            x = torch.cat([self.x, other.x])
        labels, clean = (
            torch.cat(pair) for pair in ((self.labels, other.labels), (self.clean, other.clean))
        )
        return Split(x, labels, clean)

    def head(self, count: int) -> Split:
        """The first `count` samples. The split's order is random, so they are a fair sample."""
        return Split(self.x[:count], self.labels[:count], self.clean[:count])


@dataclass(frozen=True)
class NoiseReport:
    """What was asked for and what came out, on the training split.

    `nominal_rate` is the protocol's parameter, `expected_rate` the share of labels that its
    matrix should change, `realised_rate` the share that it did change. Noise `given` has no
    nominal values, and multi-label data no matrix: None. Where the true labels are not known but
    the data tell T, that is the nominal matrix, and both rates are those of the trusted samples.
    """

    protocol: str
    draw: str
    nominal_rate: float | None
    expected_rate: float | None
    realised_rate: float
    nominal_matrix: list[list[float]] | None
    realised_matrix: list[list[float]] | None


@dataclass(frozen=True)
class NoisyData:
    """`train` and `val` with noisy labels, `test` with clean ones, and what is known of the noise.

    `transition_matrix` is T[clean, noisy] as float32 [K, K]: the protocol's, or for given noise
    the realised one, or the data's own; None for multi-label data, where no such matrix exists.
    `vocabulary` is how many token ids there are; None for data that are not tokens. `trusted` are
    further training samples, with clean labels, where the dataset has some.
    """

    name: str
    classes: tuple[str, ...]
    source: str
    dataset_fingerprint: str
    train: Split
    val: Split
    test: Split
    transition_matrix: Tensor | None
    noise: NoiseReport
    vocabulary: int | None = None
    trusted: Split | None = None
    _fitted: dict[str, Preprocess] = field(default_factory=dict, repr=False, compare=False)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def multi_label(self) -> bool:
        return self.train.labels.dim() == 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.train.x.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """Tells this split and these noisy labels, of this dataset, from any other."""
        digest = hashlib.sha256(self.dataset_fingerprint.encode())
        for split in (self.train, self.val):
            for labels in (split.labels, split.clean):
                digest.update(labels.cpu().numpy())
        return digest.hexdigest()[:16]

    @property
    def device(self) -> torch.device:
        return self.train.x.device

    def preprocess(self, name: str) -> Preprocess:
        """The preprocessing of that name, fitted on the training split, once."""
        if name not in self._fitted:
            self._fitted[name] = make_preprocess(name, self.train.x)
        return self._fitted[name]

    def to(self, device: torch.device | str) -> NoisyData:
        t = self.transition_matrix
        return replace(
            self,
            _fitted={},
            train=self.train.to(device),
            val=self.val.to(device),
            test=self.test.to(device),
            trusted=None if self.trusted is None else self.trusted.to(device),
            transition_matrix=None if t is None else t.to(device),
        )

    def trusted_only(self) -> NoisyData:
        """The same data with the trusted samples, and no others, to train on.

        Preprocessing stays what it was fitted to, so that a net trained on the noisy samples can
        go on with these. Raises `InputError` if there are none.
        """
        t = self.transition_matrix
        clean = None if t is None else torch.eye(self.num_classes, device=t.device)
        return replace(self, train=self._trusted(), transition_matrix=clean)

    def with_trusted(self) -> NoisyData:
        """The same data with the trusted samples, and their clean labels, among those to train on.

        T is then that of the mixture, of classes that are as frequent here as there. Raises
        `InputError` if there are no trusted samples.
        """
        trusted, t = self._trusted(), self.transition_matrix
        train, share = self.train.joined(trusted), len(trusted) / (len(self.train) + len(trusted))
        if t is not None:
            t = (1 - share) * t + share * torch.eye(self.num_classes, device=t.device)
        return replace(self, train=train, transition_matrix=t)

    def _trusted(self) -> Split:
        if self.trusted is None:
            raise InputError(
                f"{self.name} has no trusted samples, whose labels are known to be clean: use "
                "clothing1m or shapes-folder, or give a Dataset x_trusted and y_trusted."
            )
        return self.trusted


@takes(dataset=Dataset, noise=Noise, val_fraction=(int, float), limit=(int, type(None)))
def make_noisy(
    dataset: Dataset,
    noise: Noise,
    *,
    noise_seed: int = 0,
    split_seed: int = 0,
    val_fraction: float = 0.1,
    limit: int | None = None,
) -> NoisyData:
    """Corrupt the training labels, hold out a validation split, keep the test labels clean.

    The noisy label of a training example depends on `noise_seed` alone, not on the split or the
    limit. The validation labels are noisy too (selecting on clean ones is a choice, not a
    default). `limit` keeps that many training samples, drawn with `split_seed`. A dataset with a
    validation split of its own keeps that one, whatever the share, and it has clean labels.
    """
    for name, seed in (("noise", noise_seed), ("split", split_seed)):
        check_seed(seed, f"the {name} seed")
    if not 0 <= val_fraction < 1:
        raise InputError(f"the validation share is {val_fraction}, but it lies in [0, 1).")
    fingerprint = dataset.fingerprint
    noisy = _noisy_labels(dataset, noise, noise_seed)
    rng = numpy_generator("split", split_seed)
    if limit is not None:
        dataset = replace(dataset, y_train_noisy=noisy).subset(limit, rng)
        noisy = dataset.y_train_noisy

    order = torch.from_numpy(rng.permutation(len(dataset.x_train)))
    held_out = 0 if dataset.x_val is not None else round(val_fraction * len(order))
    if held_out == len(order):
        raise InputError(
            f"a validation share of {val_fraction} of {len(order)} samples leaves none to train "
            "on: use a smaller share."
        )
    val, train = (
        Split(dataset.x_train.index_select(0, part), noisy[part], dataset.y_train[part])
        for part in (order[:held_out], order[held_out:])
    )
    if dataset.x_val is not None:
        val = _clean_split(dataset.x_val, dataset.y_val)
    nominal = None if dataset.multi_label else noise.transition_matrix(
        dataset.num_classes, dataset.name, noise_seed
    )  # fmt: skip
    if noise.name == "given" and dataset.transition_matrix is not None:
        nominal = dataset.transition_matrix
        report = _report_of_unknown(noise, nominal, dataset.y_trusted)
    else:
        report = _report(train, noise, nominal, dataset.num_classes)
    t = nominal if nominal is not None else report.realised_matrix
    return NoisyData(
        name=dataset.name,
        classes=dataset.classes,
        source=dataset.source,
        dataset_fingerprint=fingerprint,
        train=train,
        val=val,
        test=_clean_split(dataset.x_test, dataset.y_test),
        transition_matrix=None if t is None else torch.tensor(t, dtype=torch.float32),
        noise=report,
        vocabulary=dataset.vocabulary,
        trusted=None
        if dataset.x_trusted is None
        else _clean_split(dataset.x_trusted, dataset.y_trusted),
    )


def _clean_split(x: Tensor | ImageFiles, y: Tensor) -> Split:
    return Split(x, y, y)


def _noisy_labels(dataset: Dataset, noise: Noise, seed: int) -> Tensor:
    if noise.name == "given":
        if dataset.y_train_noisy is None:
            raise InputError(
                f"noise 'given' needs noisy labels in the data, but {dataset.name} has none: save "
                "them as y_train_noisy in an .npz, or choose a protocol from `lnl list noise`."
            )
        return dataset.y_train_noisy
    if noise.name == "none":
        return dataset.y_train
    if dataset.multi_label and noise.name != "label-shuffle":
        raise InputError(
            f"noise '{noise.name}' is defined for one label a sample, but {dataset.name} is "
            "multi-label: use 'label-shuffle' or 'none', or 'given' with y_train_noisy."
        )
    if noise.name in SAMPLE_NOISE:
        return torch.from_numpy(SAMPLE_NOISE[noise.name](dataset, noise, seed))
    noisy = noise.corrupt(dataset.y_train.numpy(), dataset.num_classes, seed, dataset.name)
    return torch.from_numpy(noisy)


def _report_of_unknown(noise: Noise, matrix: NDArray[np.float64], clean: Tensor) -> NoiseReport:
    """Of noise whose matrix is known and whose single mistakes are not."""
    share = np.bincount(clean, minlength=len(matrix)) / len(clean)
    rate = float(1 - share @ np.diag(matrix))
    return NoiseReport(str(noise), noise.draw, None, rate, rate, matrix.tolist(), None)


def _report(
    train: Split, noise: Noise, nominal: NDArray[np.float64] | None, num_classes: int
) -> NoiseReport:
    realised = expected = None
    if train.clean.dim() == 1:
        realised = transition.realised_matrix(train.clean, train.labels, num_classes)
    if nominal is not None:
        share = np.bincount(train.clean, minlength=num_classes) / len(train)
        expected = float(1 - share @ np.diag(nominal))
    elif noise.name == "label-shuffle":
        expected = expected_rate(train.clean.numpy(), noise.rate)
    return NoiseReport(
        protocol=str(noise),
        draw=noise.draw,
        nominal_rate=noise.rate,
        expected_rate=expected,
        # A multi-label sample has K labels, each right or wrong.
        realised_rate=(train.labels != train.clean).double().mean().item(),
        nominal_matrix=None if nominal is None else nominal.tolist(),
        realised_matrix=None if realised is None else realised.tolist(),
    )
