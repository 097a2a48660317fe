"""Patrini et al. 2017: the claims on the paper's own numbers, and the `code` protocol at work."""

from __future__ import annotations

from statistics import median

import pytest
import torch
from training_helpers import assert_same_runs, finish

from lnl_core import Dataset, Run, TrainingSet, configure
from lnl_core.ledger.tables import all_tables, cell_config, get_table, published_cell
from lnl_core.optim import decayed
from lnl_core.papers.patrini2017 import CLAIMS

BLOCKS = [name for name in all_tables() if name.startswith("patrini2017/table2-")]
CIFAR = [name for name in all_tables() if name.startswith("patrini2017/table2-cifar")]


def printed_means(table) -> dict[tuple[str, str], float]:
    return {
        (method, column): published_cell(table, method, column).value
        for method in table.methods
        for column in table.columns
    }


# --- tables and claims ---------------------------------------------------------------------------


def test_the_cifar_blocks_are_ten_losses_by_four_noises_of_one_run():
    assert [name.split("/")[1] for name in CIFAR] == [
        "table2-cifar10-resnet14", "table2-cifar10-resnet32", "table2-cifar100-resnet44",
    ]  # fmt: skip
    for name in CIFAR:
        table = get_table(name)
        assert (len(table.methods), len(table.columns), table.runs) == (10, 4, 1)
        config = cell_config(table, "forward", "symmetric:0.2")
        assert config.net == table.name.split("-")[-1] and config.protocol == "code"


#: What of the claims the paper's own numbers do not support. With T̂, forward correction reached
#: 87.0 on ResNet-14 at low noise, with the true T 86.3; and from Table 2 the cost of T̂ on MNIST
#: is 29 points, where the text says 27.
FAILED = {"table2-cifar10-resnet14": "unbeaten", "table2-mnist": "0 to 27 points"}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_papers_own_numbers_fail_two_of_its_claims(name):
    table = get_table(name)
    printed = printed_means(table)
    claims = [claim for claim in CLAIMS if claim.table == table.name]
    assert len(claims) == {"mnist": 10, "imdb": 7, "cifar10": 8, "cifar100": 9}[table.data]
    failed = [claim.text for claim in claims if claim.decide(printed) is False]
    assert len(failed) == (table.name in FAILED)
    assert all(FAILED[table.name] in text for text in failed)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_claim_can_fail(name):
    """Turned around, the printed numbers must not support any of them."""
    table = get_table(name)
    last = table.columns[-1]
    worst = {"forward": 0.0, "backward": 2.5, "forward-estimated": -5.0, "backward-estimated": -9.0}
    numbers = {
        (method, column): worst.get(method, 60.0) + 10 * (column == "none")
        for method, column in printed_means(table)
    }
    costly = numbers | {("forward", last): 90, ("forward-estimated", last): 20}
    for claim in CLAIMS:
        if claim.table == table.name:
            wrong = costly if "costs" in claim.text else numbers
            if "costs forward correction more than" in claim.text:
                wrong = numbers
            assert claim.decide(wrong) is False, claim.text


def test_section_6s_median_drop_is_forwards_over_the_six_last_columns():
    """9.85, "only 10 points"."""
    (claim,) = (claim for claim in CLAIMS if claim.table is None)
    printed = {
        (name.split("/")[1], *cell): value
        for name in BLOCKS
        for cell, value in printed_means(get_table(name)).items()
    }
    drops = [
        printed[table, "forward", column] - printed[table, "forward-estimated", column]
        for table, method, column in claim.needs
        if method == "forward"
    ]
    assert len(drops) == 6 and median(drops) == pytest.approx(9.85)
    assert claim.decide(printed) is True
    printed["table2-cifar10-resnet14", "forward-estimated", "asymmetric:0.6"] -= 1
    assert claim.decide(printed) is False


def test_the_code_protocol_of_cifar100_has_the_codes_groups_and_the_text_the_superclasses():
    table = get_table("patrini2017/table2-cifar100-resnet44")
    noises = {
        protocol: cell_config(table, "forward", "asymmetric:0.6", protocol=protocol).noise
        for protocol in (None, "code", "text")
    }
    assert str(noises[None]) == str(noises["code"]) == "cifar100-consecutive:0.6"
    assert str(noises["text"]) == "asymmetric:0.6"
    assert str(cell_config(table, "forward", "symmetric:0.2").noise) == "symmetric:0.2"
    # The printed number is the same cell's, whichever noise the protocol makes of the column.
    assert published_cell(table, "forward", "asymmetric:0.6").value == 68.4


# --- the code protocol, two steps of it ----------------------------------------------------------


def random_cifar10(count: int = 300) -> Dataset:
    """Colour noise in CIFAR-10's shape and under its name, so that its settings apply."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (count + 40, 3, 32, 32), generator=draw, dtype=torch.uint8)
    y = torch.arange(count + 40) % 10
    names = tuple(f"class {k}" for k in range(10))
    return Dataset("cifar10", x[:count], y[:count], x[count:], y[count:], names, "made by a test")


def code_run(method: str = "forward", checkpoints=None, **changes) -> Run:
    dataset = random_cifar10()
    config = configure(
        method, noise="asymmetric:0.6", dataset=dataset, profile="paper", protocol="code",
        **{"epochs": 2, "train_eval": 50} | changes,
    )  # fmt: skip
    return Run(config, device="cpu", dataset=dataset, checkpoints=checkpoints)


def test_a_resnet14_trains_by_the_code_protocol_and_resumes_bit_for_bit(tmp_path):
    """300 samples, 270 of them for training: 2 steps of 128 an epoch, where a pass has 3."""

    def run(stop=None, checkpoints=None):
        run = code_run(checkpoints=checkpoints)
        for record in run:
            if record.epoch == stop:
                break
        return run

    whole = run()
    assert whole.config.train.lr_drops == (1, 1)  # 41 and 81 of 120, in 2
    run(stop=1, checkpoints=tmp_path)
    assert_same_runs(whole, run(checkpoints=tmp_path))
    steps = Run(whole.config, device="cpu", dataset=random_cifar10(), steps=True)
    assert [type(step).__name__ for step in steps] == ["Step", "Step", "EpochRecord"] * 2


def test_the_validation_loss_that_chooses_has_kerass_penalty():
    """1e-4 Σw² over kernels, which cross-entropy on the same weights does not have."""
    run = finish(code_run("cross-entropy", epochs=1))
    plain = finish(code_run("cross-entropy", epochs=1, penalised_val_loss=False))
    kernels = [p for name, p in run.method.net.named_parameters() if p.dim() > 1]
    assert len(kernels) == len(decayed(run.method, run.config.train)) == 16
    penalty = 1e-4 * sum(float(w.detach().double().square().sum()) for w in kernels)
    (one,), (other,) = run.history, plain.history
    assert one.val_loss - other.val_loss == pytest.approx(penalty, rel=1e-6)
    assert one.test_accuracy == other.test_accuracy


def test_a_budgets_subset_has_steps_to_its_measure():
    """Under `smoke` a CIFAR of 50,000 is cut to 2,000: 15 steps an epoch, and not 390."""
    dataset = random_cifar10(2100)
    config = configure("forward", dataset=dataset, profile="smoke", protocol="code")
    assert config.limit == 2000
    assert config.train.epoch_length == "with-validation"
    training = TrainingSet(Run(config, device="cpu", dataset=dataset).data, config.train)
    assert len(list(training.batches(()))) == 15
