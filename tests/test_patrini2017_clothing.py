"""Patrini et al. 2017, Table 3: its settings, its rows, and the chain of its stages at work."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ledger_helpers import record_of
from training_helpers import assert_same_runs, finish

from lnl_core import Dataset, InputError, Run, configure
from lnl_core.data.clothing1m import ORIGINAL, load_clothing1m
from lnl_core.data.shapes_folder import write_shapes_folder
from lnl_core.ledger.tables import cell_config, get_table, published_cell, table_cells
from lnl_core.nets import resnet50
from lnl_core.papers.patrini2017 import CLAIMS

TABLE = get_table("patrini2017/table3")
SMALL = {"noisy_train": 100, "clean_train": 120, "clean_val": 20, "clean_test": 30}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    """A small folder in Clothing1M's layout and under its name, so that its settings apply."""
    folder: Path = tmp_path_factory.mktemp("data") / "clothing1m"
    write_shapes_folder(folder, SMALL)
    return load_clothing1m(folder, side=32)


# --- as printed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", TABLE.methods)
def test_each_row_is_trained_as_section_5_3_says(row):
    config = cell_config(TABLE, row, "given")
    assert (config.data, str(config.noise), config.protocol) == ("clothing1m", "given", "text")
    assert (config.net, config.net_options) == ("resnet50", {"pretrained": True})
    noisy, trusted = config.train, config.stages["trusted"]
    for train in (noisy, trusted):
        assert (train.optimizer, train.momentum, train.batch_size) == ("sgd", 0.9, 32)
        assert (train.epochs, train.lr, train.lr_gamma, train.lr_drops) == (10, 1e-3, 0.1, (5,))
        assert train.preprocess == "imagenet"
    assert (noisy.weight_decay, noisy.augmentation) == (1e-3, "none")
    assert (trusted.weight_decay, trusted.augmentation) == (5e-2, "window-flip")


def test_the_rows_are_the_printed_ones():
    values = [published_cell(TABLE, row, "given").value for row in TABLE.methods]
    assert values == [68.94, 69.13, 69.84, 75.19, 80.38]
    nets = {published_cell(TABLE, row, "given").net for row in TABLE.methods}
    assert nets == {"resnet50"}


def test_the_papers_own_numbers_support_its_claims_and_others_do_not():
    claims = [claim for claim in CLAIMS if claim.table == "table3"]
    assert len(claims) == 5
    printed = {(row, "given"): published_cell(TABLE, row, "given").value for row in TABLE.methods}
    assert all(claim.decide(printed) is True for claim in claims)
    turned = {cell: 100 - value for cell, value in printed.items()}
    assert all(claim.decide(turned) is False for claim in claims)


def test_the_code_protocol_is_refused():
    with pytest.raises(InputError, match="no protocol 'code' for clothing1m"):
        cell_config(TABLE, "forward", "given", protocol="code")


def test_a_run_on_the_original_is_judged_and_one_on_another_folder_is_not():
    assert {cell.comparison.verdict for cell in table_cells(TABLE, [])} == {"not run"}
    config = cell_config(TABLE, "forward-fine-tuned", "given").to_dict()
    for source, verdict in ((ORIGINAL, "match"), ("a folder in Clothing1M's layout", "not run")):
        record = record_of(config, 0.80, dataset={"source": source})
        verdicts = {c.method: c.comparison.verdict for c in table_cells(TABLE, [record])}
        assert verdicts.pop("forward-fine-tuned") == verdict
        assert set(verdicts.values()) == {"not run"}


# --- the chain, end to end ------------------------------------------------------------------------


def chain(dataset: Dataset, row: str = "forward-fine-tuned", checkpoints=None, **given) -> Run:
    """A row of the table at the paper's settings, but for the net and the number of epochs."""
    config = configure(
        row, noise="given", dataset=dataset, profile="paper",
        **{"net": "lenet", "epochs": 2, "train_eval": 40} | given,
    )  # fmt: skip
    return Run(config, device="cpu", dataset=dataset, checkpoints=checkpoints)


def test_the_chain_runs_and_resumes_bit_for_bit(dataset, tmp_path):
    whole = finish(chain(dataset))
    assert [(record.stage, record.epoch) for record in whole.history] == [
        ("train", 1), ("train", 2), ("trusted", 1), ("trusted", 2),
    ]  # fmt: skip
    assert [record.lr for record in whole.history] == pytest.approx([1e-3, 1e-4] * 2)
    for stop in range(1, 4):
        for position, _ in enumerate(chain(dataset, checkpoints=tmp_path / str(stop)), 1):
            if position == stop:
                break
        assert_same_runs(whole, finish(chain(dataset, checkpoints=tmp_path / str(stop))))


@pytest.mark.parametrize("row", [row for row in TABLE.methods if row != "forward-fine-tuned"])
def test_every_other_row_runs(dataset, row):
    run = finish(chain(dataset, row, epochs=1))
    document = run.document()
    assert document["status"] == "finished"
    assert document["metrics"]["best_val_clean"] == run.history[0].test_accuracy
    assert document["config"]["noise"]["protocol"] == "given"
    assert 0 < document["realised_noise"] < 0.5
    seen = "trusted" if row == "clean-only" else "train"
    assert [record.stage for record in run.history] == [seen]


def test_forward_corrects_with_the_t_of_the_doubly_labelled_pictures(dataset):
    run = finish(chain(dataset, "forward", epochs=1))
    t = run.method.transition_matrix.double().numpy()
    assert abs(t - dataset.transition_matrix).max() < 1e-6


def test_resnet50_makes_a_step_on_it(dataset, monkeypatch):
    monkeypatch.setattr(  # random weights in the place of ImageNet's
        resnet50, "_imagenet_weights", lambda: resnet50.resnet50().state_dict()
    )
    small = dataclasses.replace(dataset, x_test=dataset.x_test[:4], y_test=dataset.y_test[:4])
    run = chain(small, "clean-only", net=None, epochs=1, batch_size=120, train_eval=4)
    (record,) = finish(run).history
    assert run.config.net == "resnet50" and run.config.net_options == {"pretrained": True}
    assert record.train_loss > 0
