"""INCV: Chen et al., *Understanding and Utilizing Deep Neural Networks Trained with Noisy Labels*,
ICML 2019. A label is trusted that a network predicts which has not seen it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lnl_core import losses
from lnl_core.data import TrainingSet
from lnl_core.methods.options import flag, whole
from lnl_core.methods.selection.cross_validated import CandidateCoTeaching, Fold
from lnl_core.streams import torch_seed

if TYPE_CHECKING:
    from lnl_core.run import Run

#: At most so many samples are removed to each one selected.
MOST_REMOVED = 2.0


def iterative_cv(
    run: Run,
    iterations: int = 4,
    asymmetric: bool = False,
    warm_up: int | None = None,
    ramp: int = 10,
    evaluated: str = "first",
) -> Iterator[Any]:
    """Iterative noisy cross-validation (Algorithm 2), then training on what it selected
    (Algorithm 3), the stage `train`: `CandidateCoTeaching`, whose options the last three are.

    Each of `iterations` halves the candidates, at first all samples. In the stages `fold-1a`,
    `fold-1b`, `fold-2a` … a new network learns from one half and from what is selected already,
    and judges the other half: `choose`. Selected and removed samples are candidates no more; with
    fewer than two candidates the rest is left out. The first half judged tells the noise rate ε,
    by `noise_rate`.

    `asymmetric` is for noise within pairs of classes, as in the authors' code: nothing is removed,
    labels selected are taken to be wrong as often as if K were 2, and the warm-up is longer. ε is
    computed as for symmetric noise also then.

    That code trains ResNet-32 with Adam at 0.001: 50 epochs a half, halved after 20, a quarter
    after 30, a tenth after 40, from the same initial weights each time (here they are drawn anew);
    200 in `train`, divided by 10 after 80, 120 and 160 and halved after 180. It judges by the epoch
    that agrees best with the half's labels, as here, but in the last iterations (all but the first
    if ε is above 0.6 or noise asymmetric, but two if above 0.3) by the last epoch. We have the
    algorithms from memory and from that code.
    """
    whole("iterations", iterations, 1)
    flag("asymmetric", asymmetric)
    given = {"warm_up": warm_up, "ramp": ramp, "evaluated": evaluated, "asymmetric": asymmetric}
    everything = torch.arange(len(run.data.train), device=run.data.device)
    none = torch.zeros_like(everything, dtype=torch.bool)
    # Refused before a net has been trained, and not after.
    run.build(CandidateCoTeaching, selected=none, candidates=none, rate=0.0, **given)
    selected, candidates, rate = none, ~none, None
    for turn in range(1, iterations + 1):
        if candidates.sum() < 2:
            break
        halves = _halves(everything[candidates], torch_seed(f"fold-{turn}", run.config.seeds.order))
        keep, remove = selected, none
        for name, inside, outside in (("a", *halves), ("b", *reversed(halves))):
            stage = f"fold-{turn}{name}"
            inside = torch.cat([everything[selected], inside])
            fold = run.build(Fold, inside=inside, outside=outside)
            yield from run.fit(fold, stage=stage)
            data = TrainingSet(run.data, run.stage_config(stage))
            with torch.no_grad():
                fold.judge(data)
            labels = data.labels[outside]
            if rate is None:
                rate = noise_rate(fold.agreement.item(), data.num_classes)
            agreed, worst = choose(fold.judged, labels, 0.0 if asymmetric else rate)
            keep = keep.index_fill(0, outside[agreed], True)
            remove = remove.index_fill(0, outside[worst], True)
        selected, candidates = keep, candidates & ~keep & ~remove
    run.estimates["noise_rate"] = np.array(rate or 0.0)
    final = run.build(
        CandidateCoTeaching, selected=selected, candidates=candidates, rate=rate or 0.0, **given
    )
    yield from run.fit(final)


def choose(logits: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """Of judged samples, logits [n, K] and labels int64 [n], which are selected and which removed:
    bool [n] both.

    Selected are the s whose label is predicted; removed the r s of largest loss, r = ε / (1 - ε)
    with ε = `rate`, at most 2, rounded down, but none that is selected.
    """
    selected = logits.argmax(-1) == labels
    ratio = min(MOST_REMOVED, rate / (1 - rate))
    count = int(ratio * selected.sum())
    rank = losses.cross_entropy(logits, labels).argsort(descending=True).argsort()
    return selected, (rank < count) & ~selected


def noise_rate(agreement: float, num_classes: int) -> float:
    """ε in [0, 1 - 1/K] of symmetric noise, where held-out labels agree with the predictions of a
    network that has learned the noise as well as the classes: (1 - ε)² + ε² / (K - 1) of them
    (eq. 4).

    The smaller root. No agreement is below 1/K in expectation; what is counts as 1/K.
    """
    scale = num_classes / (num_classes - 1)
    return (1 - math.sqrt(max(0.0, 1 - (1 - agreement) * scale))) / scale


def _halves(index: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Those samples in two halves at random; the first is the smaller one of an odd number."""
    # Drawn on the CPU for the same halves on every device.
    order = torch.randperm(len(index), generator=torch.Generator().manual_seed(seed))
    mixed = index[order.to(index.device)]
    return mixed[: len(index) // 2], mixed[len(index) // 2 :]
