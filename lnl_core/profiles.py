"""From a few names to a complete config: what `smoke`, `laptop` and `paper` mean.

The profile is a budget and a choice of default data, nothing else: no method knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lnl_core.config import RunConfig, Seeds, TrainConfig
from lnl_core.contract import takes
from lnl_core.data import Dataset, load_dataset
from lnl_core.errors import InputError, unknown_name
from lnl_core.methods import check_options, get_method
from lnl_core.nets import NETS
from lnl_core.noise import Noise, parse_noise
from lnl_core.papers import paper_datasets, paper_for, paper_settings


@dataclass(frozen=True)
class Profile:
    """At most `epochs` epochs on at most `limit` training samples; None is no bound."""

    data: str
    epochs: int | None
    limit: int | None
    summary: str


PROFILES: dict[str, Profile] = {
    "smoke": Profile("digits", 40, 2000, "embedded data, seconds a run: CI and a first visit"),
    "laptop": Profile("mnist", 10, 20_000, "real small data, minutes a run"),
    "paper": Profile("mnist", None, None, "as published"),
}

#: For data that no paper here trains on, by what a sample is. Chosen by us on digits, shapes and
#: reviews.
GENERIC: dict[str, dict[str, Any]] = {
    "grey": {
        "net": "mlp",
        "train": TrainConfig(epochs=60, batch_size=32, lr=0.05, preprocess="unit"),
    },
    "colour": {
        "net": "lenet",
        "train": TrainConfig(epochs=30, batch_size=64, lr=0.02, preprocess="standardise"),
    },
    "vector": {
        "net": "mlp",
        "train": TrainConfig(epochs=60, batch_size=32, lr=0.05, preprocess="standardise"),
    },
    "tokens": {
        "net": "word-embedding",
        "net_options": {"dropout": 0.5},
        "train": TrainConfig(epochs=40, batch_size=32, optimizer="adagrad", lr=0.01, epsilon=1e-6),
    },
}


@takes(
    method="text",
    data="text?",
    noise=(str, Noise),
    profile="text",
    protocol="text?",
    paper="text?",
    net="text?",
    seeds=(Seeds, type(None)),
    options=(Mapping, type(None)),
    net_options=(Mapping, type(None)),
    dataset=(Dataset, type(None)),
    stages=(Mapping, type(None)),
)
def configure(
    method: str,
    data: str | None = None,
    noise: str | Noise = "none",
    *,
    profile: str = "smoke",
    protocol: str | None = None,
    paper: str | None = None,
    net: str | None = None,
    seed: int = 0,
    seeds: Seeds | None = None,
    options: Mapping[str, Any] | None = None,
    net_options: Mapping[str, Any] | None = None,
    limit: int | None = None,
    dataset: Dataset | None = None,
    stages: Mapping[str, Mapping[str, Any]] | None = None,
    **train: Any,
) -> RunConfig:
    """The complete config of a run; every name is checked here, and `InputError` raised.

    Settings come from the method's paper where it trains on these data, else from `GENERIC`;
    then the profile bounds them; then what is given here wins. `train` takes any field of
    `TrainConfig` (`epochs=5`), `stages` the same for a stage of a recipe alone (`stages={"relabel":
    {"lr": 0.1}}`). `dataset` saves loading what is at hand already.
    """
    if profile not in PROFILES:
        raise unknown_name("profile", profile, PROFILES)
    entry = get_method(method)
    options = dict(options or {})
    check_options(entry, options)
    noise = noise if isinstance(noise, Noise) else parse_noise(noise)
    budget = PROFILES[profile]
    if data is None:
        data = budget.data if dataset is None else dataset.name
    # The data themselves are loaded only where their kind or size matters: a paper's config can
    # be written down, and compared with records, on a machine that has no data.
    if dataset is not None:
        name = dataset.name
    else:
        name = Path(data).stem if data.endswith(".npz") else data
        if name not in paper_datasets() or budget.limit is not None:
            dataset = load_dataset(data)

    home = paper or paper_for(name, entry.paper)
    if home is not None:
        protocol, settings = paper_settings(home, name, protocol, net)
    elif profile == "paper" or protocol is not None:
        raise InputError(
            f"no paper here trains on {name}, so there is no "
            f"{'profile' if protocol is None else 'protocol'} "
            f"'{protocol or profile}' for it: use the profile 'smoke' or 'laptop'."
        )
    else:
        settings = GENERIC[_generic_kind(dataset)]

    settings = dict(settings)
    by_noise = settings.pop("by_noise", None)
    adapted = by_noise(method, noise) if by_noise is not None else {}
    own = ("net", "train", "val_fraction")
    settings |= {name: adapted[name] for name in own if name in adapted}
    settings["stages"] = settings.get("stages", {}) | adapted.get("stages", {})
    for stage in stages or {}:
        settings["stages"].setdefault(stage, settings["train"])
    settings["train"] = _with_changes(_within(settings["train"], budget), train)
    settings["stages"] = {
        stage: _with_changes(_within(config, budget), train | dict((stages or {}).get(stage, {})))
        for stage, config in settings["stages"].items()
    }
    # Copied: who changes a config's options changes nobody else's settings.
    defaults = settings.pop("options", {}).get(method, {}) | adapted.get("options", {})
    options = deepcopy(defaults) | options
    if net is not None and net != settings["net"]:
        if net not in NETS:
            raise unknown_name("net", net, NETS)
        settings |= {"net": net, "net_options": {}}
    settings["net_options"] = deepcopy(settings.get("net_options", {})) | dict(net_options or {})
    if limit is None and budget.limit is not None and len(dataset.x_train) > budget.limit:
        limit = budget.limit
    return RunConfig(
        method=method,
        data=data,
        noise=noise,
        seeds=seeds or Seeds.all(seed),
        options=options,
        limit=limit,
        paper=home,
        protocol=protocol,
        profile=profile,
        **settings,
    )


def _generic_kind(dataset: Dataset) -> str:
    if dataset.kind != "image":
        return dataset.kind
    channels, height, width = dataset.input_shape
    return "colour" if channels == 3 and min(height, width) >= 16 else "grey"


def _within(train: TrainConfig, budget: Profile) -> TrainConfig:
    """The same training in no more than the budget's epochs."""
    if budget.epochs is None or train.epochs <= budget.epochs:
        return train
    return _in_epochs(train, budget.epochs)


def _in_epochs(train: TrainConfig, epochs: int) -> TrainConfig:
    """The same schedule squeezed, or stretched, into so many epochs."""
    share = epochs / train.epochs
    drops = tuple(max(1, round(drop * share)) for drop in train.lr_drops)
    period = train.lr_period and max(1, round(train.lr_period * share))
    return replace(train, epochs=epochs, lr_drops=drops, lr_period=period)


def _with_changes(train: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    for name in changes:
        if name not in TrainConfig.__dataclass_fields__:
            raise unknown_name("training setting", name, TrainConfig.__dataclass_fields__)
    changed = replace(train, **changes)  # checks the values
    squeezed = _in_epochs(train, changed.epochs)
    left = {"lr_drops", "lr_period"} - changes.keys()
    return replace(changed, **{name: getattr(squeezed, name) for name in left})
