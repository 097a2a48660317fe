"""What a dataset is, and what it refuses to be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from data_helpers import ids, tiny_dataset

from lnl_core.data import Dataset
from lnl_core.errors import InputError


def changed(data: Dataset, **fields) -> Dataset:
    return dataclasses.replace(data, **fields)


def message(data: Dataset, **fields) -> str:
    with pytest.raises(InputError) as caught:
        changed(data, **fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "shape"), [("image", (3, 8, 8)), ("vector", (2,)), ("tokens", (2,))]
)
def test_dataset_knows_its_kind_and_shape(kind, shape):
    data = tiny_dataset(kind=kind)
    assert (data.kind, data.input_shape, data.num_classes) == (kind, shape, 10)
    assert not data.multi_label
    assert tiny_dataset(kind=kind, multi_label=True).multi_label


def test_fingerprint_is_the_same_for_the_same_data():
    assert tiny_dataset().fingerprint == tiny_dataset().fingerprint
    assert (
        changed(tiny_dataset(), source="another sentence").fingerprint == tiny_dataset().fingerprint
    )


@pytest.mark.parametrize("field", ["x_train", "y_train", "x_test", "y_test", "y_train_noisy"])
def test_fingerprint_changes_with_one_value(field):
    data = tiny_dataset(given=True)
    tensor = getattr(data, field).clone()
    tensor.view(-1)[-2] = 3
    assert changed(data, **{field: tensor}).fingerprint != data.fingerprint


def test_fingerprint_changes_with_order_shape_and_given_noise():
    data = tiny_dataset(kind="image")
    prints = {
        data.fingerprint,
        changed(data, y_train=data.y_train.roll(10)).fingerprint,
        changed(data, x_train=data.x_train.reshape(-1, 3, 4, 16),
                x_test=data.x_test.reshape(-1, 3, 4, 16)).fingerprint,
        changed(data, x_train=data.x_train.flip(0)).fingerprint,
        changed(data, y_train_noisy=data.y_train).fingerprint,
    }  # fmt: skip
    assert len(prints) == 4  # labels 0..9 in turn, rolled by ten, are the same labels


def test_fingerprint_sees_through_memory_layout():
    data = tiny_dataset(kind="image")
    other = data.x_train.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert changed(data, x_train=other).fingerprint == data.fingerprint


def test_subset_keeps_samples_with_their_labels():
    data = tiny_dataset(200, given=True)
    small = data.subset(120, np.random.default_rng(0))
    kept = ids(small.x_train)
    assert len(set(kept)) == 120
    assert small.y_train.tolist() == data.y_train[kept].tolist()
    assert small.y_train_noisy.tolist() == data.y_train_noisy[kept].tolist()
    assert torch.equal(small.x_test, data.x_test)
    assert torch.equal(small.y_test, data.y_test)
    assert (small.name, small.classes, small.source) == (data.name, data.classes, data.source)
    assert small.fingerprint != data.fingerprint


def test_subset_is_drawn_at_random_and_by_its_generator():
    data = tiny_dataset(200)
    draws = [ids(data.subset(120, np.random.default_rng(seed)).x_train) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] != list(range(120))


@pytest.mark.parametrize("count", [0, -5, 101])
def test_subset_of_an_impossible_size_is_refused(count):
    with pytest.raises(InputError) as caught:
        tiny_dataset().subset(count, np.random.default_rng(0))
    text = str(caught.value)
    assert text.startswith(f"{count} training samples")
    assert "1 to 100" in text


def test_subset_that_loses_a_class_is_refused():
    with pytest.raises(InputError, match=r"no training sample .* use more samples"):
        tiny_dataset().subset(9, np.random.default_rng(0))


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["y_train", "y_test", "y_train_noisy"])
@pytest.mark.parametrize("bad", [-1, 10, 10**12])
def test_label_outside_the_classes_is_named(field, bad):
    data = tiny_dataset(given=True)
    labels = getattr(data, field).clone()
    labels[3] = bad
    text = message(data, **{field: labels})
    for word in ("tiny", field.split("_")[1], f"label {bad} ", "0 to 9"):
        assert word in text


def test_empty_class_is_named():
    data = tiny_dataset()
    text = message(data, y_train=data.y_train.clamp(max=8))
    assert "1 of 10 classes" in text
    assert "'class 9'" in text
    text = message(data, y_train=data.y_train * 0)
    assert "9 of 10 classes" in text
    assert "'class 3' …" in text  # the first three, not all
    data = tiny_dataset(multi_label=True)
    assert "'class 0'" in message(data, y_train=data.y_train * torch.tensor([0] + [1] * 9).byte())


def test_class_absent_from_the_test_split_is_no_error():
    data = tiny_dataset()
    assert changed(data, y_test=data.y_test * 0).num_classes == 10


@pytest.mark.parametrize("field", ["x_train", "y_train", "x_test", "y_test", "y_train_noisy"])
def test_lengths_that_disagree_are_named(field):
    data = tiny_dataset(given=True)
    whole = getattr(data, field)
    text = message(data, **{field: whole[:-1]})
    assert f"{len(whole) - 1} " in text
    assert f"{len(whole)} " in text
    assert "must agree" in text


@pytest.mark.parametrize("split", ["train", "test"])
def test_empty_split_is_refused(split):
    data = tiny_dataset()
    empty = {f"{axis}_{split}": getattr(data, f"{axis}_{split}")[:0] for axis in "xy"}
    text = message(data, **empty)
    assert f"{split} split" in text
    assert "no samples" in text


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_not_finite_are_refused(split, bad):
    data = tiny_dataset()
    x = getattr(data, f"x_{split}").clone()
    x[4, 1] = bad
    text = message(data, **{f"x_{split}": x})
    assert f"{split} split" in text
    assert "NaN or infinity" in text


def test_samples_of_two_shapes_or_kinds_are_refused():
    data = tiny_dataset(kind="image")
    text = message(data, x_test=data.x_test[..., :7])
    assert "[3, 8, 8]" in text
    assert "[3, 8, 7]" in text
    assert "must agree" in text
    text = message(tiny_dataset(), x_test=tiny_dataset(kind="tokens").x_test)
    assert "float32" in text
    assert "int64" in text


@pytest.mark.parametrize("field", ["y_train", "y_test", "y_train_noisy"])
def test_labels_of_two_kinds_are_refused(field):
    single, multi = (tiny_dataset(multi_label=m, given=True) for m in (False, True))
    for data, other in ((single, multi), (multi, single)):
        text = message(data, **{field: getattr(other, field)})
        assert "labels" in text
        assert "must agree" in text


@pytest.mark.parametrize(
    ("kind", "shape"), [("vector", (0,)), ("tokens", (0,)), ("image", (1, 0, 8))]
)
def test_samples_without_a_value_are_refused(kind, shape):
    data = tiny_dataset(kind=kind)
    x = data.x_train.new_zeros(100, *shape)
    assert "holds nothing" in message(data, x_train=x, x_test=x[:20])


VECTORS, TOKENS = torch.rand(100, 4), torch.zeros(100, 4, dtype=torch.int64)
BYTES = torch.zeros(100, 3, 8, 8, dtype=torch.uint8)
NO_SAMPLES = [
    *[VECTORS.to(dtype) for dtype in (torch.bool, torch.bfloat16, torch.complex64)],
    *[TOKENS.to(dtype) for dtype in (torch.uint8, torch.uint16, torch.int32)],
    VECTORS[:, 0], VECTORS[:, :, None], TOKENS[:, :, None], BYTES[:, 0], BYTES.float(),
    torch.tensor(3.0), VECTORS.to("meta"), VECTORS.to_sparse(), torch.nn.Parameter(VECTORS),
]  # fmt: skip


@pytest.mark.parametrize("x", NO_SAMPLES, ids=lambda x: f"{str(x.dtype)[6:]}-{x.dim()}")
def test_samples_of_another_type_or_rank_are_refused(x):
    text = message(tiny_dataset(), x_train=x)
    assert "x_train is" in text and "but it must be" in text and len(text) < 300


@pytest.mark.parametrize("x", [VECTORS.half(), VECTORS, VECTORS.double(), TOKENS, BYTES])
def test_samples_of_every_type_that_is_named_are_taken(x):
    data = changed(tiny_dataset(), x_train=x, x_test=x[:20])
    assert data.input_shape == x.shape[1:] and data.fingerprint


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("classes", None, "tuple of names"), ("classes", "0123456789", "tuple of names"),
        ("classes", tuple(range(10)), "tuple of names"), ("classes", ("a",) * 10, "10 classes"),
        ("name", 5, "must be a string"), ("source", None, "must be a string"),
        ("vocabulary", "a", "whole number"), ("vocabulary", 101.5, "whole number"),
        ("vocabulary", True, "whole number"), ("vocabulary", 0, "whole number"),
        ("y_train", torch.tensor(3), "int64 [N]"),
    ],
)  # fmt: skip
def test_names_sizes_and_labels_of_another_type_are_refused(field, value, words):
    assert words in message(tiny_dataset(kind="tokens"), **{field: value})


def test_a_matrix_of_lists_is_kept_as_an_array():
    data = tiny_dataset(classes=2)
    trusted = {"x_trusted": data.x_test, "y_trusted": data.y_test}
    lists = changed(data, transition_matrix=[[0.9, 0.1], [0, 1]], **trusted)
    array = changed(data, transition_matrix=np.array([[0.9, 0.1], [0, 1]]), **trusted)
    assert lists.fingerprint == array.fingerprint != data.fingerprint


def test_negative_token_id_is_refused():
    data = tiny_dataset(kind="tokens")
    text = message(data, x_test=data.x_test - 7)
    assert "token id -7" in text
    assert "test split" in text


def test_vocabulary_is_given_or_reaches_to_the_largest_id_of_either_split():
    data = tiny_dataset(kind="tokens")  # ids 0 to 100 in training, to 20 in the test
    assert data.vocabulary == 101
    assert changed(data, x_test=data.x_test + 500, vocabulary=None).vocabulary == 521
    assert changed(data, vocabulary=5000).vocabulary == 5000
    more = {"x_val": data.x_test + 700, "y_val": data.y_test}
    assert changed(data, **more, vocabulary=None).vocabulary == 721
    two = tiny_dataset(kind="tokens", classes=2)
    assert two.subset(10, np.random.default_rng(0)).vocabulary == 101
    assert tiny_dataset(kind="vector").vocabulary is None
    assert tiny_dataset(kind="image").vocabulary is None


def test_token_id_outside_the_vocabulary_is_refused():
    data = tiny_dataset(kind="tokens")
    assert changed(data, vocabulary=101).vocabulary == 101
    text = message(data, vocabulary=100)
    assert "token id 100 is outside the vocabulary of 100" in text
    assert "0 to 99" in text
    for split in ("val", "trusted"):
        text = message(data, **{f"x_{split}": data.x_test + 700, f"y_{split}": data.y_test})
        assert "token id 720 is outside the vocabulary of 101" in text


def test_labels_of_another_dtype_are_refused():
    data = tiny_dataset()
    text = message(data, y_train=data.y_train.float())
    assert "float32 [100]" in text
    assert "int64" in text


@pytest.mark.parametrize(("width", "value"), [(9, 1), (11, 1), (10, 2)])
def test_multi_hot_labels_of_another_width_or_value_are_refused(width, value):
    data = tiny_dataset(multi_label=True)
    labels = torch.full((100, width), value, dtype=torch.uint8)
    text = message(data, y_train=labels)
    assert "0 or 1" in text
    assert "10 classes" in text
    assert f"[100, {width}]" in text
    assert f"up to {value}" in text


@pytest.mark.parametrize("classes", [(), ("only",)])
def test_fewer_than_two_classes_are_refused(classes):
    data = tiny_dataset()
    text = message(data, classes=classes, y_train=data.y_train * 0, y_test=data.y_test * 0)
    assert f"{len(classes)} class(es)" in text
    assert "at least 2" in text
