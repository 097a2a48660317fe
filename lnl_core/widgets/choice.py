"""State of the train-and-watch explorer: what is chosen, why it may be impossible, its code."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lnl_core import transition
from lnl_core.atomic import replacing
from lnl_core.config import RunConfig
from lnl_core.data import Dataset
from lnl_core.errors import InputError
from lnl_core.ledger.tables import all_tables
from lnl_core.methods import get_method
from lnl_core.noise import ASYMMETRIC_MAPS, Noise, parse_noise
from lnl_core.profiles import configure
from lnl_core.train import EpochRecord

#: The noises that are offered: by name, each with a rate.
NOISES = ("symmetric", "symmetric-inclusive", "asymmetric", "uniform-simplex", "part-dependent")


@dataclass(frozen=True)
class Choice:
    """One run that can be asked for. `rate` in [0, 1]; `lr` and `epochs` are the training's."""

    method: str = "cross-entropy"
    data: str = "digits"
    noise: str = "symmetric"
    rate: float = 0.4
    lr: float = 0.05
    seed: int = 0
    epochs: int = 40

    @property
    def title(self) -> str:
        return f"{self.method}, {self.noise} {self.rate:g}, lr {self.lr:.3g}, seed {self.seed}"


def config_of(choice: Choice, dataset: Dataset) -> RunConfig:
    """The complete config; `InputError` where there is none."""
    return configure(
        choice.method,
        noise=Noise(choice.noise, choice.rate),
        dataset=dataset,
        seed=choice.seed,
        lr=choice.lr,
        epochs=choice.epochs,
    )


def obstacle(choice: Choice, dataset: Dataset) -> str:
    """Why this cannot be trained, as a sentence; "" where it can be."""
    needs = get_method(choice.method).needs
    if choice.noise == "asymmetric" and dataset.name not in ASYMMETRIC_MAPS:
        return f"{dataset.name} has no map of look-alikes for asymmetric noise: choose another."
    if "clean labels" in needs and dataset.x_trusted is None:
        return (
            f"{choice.method} needs trusted samples, and {dataset.name} has none: choose another "
            "method."
        )
    try:
        config = config_of(choice, dataset)
        if "T" in needs:
            t = config.noise.transition_matrix(dataset.num_classes, dataset.name, choice.seed)
            if choice.method == "backward" and t is not None:
                transition.inverse(t)
    except InputError as error:
        return str(error)
    return ""


def as_code(choice: Choice) -> str:
    """The cell that trains the same and shows its curves."""
    return f"""\
from lnl_core import Noise, Run, configure, load_dataset
from lnl_core.notebook import watch

config = configure(
    {choice.method!r},
    noise=Noise({choice.noise!r}, {choice.rate!r}),
    dataset=load_dataset({choice.data!r}),
    seed={choice.seed!r},
    lr={choice.lr!r},
    epochs={choice.epochs!r},
)
histories = watch({{{choice.method!r}: Run(config)}})
"""


def paper_noise(method: str, dataset: Dataset) -> Noise | None:
    """A noise of the tables of the method's paper that is offered and fits the dataset: the first
    with a rate; None where the paper has none."""
    paper = get_method(method).paper
    for table in all_tables().values():
        if table.paper != paper:
            continue
        for column in table.columns:
            name, _, rate = column.partition(":")
            fits = name != "asymmetric" or dataset.name in ASYMMETRIC_MAPS
            if name in NOISES and fits and rate and 0 < float(rate) < 1:
                return parse_noise(column)
    return None


def by_the_paper(choice: Choice, dataset: Dataset) -> Choice:
    """The same with the noise of the method's paper, and the learning rate and epochs that
    `configure` gives the method on these data. `InputError` where the paper has no such noise."""
    noise = paper_noise(choice.method, dataset)
    if noise is None:
        paper = get_method(choice.method).paper
        raise InputError(
            f"{paper or 'no paper'} has no noise for {choice.method} that can be made on "
            f"{dataset.name}: choose the noise yourself."
        )
    train = configure(choice.method, noise=noise, dataset=dataset).train
    return dataclasses.replace(
        choice, noise=noise.name, rate=noise.rate, lr=train.lr, epochs=train.epochs
    )


def as_csv(choice: Choice, history: Sequence[EpochRecord]) -> str:
    """The run as a table: what was chosen, and a line an epoch."""
    names = [f.name for f in dataclasses.fields(EpochRecord) if f.name != "diagnostics"]
    chosen = dataclasses.asdict(choice)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["method", "data", "noise", "rate", "chosen_lr", "seed", *names])
    lead = [chosen[name] for name in ("method", "data", "noise", "rate", "lr", "seed")]
    for record in history:
        table.writerow([*lead, *(getattr(record, name) for name in names)])
    return text.getvalue()


def save_csv(choice: Choice, history: Sequence[EpochRecord], folder: Path) -> Path:
    """Write `as_csv` to the folder, named by all that was chosen; numbered where that name has
    other content, such as a run that was stopped. The path."""
    text = as_csv(choice, history)
    stem = (
        f"{choice.method}-{choice.data}-{choice.noise}-{choice.rate:g}-lr{choice.lr:.3g}"
        f"-epochs{choice.epochs}-seed{choice.seed}"
    )
    path, n = folder / f"{stem}.csv", 1
    while path.exists() and path.read_text() != text:
        n += 1
        path = folder / f"{stem}-{n}.csv"
    with replacing(path) as part:
        part.write_text(text)
    return path
