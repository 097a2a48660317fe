"""The residual nets for photographs: their size, their halves, and where ImageNet's weights come
from."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import nn
from torchvision import models

from lnl_core import checksums
from lnl_core.errors import InputError
from lnl_core.nets import NETS, build_net

SHAPE = (3, 32, 32)


@dataclass(frozen=True)
class Known:
    """What is known of one: torchvision's net, its parameters with 1,000 classes, and so on."""

    name: str
    torchvisions: Callable[[], nn.Module]
    parameters: int
    features: int
    layers: int
    file: str


KNOWN = (
    Known("resnet34", models.resnet34, 21_797_672, 512, 34, "resnet34-b627a593.pth"),
    Known("resnet50", models.resnet50, 25_557_032, 2048, 50, "resnet50-0676ba61.pth"),
)


@pytest.fixture(params=KNOWN, ids=lambda known: known.name)
def known(request) -> Known:
    return request.param


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch) -> Path:
    """torchvision's cache, empty, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)

    def offline(*_: object, **__: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    return tmp_path / "hub" / "checkpoints"


def test_size_and_depth(known):
    net = build_net(known.name, SHAPE, 20)
    whole = sum(parameter.numel() for parameter in net.parameters())
    assert whole == known.parameters - (known.features + 1) * 1000 + (known.features + 1) * 20
    assert net.feature_dim == known.features
    path = [
        layer
        for name, layer in net.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear) and "downsample" not in name
    ]
    assert len(path) == known.layers


def test_it_is_torchvisions_net(known):
    ours, theirs = build_net(known.name, SHAPE, 1000).eval(), known.torchvisions().eval()
    theirs.load_state_dict(
        {name.removeprefix("body."): value for name, value in ours.state_dict().items()
         if name.startswith("body.")}
        | {f"fc.{name}": value for name, value in ours.head.state_dict().items()}
    )  # fmt: skip
    x = torch.randn(2, 3, 64, 48)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


def test_resnet34_is_the_one_for_photographs():
    """CIFAR's ResNet-34 begins with a convolution of 3 x 3 that keeps the size."""
    first = build_net("resnet34", SHAPE, 20).body.conv1
    assert first.kernel_size == (7, 7) and first.stride == (2, 2)
    assert "not CIFAR" in NETS["resnet34"].summary


def test_random_weights_are_the_default_and_drawn_from_the_seed(known):
    assert NETS[known.name].options == {"pretrained": False}
    nets = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        nets.append(build_net(known.name, (1, 32, 32), 5))
    first, same, other = (net.body.conv1.weight for net in nets)
    assert first.shape == (64, 1, 7, 7)
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_without_the_file_and_offline_it_says_what_to_do(known, hub):
    with pytest.raises(InputError) as caught:
        build_net(known.name, SHAPE, 20, pretrained=True)
    text = str(caught.value)
    assert "\n" not in text and "no network in tests" in text and f"for {known.name}" in text
    assert str(hub / known.file) in text and "pretrained=False" in text


def test_the_file_is_verified_and_its_weights_are_taken(known, hub, monkeypatch):
    hub.mkdir(parents=True)
    file = hub / known.file
    torch.manual_seed(5)
    source = known.torchvisions().state_dict()
    torch.save(source, file)
    with pytest.raises(InputError, match=r"SHA-256 of .* is another: delete it"):
        build_net(known.name, SHAPE, 20, pretrained=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(checksums.KNOWN["weights"], known.file, digest)
    net = build_net(known.name, SHAPE, 20, pretrained=True)
    for name, value in net.body.state_dict().items():
        assert torch.equal(value, source[name]), name
    assert net.head.weight.shape == (20, known.features) and net.head.weight.abs().max() <= 0.05
    assert not net.head.bias.any()


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((3, 31, 40), {}, "needs images .* at least 32x32"),
        ((300,), {}, "at least 32x32"),
        (SHAPE, {"pretrained": "yes"}, "must be True or False"),
        ((1, 32, 32), {"pretrained": True}, "three channels"),
    ],
)
def test_what_it_cannot_do_is_refused(known, shape, options, words):
    with pytest.raises(InputError, match=words):
        build_net(known.name, shape, 20, **options)
