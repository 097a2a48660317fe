"""ResNet-34 for photographs: its size, its halves, and where ImageNet's weights come from."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import nn
from torchvision.models import resnet34 as torchvisions

from lnl_core.errors import InputError
from lnl_core.nets import NETS, build_net, pretrained

SHAPE = (3, 32, 32)


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


def test_size_and_depth():
    net = build_net("resnet34", SHAPE, 20)
    whole = sum(parameter.numel() for parameter in net.parameters())
    assert whole == 21_797_672 - 512 * 1000 - 1000 + 512 * 20 + 20  # torchvision's, 1000 classes
    assert net.feature_dim == 512
    path = [
        layer
        for name, layer in net.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear) and "downsample" not in name
    ]
    assert len(path) == 34


def test_it_is_torchvisions_net():
    ours, theirs = build_net("resnet34", SHAPE, 1000).eval(), torchvisions().eval()
    theirs.load_state_dict(
        {name.removeprefix("body."): value for name, value in ours.state_dict().items()
         if name.startswith("body.")}
        | {f"fc.{name}": value for name, value in ours.head.state_dict().items()}
    )  # fmt: skip
    x = torch.randn(2, 3, 64, 48)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


def test_it_is_the_one_for_photographs():
    """CIFAR's ResNet-34 begins with a convolution of 3 x 3 that keeps the size."""
    first = build_net("resnet34", SHAPE, 20).body.conv1
    assert first.kernel_size == (7, 7) and first.stride == (2, 2)
    assert "not CIFAR" in NETS["resnet34"].summary


def test_random_weights_are_the_default_and_drawn_from_the_seed():
    assert NETS["resnet34"].options == {"pretrained": False}
    nets = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        nets.append(build_net("resnet34", (1, 32, 32), 5))
    first, same, other = (net.body.conv1.weight for net in nets)
    assert first.shape == (64, 1, 7, 7)
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_without_the_file_and_offline_it_says_what_to_do(hub):
    with pytest.raises(InputError) as caught:
        build_net("resnet34", SHAPE, 20, pretrained=True)
    text = str(caught.value)
    assert "\n" not in text and "no network in tests" in text and "for resnet34" in text
    assert str(hub / "resnet34-b627a593.pth") in text and "pretrained=False" in text


def test_the_file_is_verified_and_its_weights_are_taken(hub, monkeypatch):
    hub.mkdir(parents=True)
    file = hub / "resnet34-b627a593.pth"
    torch.manual_seed(5)
    source = torchvisions().state_dict()
    torch.save(source, file)
    with pytest.raises(InputError, match=r"SHA-256 of .* is another: delete it"):
        build_net("resnet34", SHAPE, 20, pretrained=True)
    begins = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(pretrained, "hash_in_name", lambda file: begins)
    net = build_net("resnet34", SHAPE, 20, pretrained=True)
    for name, value in net.body.state_dict().items():
        assert torch.equal(value, source[name]), name
    assert net.head.weight.shape == (20, 512) and net.head.weight.abs().max() <= 0.05
    assert not net.head.bias.any()


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((3, 31, 40), {}, "net 'resnet34' needs images .* at least 32x32"),
        ((300,), {}, "at least 32x32"),
        (SHAPE, {"pretrained": "yes"}, "must be True or False"),
        ((1, 32, 32), {"pretrained": True}, "three channels"),
    ],
)
def test_what_it_cannot_do_is_refused(shape, options, words):
    with pytest.raises(InputError, match=words):
        build_net("resnet34", shape, 20, **options)
