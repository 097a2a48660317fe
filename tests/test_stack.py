"""A stack of methods and its data: what one model sees and draws is its own."""

from __future__ import annotations

import pytest
import torch
from stack_helpers import config_of
from training_helpers import random_dataset

from lnl_core import InputError, Method, Run, TrainConfig, TrainingSet
from lnl_core.accel.stack import Stack, StackedSet, stacks
from lnl_core.augment import PREPROCESS
from lnl_core.data import Batch
from lnl_core.methods import get_method
from lnl_core.nets import build_net


def _training_set(noise: str = "symmetric:0.3", seed: int = 0, **training) -> TrainingSet:
    run = Run(config_of("cross-entropy", seed, noise), device="cpu", dataset=random_dataset())
    return TrainingSet(run.data, TrainConfig(**training))


# --- data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("preprocess", PREPROCESS)
def test_a_stacked_batch_is_the_batches_of_the_sets(preprocess):
    try:
        sets = [_training_set(seed=seed, preprocess=preprocess) for seed in (0, 1, 0)]
    except InputError as error:
        pytest.skip(str(error))
    index = torch.randint(0, len(sets[0]), (3, 7), generator=torch.Generator().manual_seed(1))
    together = StackedSet(sets).take(index, ("weak", "plain"))
    assert torch.equal(together.index, index)
    for m, each in enumerate(sets):
        own = each.take(index[m], ("weak", "plain"))
        assert torch.equal(together.labels[m], own.labels)
        for one, other in zip(together.views, own.views, strict=True):
            assert torch.allclose(one[m], other, atol=1e-4)


def test_samples_in_common_are_held_once():
    sets = [_training_set(noise, seed) for seed in (0, 1) for noise in ("none", "symmetric:0.3")]
    data = StackedSet(sets)
    assert len(data._x) == 2 * len(sets[0])
    assert not torch.equal(data._labels[0], data._labels[1])


def test_every_image_is_augmented_on_its_own():
    sets = [_training_set(augmentation="crop-flip") for _ in range(2)]
    index = torch.zeros(2, 64, dtype=torch.int64)  # the same image everywhere
    torch.manual_seed(0)
    batch = StackedSet(sets).take(index, ("weak",))
    seen = batch.x.flatten(0, 1).flatten(1)
    assert batch.x.shape == (2, 64, 1, 8, 8)
    assert len(torch.unique(seen, dim=0)) > 32


# --- draws ----------------------------------------------------------------------------------------


def test_dropout_in_a_stack_drops_what_it_should():
    """The share of zeros, over 3 x 4000 units: within five standard deviations of 0.3."""
    share = 0.3

    class Zeros(Method):
        """Its loss is the share of a sample's features that are zero."""

        def loss(self, batch):
            features = torch.nn.functional.dropout(torch.ones_like(batch.x).flatten(1), share)
            return (features == 0).float().mean(-1)

    methods = [Zeros(torch.nn.Linear(1, 1), _training_set()) for _ in range(3)]
    ones = torch.ones(3, 40, 100)
    batch = Batch((ones,), torch.zeros(3, 40, dtype=torch.int64), torch.zeros(3, 40).long())
    torch.manual_seed(0)
    losses = Stack(methods).loss(batch)
    assert losses.shape == (3, 40)
    spread = (share * (1 - share) / losses.numel() / 100) ** 0.5
    assert losses.mean().item() == pytest.approx(share, abs=5 * spread)
    assert len({row.mean().item() for row in losses}) == 3


# --- what stacks ----------------------------------------------------------------------------------


def method_of(cls: type[Method]) -> tuple[Method, TrainingSet]:
    data = _training_set()
    return cls(build_net("mlp", (1, 8, 8), 4), data), data


def test_a_subclass_has_to_say_itself_that_it_stacks():
    forward = get_method("forward").method

    class Changed(forward):
        pass

    class Said(forward):
        stacks = True

    assert [stacks(*method_of(cls)) for cls in (forward, Changed, Said)] == [True, False, True]


def test_a_step_or_batches_of_its_own_does_not_stack():
    class Stepping(Method):
        stacks = True

        def step(self, batch, optimizer):
            return super().step(batch, optimizer)

    class Choosing(Method):
        stacks = True

        def batches(self, data):
            return data.batches(self.views, batch_size=4)

    assert not stacks(*method_of(Stepping)) and not stacks(*method_of(Choosing))
