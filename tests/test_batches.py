"""What a method sees: every sample once a pass, with its own noisy label, and no clean one."""

from __future__ import annotations

import pytest
import torch
from data_helpers import ids, tiny_dataset
from torch import Tensor

from lnl_core.config import TrainConfig
from lnl_core.data import TrainingSet, make_noisy
from lnl_core.data.batches import EVALUATION_BATCH
from lnl_core.errors import InputError
from lnl_core.noise import Noise

HALF = Noise("symmetric", 0.5)


def training_set(count: int = 100, batch_size: int = 8, noise: Noise = HALF, **options):
    """All samples in the training split, and the data it was made from."""
    names = ("augmentation", "preprocess", "epoch_length", "epoch_batches")
    config = {k: options.pop(k) for k in names if k in options}
    config = TrainConfig(batch_size=batch_size, **{"preprocess": "none"} | config)
    val_fraction = options.pop("val_fraction", 0.0)
    data = make_noisy(tiny_dataset(count, **options), noise, val_fraction=val_fraction)
    return TrainingSet(data, config), data


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_each_pass_is_another_permutation():
    training, _ = training_set()
    passes = [torch.cat([batch.index for batch in training.batches()]).tolist() for _ in range(3)]
    for order in passes:
        assert sorted(order) == list(range(100))
    assert len({tuple(order) for order in passes} | {tuple(range(100))}) == 4


def test_order_follows_torchs_seed():
    training, _ = training_set()
    orders = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        orders.append(torch.cat([batch.index for batch in training.batches()]).tolist())
    assert orders[0] == orders[1] != orders[2]


def test_index_leads_to_the_sample_and_its_noisy_label():
    training, data = training_set()
    for batch in training.batches():
        assert ids(batch.x) == ids(data.train.x[batch.index])
        assert torch.equal(batch.labels, data.train.labels[batch.index])
        assert batch.index.dtype == batch.labels.dtype == torch.int64


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (16, 8, [8, 8]),
        (18, 8, [8, 8, 2]),
        (17, 8, [8, 9]),
        (10, 100, [10]),
        (11, 10, [11]),
        (10, 1, [1] * 8 + [2]),
    ],
)
def test_rest_of_one_joins_the_batch_before(count, size, expected):
    training, _ = training_set(count, size)
    assert [len(batch.index) for batch in training.batches()] == expected
    other, _ = training_set(count, 3)
    assert [len(batch.index) for batch in other.batches(batch_size=size)] == expected


def test_single_sample_is_a_batch():
    training, _ = training_set()
    assert [batch.index.tolist() for batch in training.batches(index=torch.tensor([7]))] == [[7]]


def test_pass_over_chosen_samples_holds_those_alone():
    training, data = training_set()
    chosen = torch.tensor([90, 3, 4, 55, 5, 6, 71, 8, 20, 21])
    batches = list(training.batches(index=chosen, batch_size=4))
    assert [len(batch.index) for batch in batches] == [4, 4, 2]
    order = torch.cat([batch.index for batch in batches])
    assert order.sort().values.equal(chosen.sort().values)
    assert not order.equal(chosen)
    assert ids(torch.cat([batch.x for batch in batches])) == ids(data.train.x[order])


def test_pass_over_nothing_has_no_batches():
    training, _ = training_set()
    assert list(training.batches(index=torch.empty(0, dtype=torch.int64))) == []


# --- epochs as long as if the validation samples were among them ---------------------------------


def stretched(count: int, size: int, val_fraction: float):
    return training_set(count, size, epoch_length="with-validation", val_fraction=val_fraction)[0]


def test_patrinis_epoch_has_390_steps_of_which_the_last_38_are_of_a_second_pass():
    """50,000 // 128 steps on the 45,000 that are trained on: 351 batches of 128 and one of 72,
    then 38 of the next pass."""
    training = stretched(50_000, 128, 0.1)
    sizes = [len(batch.index) for batch in training.batches(())]
    assert sizes == [128] * 351 + [72] + [128] * 38


def test_a_longer_epoch_goes_on_with_a_pass_in_a_new_order():
    training = stretched(100, 8, 0.5)
    order = torch.cat([batch.index for batch in training.batches()]).tolist()
    assert len(training) == 50
    assert sorted(order[:50]) == list(range(50))
    rest = order[50:]
    assert len(rest) == (12 - 7) * 8 and len(set(rest)) == len(rest)
    assert rest != order[: len(rest)]


def test_a_shorter_epoch_stops_before_its_last_part_batch():
    sizes = [len(batch.index) for batch in stretched(20, 8, 0.0).batches()]
    assert sizes == [8, 8]
    assert [len(batch.index) for batch in stretched(10, 16, 0.0).batches()] == [10]  # one


def test_a_longer_epoch_over_chosen_samples_is_longer_in_proportion():
    training = stretched(100, 8, 0.5)
    chosen = torch.arange(10, 30)
    batches = list(training.batches(index=chosen, batch_size=4))
    assert len(batches) == 2 * 20 // 4
    assert torch.cat([b.index for b in batches]).bincount(minlength=50)[10:30].tolist() == [2] * 20
    assert list(training.batches(index=chosen[:0])) == []


def test_the_subset_of_a_budget_has_an_epoch_to_its_own_measure():
    """10% held out of 2,000: 15 batches of 128, and not the 390 of 50,000."""
    data = make_noisy(tiny_dataset(5000), HALF, limit=2000, val_fraction=0.1)
    config = TrainConfig(batch_size=128, preprocess="none", epoch_length="with-validation")
    assert len(list(TrainingSet(data, config).batches())) == 15


# --- epochs that hold every class equally often ---------------------------------------------------


def balanced(count: int, size: int, epoch_batches: int, noise: Noise = HALF, **options):
    return training_set(
        count, size, noise, epoch_length="balanced", epoch_batches=epoch_batches, **options
    )[0]


def test_a_balanced_epoch_has_its_batches_and_every_noisy_class_equally_often():
    training = balanced(1000, 8, 21)
    batches = list(training.batches())
    assert [len(batch.index) for batch in batches] == [8] * 21
    counts = torch.cat([batch.labels for batch in batches]).bincount(minlength=10)
    assert counts.sum() == 168 and set(counts.tolist()) == {16, 17}
    order = torch.cat([batch.index for batch in batches])
    assert len(order.unique()) == 168  # nobody twice
    assert all(torch.equal(batch.labels, training.labels[batch.index]) for batch in batches)
    # In random order: no batch is of one class, and another epoch holds others.
    assert all(len(batch.labels.unique()) > 1 for batch in batches)
    again = torch.cat([batch.index for batch in training.batches()])
    assert set(again.tolist()) != set(order.tolist())


def test_a_class_with_too_few_samples_comes_again():
    training = balanced(100, 10, 30, Noise("none"))
    order = torch.cat([batch.index for batch in training.batches()])
    assert order.bincount(minlength=100).tolist() == [3] * 100


def test_a_balanced_epoch_over_chosen_samples_is_shorter_in_proportion():
    training = balanced(100, 10, 8, Noise("none"))
    of = [(training.labels == k).nonzero().flatten() for k in range(3)]
    chosen = torch.cat([of[1][:1], of[0][:8], of[2][:1]])  # mostly of class 0
    batches = list(training.batches(index=chosen, batch_size=3))
    assert [len(batch.index) for batch in batches] == [3, 3, 3]  # 80 samples of 100, of 10
    order = torch.cat([batch.index for batch in batches])
    assert set(order.tolist()) <= set(chosen.tolist())
    assert training.labels[order].bincount().tolist() == [3, 3, 3]
    assert list(training.batches(index=chosen[:0])) == []


def test_balance_is_for_one_label_a_sample():
    with pytest.raises(InputError, match=r"'balanced' is for one label a sample.*use 'pass'"):
        balanced(40, 8, 5, Noise("none"), multi_label=True)


def test_scan_keeps_the_stored_order_without_augmentation():
    count = 2 * EVALUATION_BATCH + 1
    training, data = training_set(count, kind="image", augmentation="crop-flip")
    batches = list(training.scan())
    assert [len(batch.index) for batch in batches] == [EVALUATION_BATCH, EVALUATION_BATCH, 1]
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(count))
    assert torch.equal(torch.cat([batch.x for batch in batches]), data.train.x.float())
    assert torch.equal(torch.cat([batch.labels for batch in batches]), data.train.labels)


def test_scan_may_ask_for_augmented_views():
    training, data = training_set(50, kind="image", augmentation="crop-flip")
    (batch,) = training.scan(("weak", "plain"))
    assert batch.index.tolist() == list(range(50))
    assert not torch.equal(batch.views[0], batch.views[1])
    assert torch.equal(batch.views[1], data.train.x.float())


def test_views_are_drawn_independently_of_the_same_samples():
    training, data = training_set(64, kind="image", augmentation="crop-flip")
    index = torch.arange(64)
    first, second, plain = training.take(index, ("weak", "weak", "plain")).views
    stored = data.train.x.float()
    assert torch.equal(plain, stored)
    assert not torch.equal(first, second)
    assert not torch.equal(first, stored)
    for view in (first, second):  # one colour a sample here: the crop shows it, or the padding
        assert torch.equal(view.amax((1, 2, 3)), stored.amax((1, 2, 3)))
    assert not torch.equal(training.take(index).x, training.take(index).x)


@pytest.mark.parametrize("kind", ["vector", "image", "tokens"])
def test_views_without_augmentation_are_equal(kind):
    """Two views of a float vector are two tensors: preprocessing one leaves the other alone."""
    training, _ = training_set(kind=kind, preprocess="standardise")
    first, second, third = training.take(torch.arange(10), ("weak", "plain", "weak")).views
    alone = training.take(torch.arange(10)).x
    for view in (first, second, third):
        assert torch.equal(view, alone)


def test_images_are_stored_as_bytes_and_seen_preprocessed():
    training, data = training_set(kind="image", preprocess="unit")
    kept = training.x.clone()
    assert training.x.dtype == torch.uint8
    batch = next(iter(training.batches()))
    assert batch.x.dtype == torch.float32
    torch.testing.assert_close(batch.x, data.train.x[batch.index] / 255)
    assert torch.equal(training.x, kept)


@pytest.mark.parametrize("kind", ["vector", "image", "tokens"])
def test_stored_samples_survive_a_pass(kind):
    training, _ = training_set(kind=kind, preprocess="standardise")
    kept = training.x.clone()
    for _ in training.batches(("weak", "plain")):
        pass
    for _ in training.scan():
        pass
    assert torch.equal(training.x, kept)


def test_multi_label_targets_are_floats():
    training, data = training_set(multi_label=True, noise=Noise("none"))
    assert training.multi_label
    assert training.transition_matrix is None
    batch = next(iter(training.batches()))
    assert batch.labels.dtype == torch.float32
    assert torch.equal(batch.labels, data.train.labels[batch.index].float())


def test_what_is_known_of_the_data_is_there():
    training, data = training_set()
    assert len(training) == 100
    assert training.num_classes == 10
    assert not training.multi_label
    assert training.batch_size == 8
    assert training.epochs == TrainConfig().epochs
    assert torch.equal(training.transition_matrix, data.transition_matrix)
    assert training.device == torch.device("cpu")


def reachable_tensors(value: object, seen: set[int]) -> list[Tensor]:
    """Every tensor that attributes, containers, closures and bound methods lead to."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, Tensor):
        return [value] + ([value._base] if value._base is not None else [])
    parts: list[object] = []
    if isinstance(value, dict):
        parts += value.values()
    elif isinstance(value, list | tuple | set):
        parts += value
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        parts += vars(value).values()
    parts += [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
    parts += [getattr(value, name) for name in ("__self__", "args") if hasattr(value, name)]
    return [tensor for part in parts for tensor in reachable_tensors(part, seen)]


def test_no_clean_label_can_be_reached():
    training, data = training_set(noise=Noise("symmetric", 1.0))  # so that no label is right
    next(iter(training.batches()))
    found = reachable_tensors(training, set())
    assert any(tensor is training.labels for tensor in found)
    for tensor in found:
        same_storage = (
            tensor.untyped_storage().data_ptr() == data.train.clean.untyped_storage().data_ptr()
        )
        assert not same_storage
        if tensor.shape == data.train.clean.shape:
            assert (tensor != data.train.clean).all()
    assert any(tensor is data.train.clean for tensor in reachable_tensors(data, set()))


@pytest.mark.parametrize("kind", ["vector", "tokens"])
def test_augmentation_of_what_is_no_image_is_refused(kind):
    with pytest.raises(InputError) as caught:
        training_set(kind=kind, augmentation="crop-flip")
    for word in ("'crop-flip'", "images", "tiny", "[2]", "'none'"):
        assert word in str(caught.value)


def test_unknown_view_suggests_the_nearest():
    training, _ = training_set()
    with pytest.raises(InputError, match="did you mean 'weak'"):
        training.take(torch.arange(3), ("week",))
