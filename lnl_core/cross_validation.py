"""Options chosen on noisy labels alone, as Jindal et al. 2019 choose α and β (Section 4.4).

    tried = list(trials(config, {"alpha": (0.5, 0.9, 1.0)}))
    best = choose(tried)
    best.options                        # {"alpha": 0.9}

What is compared is the *accuracy* on held-out noisy labels: the loss that an option is part of
cannot compare values of that option. Where noise leaves each class its own label more often than
any other, the classifier that is best on noisy labels is best on clean ones, given enough of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean
from typing import Any

from lnl_core.config import RunConfig
from lnl_core.contract import takes
from lnl_core.data import Dataset, load_dataset
from lnl_core.errors import DivergedError, InputError
from lnl_core.run import Run


@dataclass(frozen=True)
class Trial:
    """One choice of options. Accuracies after the last epoch, means over the splits, fractions.

    `val_accuracy` is against noisy labels, and chooses; `test_accuracy`, against clean ones,
    says afterwards what the choice was worth.
    """

    options: dict[str, Any]
    val_accuracy: float
    test_accuracy: float


@takes(
    config=RunConfig, grid=Mapping, splits=Sequence, dataset=(Dataset, type(None)), device="text"
)
def trials(
    config: RunConfig,
    grid: Mapping[str, Sequence[Any]],
    *,
    splits: Sequence[int] = (0,),
    dataset: Dataset | None = None,
    device: str = "auto",
) -> Iterator[Trial]:
    """Train once for every combination of the grid's values and every split seed.

    `grid`: option of the method → values. Noise, initial weights and order are the config's, the
    same for all. A combination that diverges scores 0. Raises `InputError` where nothing is held
    out, or nothing is asked for.
    """
    if not config.val_fraction:
        raise InputError(
            "options are chosen on held-out labels, but val_fraction is 0: give a share, like 0.1."
        )
    if not splits or not all(grid.values()):
        raise InputError("splits, and the values of each option in the grid, must not be empty.")
    dataset = dataset or load_dataset(config.data)
    for values in product(*grid.values()):
        options = dict(zip(grid, values, strict=True))
        scores = [_score(config, options, split, dataset, device) for split in splits]
        val, test = (fmean(column) for column in zip(*scores, strict=True))
        yield Trial(options, val, test)


def choose(tried: Iterable[Trial]) -> Trial:
    """The one of the highest accuracy on noisy labels, the first if several tie. Raises
    `InputError` where nothing was tried."""
    tried = list(tried)
    if not tried:
        raise InputError("nothing was tried, so there is nothing to choose from: see `trials`.")
    return max(tried, key=lambda trial: trial.val_accuracy)


def _score(
    config: RunConfig, options: dict[str, Any], split: int, dataset: Dataset, device: str
) -> tuple[float, float]:
    seeds = replace(config.seeds, split=split)
    run = Run(
        replace(config, options=config.options | options, seeds=seeds),
        dataset=dataset,
        device=device,
    )
    try:
        for _ in run:
            pass
    except DivergedError:
        return 0.0, 0.0
    last = run.history[-1]
    return last.val_accuracy, last.test_accuracy
