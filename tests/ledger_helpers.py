"""Constructed records, for tests of the ledger."""

from __future__ import annotations

import copy
from functools import lru_cache
from types import SimpleNamespace

from training_helpers import random_dataset, small_config

from lnl_core import Run
from lnl_core.ledger import survey as survey_module
from lnl_core.ledger.record_check import record_key
from lnl_core.ledger.tables import cell_config, get_table
from lnl_core.measures.selection import select
from lnl_core.methods import get_method
from lnl_core.train import EpochRecord

TABLE = get_table("patrini2017/table2-mnist")


@lru_cache
def real_record() -> dict:
    """The record of a real run of three epochs on random data."""
    run = Run(small_config(), device="cpu", dataset=random_dataset())
    for _ in run:
        pass
    return run.document()


def record_of(config: dict, accuracy: float, **changes) -> dict:
    """A valid record of that config whose test accuracy is the same in every epoch."""
    record = copy.deepcopy(real_record())
    record["config"] = copy.deepcopy(config)
    record["method_version"] = get_method(config["method"]).version
    record["dataset"] |= {"name": config["data"]} | changes.pop("dataset", {})
    for epoch in record["history"]:
        epoch["test_accuracy"] = accuracy
    record["metrics"] = select([EpochRecord(**epoch) for epoch in record["history"]])
    record |= changes
    record["key"] = record_key(
        record["config"], record["dataset"]["fingerprint"], record["method_version"]
    )
    return record


def cell_record(method: str, column: str, accuracy: float, *, seed: int = 0, **changes) -> dict:
    """A record that belongs to a cell of the MNIST table. MNIST itself is not needed."""
    config = mnist_config(method, column, seed)
    changes.setdefault("dataset", {"source": "torchvision MNIST"})
    return record_of(config, accuracy, **changes)


def survey_of(monkeypatch, records: list, claims=()) -> list:
    """The survey of one paper with two tables, of which the given records were run."""
    tables = TABLE, get_table("patrini2017/table2-imdb-lstm")
    paper = SimpleNamespace(TABLES=tables, CLAIMS=claims)
    monkeypatch.setattr(survey_module, "PAPERS", {"patrini2017": paper})
    monkeypatch.setattr(survey_module, "results_folder", lambda name, profile: records)
    return survey_module.survey()


def mnist_config(method: str, column: str, seed: int = 0) -> dict:
    return cell_config(TABLE, method, column, seed).to_dict()
