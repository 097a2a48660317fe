"""Options chosen on noisy validation labels, and on nothing else."""

from dataclasses import replace

import pytest
from training_helpers import finish, random_dataset, small_config

from lnl_core import InputError, Run
from lnl_core.cross_validation import Trial, choose, trials

DATASET = random_dataset(120)


def config(**given):
    return small_config("nnaqc", dataset=DATASET, **given)


def test_every_combination_is_trained_on_every_split_and_averaged():
    grid = {"alpha": (0.5, 1.0), "beta": (0.2,)}
    tried = list(trials(config(), grid, splits=(3, 4), dataset=DATASET, device="cpu"))
    assert [trial.options for trial in tried] == [
        {"alpha": 0.5, "beta": 0.2}, {"alpha": 1.0, "beta": 0.2},
    ]  # fmt: skip
    by_hand = []
    for split in (3, 4):
        own = config(options={"alpha": 1.0, "beta": 0.2})
        own = replace(own, seeds=replace(own.seeds, split=split))
        by_hand.append(finish(Run(own, device="cpu", dataset=DATASET)).history[-1])
    assert by_hand[0].val_accuracy != by_hand[1].val_accuracy
    assert tried[1].val_accuracy == sum(record.val_accuracy for record in by_hand) / 2
    assert tried[1].test_accuracy == sum(record.test_accuracy for record in by_hand) / 2


def test_the_configs_other_options_stay():
    (trial,) = trials(
        config(options={"dropout": 0.9, "alpha": 1.0}), {"beta": (0.9,)}, dataset=DATASET
    )
    own = config(options={"dropout": 0.9, "alpha": 1.0, "beta": 0.9})
    expected = finish(Run(own, device="cpu", dataset=DATASET)).history[-1]
    assert trial.val_accuracy == expected.val_accuracy


def test_noisy_validation_accuracy_chooses_and_the_first_of_equals():
    tried = [
        Trial({"alpha": 0.1}, 0.5, 0.9), Trial({"alpha": 0.5}, 0.6, 0.1),
        Trial({"alpha": 0.9}, 0.6, 0.8),
    ]  # fmt: skip
    assert choose(tried).options == {"alpha": 0.5}


def test_a_combination_that_diverges_is_not_chosen():
    given = {"lr": 1e20, "epochs": 2}
    (trial,) = trials(config(**given), {"alpha": (0.9,)}, dataset=DATASET)
    assert (trial.val_accuracy, trial.test_accuracy) == (0.0, 0.0)


def test_nothing_to_choose_on_or_from_is_refused():
    with pytest.raises(InputError, match="val_fraction is 0"):
        next(trials(replace(config(), val_fraction=0.0), {"alpha": (1.0,)}, dataset=DATASET))
    with pytest.raises(InputError, match="must not be empty"):
        next(trials(config(), {"alpha": ()}, dataset=DATASET))
    with pytest.raises(InputError, match="must not be empty"):
        next(trials(config(), {"alpha": (1.0,)}, splits=(), dataset=DATASET))
