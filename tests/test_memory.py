"""Where numbers lie changes no number but the order of sums; a switch leaves all as it was."""

from __future__ import annotations

import ctypes

import pytest
import torch
from training_helpers import assert_same, noisy_data

from lnl_core import Dataset, Method, TrainConfig, TrainingSet, fit, make_noisy
from lnl_core.accel.memory import (
    LARGEST_INT,
    M_MMAP_THRESHOLD,
    M_TRIM_THRESHOLD,
    SWITCH,
    channels_last,
    keep_freed_memory,
    prepare,
)
from lnl_core.nets import build_net
from lnl_core.noise import parse_noise

CPU = torch.device("cpu")


def colour_data():
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 3, 16, 16), generator=draw, dtype=torch.uint8)
    y = torch.arange(40) % 2
    dataset = Dataset("colour", x, y, x[:10], y[:10], ("a", "b"), "made by a test")
    return make_noisy(dataset, parse_noise("none"), val_fraction=0.1)


def trained(data, name, **train):
    config = TrainConfig(epochs=2, batch_size=12, lr=0.05, **train)
    torch.manual_seed(0)
    method = Method(build_net(name, data.input_shape, data.num_classes), TrainingSet(data, config))
    return method, list(fit(method, data, config))


@pytest.mark.parametrize("name", ["lenet", "resnet14"])
def test_convolutions_are_laid_out_anew_and_compute_the_same(name):
    torch.manual_seed(0)
    net, x = build_net(name, (3, 16, 16), 4), torch.randn(5, 3, 16, 16)
    before, state = net(x), {key: value.clone() for key, value in net.state_dict().items()}
    channels_last(net)
    assert_same(state, net.state_dict())
    kernels = [layer.weight for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
    torch.testing.assert_close(net(x), before, rtol=1e-4, atol=1e-5)


def test_fit_prepares_and_the_switch_leaves_all_as_it_was(monkeypatch):
    data = colour_data()
    prepared, records = trained(data, "lenet")
    monkeypatch.setenv(SWITCH, "1")
    plain, others = trained(data, "lenet")
    for method, last in ((prepared, True), (plain, False)):
        kernel = method.net.body[0].weight
        assert kernel.is_contiguous(memory_format=torch.channels_last) is last
    for one, other in zip(records, others, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)


def test_a_net_without_convolutions_trains_to_the_same_bits(monkeypatch):
    data = noisy_data()
    prepared, records = trained(data, "mlp")
    monkeypatch.setenv(SWITCH, "1")
    plain, others = trained(data, "mlp")
    assert_same(prepared.state_dict(), plain.state_dict())
    assert [r.val_loss for r in records] == [r.val_loss for r in others]


def test_the_allocator_is_told_to_keep_what_is_freed(monkeypatch):
    told = {}

    class Library:
        @staticmethod
        def mallopt(what, value):
            told[what] = value

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    keep_freed_memory()
    assert told == {M_MMAP_THRESHOLD: 2**30, M_TRIM_THRESHOLD: LARGEST_INT}
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # another C library
    keep_freed_memory()


def test_elsewhere_the_allocator_is_left_alone(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)  # a call would fail
    keep_freed_memory()


def test_an_optimiser_made_before_goes_on_with_the_same_parameters():
    method = Method(build_net("lenet", (3, 16, 16), 2), TrainingSet(colour_data(), TrainConfig()))
    before = [id(parameter) for parameter in method.parameters()]
    prepare(method, "float32", CPU)
    assert [id(parameter) for parameter in method.parameters()] == before
