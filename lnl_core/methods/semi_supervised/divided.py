"""What DivideMix and UNICON share: two networks, each trained semi-supervised on a division of the
samples into labelled and unlabelled ones. `dividemix.py` and `unicon.py` divide them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses import divide, soft
from lnl_core.methods.base import Method
from lnl_core.methods.options import (
    POSITIVE,
    WEIGHT,
    flag,
    number,
    warm_up_epochs,
    whole,
)
from lnl_core.methods.semi_supervised.mixing import mix

#: Epochs of warm-up on CIFAR-10; on CIFAR-100 the authors have 30.
WARM_UP = 10


@dataclass(frozen=True)
class Part:
    """What one update sees: samples whose labels count and samples whose labels do not, for the
    first network (`active` 0) or the second (1). In the warm-up every label counts.

    `weight_u` is the λ_u of this update.
    """

    active: int
    labelled: Batch
    unlabelled: Batch | None = None
    weight_u: float = 0.0
    warm_up: bool = False


class Divided(Method):
    """The loop of Li et al., Algorithm 1. A subclass says which samples are labelled (`divide`,
    `split`) and how far each label is trusted (`trust`).

    An epoch trains the first network on all its batches, then the second. In the warm-up, its
    first `warm_up` epochs (None: 10, but at most a quarter of the epochs, one at least), that is
    cross-entropy on all labels, less the prediction's entropy with `confidence_penalty` (eq. 2,
    for asymmetric noise, which otherwise leaves confident predictions and small losses everywhere);
    in batches twice as large, as in the authors' code: as many samples an update as later.

    After it a batch of labelled samples comes with one of unlabelled samples, which begin anew as
    often as needed. Two views of each are guessed from: targets are the label and the network's
    own mean prediction, by trust (eq. 3), or the mean prediction of both networks, sharpened at
    `temperature` T (eq. 4). Then both parts are mixed, by Beta(α, α) with α = `alpha` and the
    larger share to the sample itself (eq. 5-8), and the network learns by
    L_X + λ_u L_U + L_reg (eq. 9-12). λ_u rises to `weight_u` within `ramp` epochs.

    The network's own guesses are made in training mode, as in the authors' code, the other's in
    evaluation mode; both views in one pass, so that batch normalisation has two samples where a
    batch has one. The shared optimiser leaves the network alone that has no gradient.

    Where no sample is labelled, the network is trained as in the warm-up that epoch; where none is
    unlabelled, on the labelled ones alone (L_U is 0). The text does not say, the authors' code
    stops there. Evaluated is the mean of both networks' logits, as in the code; the text averages
    predictions.
    """

    nets = 2
    #: Guessed from are a batch's first two views, trained on its last two.
    views = ("weak", "weak")

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        weight_u: float,
        temperature: float,
        alpha: float,
        warm_up: int | None,
        ramp: int,
        confidence_penalty: bool,
    ) -> None:
        super().__init__(net, data)
        self.peer = peer
        self.weight_u = number("weight_u", weight_u, *WEIGHT)
        self.temperature = number(
            "temperature", temperature, "in (0, 1], below 1 to sharpen", lambda t: 0 < t <= 1
        )
        self.alpha = number("alpha", alpha, *POSITIVE)
        self.warm_up = warm_up_epochs("warm_up", warm_up, WARM_UP, data.epochs)
        self.ramp = whole("ramp", ramp, 0)
        self.confidence_penalty = flag("confidence_penalty", confidence_penalty)
        self.num_classes = data.num_classes
        classes = torch.full((data.num_classes,), 1 / data.num_classes, device=data.device)
        self.register_buffer("prior", classes)
        #: How often the samples have been divided.
        self.register_buffer("divisions", torch.zeros((), dtype=torch.int64))
        #: Each sample's target when it was last trained on, [N, K]; before that its label.
        self.register_buffer("targets", F.one_hot(data.labels, data.num_classes).float())

    # Dividing -----------------------------------------------------------------------------------

    def divide(self, data: TrainingSet) -> None:
        """Judge all samples with the networks as they are."""
        raise NotImplementedError

    def split(self, active: int, data: TrainingSet) -> Tensor:
        """Which samples are labelled for that network: bool [N]. Called as its pass begins."""
        raise NotImplementedError

    def trust(self, active: int) -> Tensor:
        """w in [0, 1] of each sample, [N], that this network's targets give its label."""
        raise NotImplementedError

    @torch.no_grad()
    def survey(self, data: TrainingSet) -> Tensor:
        """Both networks' logits of all samples, plain and in the stored order: [2, N, K]."""
        was_training = self.training
        self.eval()
        parts = [torch.stack([self.net(b.x), self.peer(b.x)]) for b in data.scan()]
        self.train(was_training)
        return torch.cat(parts, 1).float()

    # Training -----------------------------------------------------------------------------------

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        self.epoch = epoch
        if epoch > self.warm_up:
            self.divisions += 1
            self.divide(data)

    def batches(self, data: TrainingSet) -> Iterator[Part]:
        for active in (0, 1):
            labelled = unlabelled = torch.empty(0, dtype=torch.int64)
            if self.epoch > self.warm_up:
                chosen = self.split(active, data)
                labelled, unlabelled = (part.nonzero().squeeze(-1) for part in (chosen, ~chosen))
            if not len(labelled):
                for batch in data.batches(batch_size=2 * data.batch_size):
                    yield Part(active, batch, warm_up=True)
                continue
            rest = self._again_and_again(data, labelled, unlabelled)
            steps = math.ceil(len(labelled) / data.batch_size)
            for step, batch in enumerate(data.batches(self.views, labelled)):
                since = self.epoch - 1 - self.warm_up + step / steps
                weight_u = self.weight_u * divide.ramp_up(since, self.ramp)
                yield Part(active, batch, next(rest, None), weight_u)

    def unlabelled_batch_size(self, size: int, labelled: int, unlabelled: int) -> int:
        """For labelled batches of that size, and so many samples of either kind."""
        return size

    def _again_and_again(
        self, data: TrainingSet, labelled: Tensor, unlabelled: Tensor
    ) -> Iterator[Batch]:
        size = self.unlabelled_batch_size(data.batch_size, len(labelled), len(unlabelled))
        while len(unlabelled):
            yield from data.batches(self.views, unlabelled, size)

    def loss(self, part: Part) -> Tensor:
        """L_X of each labelled, mixed sample, the batch's other terms added."""
        net = (self.net, self.peer)[part.active]
        if part.warm_up:
            logits = net(part.labelled.x)
            loss = self.criterion(logits, part.labelled.labels)
            return loss - soft.entropy(logits) if self.confidence_penalty else loss
        batches = [batch for batch in (part.labelled, part.unlabelled) if batch is not None]
        target = self._guess(part)
        for batch, guessed in zip(batches, target, strict=True):
            self.targets[batch.index] = guessed
        x = torch.cat([view for batch in batches for view in batch.views[-2:]])
        y = torch.cat([guessed for guessed in target for _ in range(2)])
        x, y = mix(x, y, self.alpha, largest=True)
        logits = net(x)
        count = 2 * len(part.labelled.index)
        loss = losses.cross_entropy(logits[:count], y[:count])
        loss = loss + soft.prior_divergence(logits, self.prior)
        if part.unlabelled is not None:
            wrong = divide.squared_error(logits[count:], y[count:]).mean()
            loss = loss + part.weight_u * wrong
        return loss

    @torch.no_grad()
    def _guess(self, part: Part) -> list[Tensor]:
        """The targets of the labelled samples, and of the unlabelled ones if there are any."""
        own, other = (self.net, self.peer)[:: -1 if part.active else 1]
        batch = part.labelled
        labels = F.one_hot(batch.labels, self.num_classes).float()
        trust = self.trust(part.active)[batch.index]
        predicted = _predictions(own, batch).mean(0)
        target = [divide.co_refine(labels, predicted, trust, self.temperature)]
        if part.unlabelled is not None:
            other.eval()
            guesses = [_predictions(net, part.unlabelled) for net in (own, other)]
            other.train(self.training)
            target.append(divide.co_guess(torch.cat(guesses), self.temperature))
        return target

    # What comes of it ---------------------------------------------------------------------------

    def logits(self, x: Tensor) -> Tensor:
        """The mean of both networks' logits."""
        return (self.net(x) + self.peer(x)) / 2

    def corrected_labels(self) -> Tensor:
        """The targets that the samples were last trained on, by whichever network: [N, K]."""
        return self.targets


def _predictions(net: nn.Module, batch: Batch) -> Tensor:
    """Probabilities [2, B, K] for the batch's first two views, in one pass."""
    return net(torch.cat(batch.views[:2])).softmax(-1).unflatten(0, (2, -1))
