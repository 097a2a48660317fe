"""Inception-ResNet-v2 where timm is installed (a stand-in here) and where it is not."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lnl_core.errors import InputError
from lnl_core.nets import build_net

NAME, PHOTOGRAPH = "inception-resnet-v2", (3, 80, 75)


class Pooled(nn.Module):
    """As timm's net without classes: images [B, 3, H, W] → features [B, num_features]."""

    num_features = 6

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean((2, 3))


def test_with_timm_its_body_and_an_output_layer_of_our_own(monkeypatch):
    asked = []

    def create_model(*given, **options):
        asked.append((given, options))
        return Pooled()

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    torch.manual_seed(0)
    net = build_net(NAME, PHOTOGRAPH, 50)
    assert asked == [(("inception_resnet_v2",), {"pretrained": False, "num_classes": 0})]
    x = torch.randn(2, *PHOTOGRAPH)
    assert net(x).shape == (2, 50) and net.features(x).shape == (2, net.feature_dim) == (2, 6)
    assert torch.equal(net(x), net.head(net.features(x)))
    torch.manual_seed(0)
    assert torch.equal(build_net(NAME, PHOTOGRAPH, 50).head.weight, net.head.weight)


def test_without_timm_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"needs timm: pip install timm, or use 'resnet50'\.$"):
        build_net(NAME, PHOTOGRAPH, 50)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((3, 74, 80), "at least 75x75"), ((1, 80, 80), "three channels, but images here have 1")],
)
def test_refusals(shape, message):
    with pytest.raises(InputError, match=message):
        build_net(NAME, shape, 50)


def test_the_real_one_where_it_is_installed():
    pytest.importorskip("timm")
    net = build_net(NAME, (3, 96, 96), 50).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 3, 96, 96)).shape == (1, 50)
    assert net.feature_dim == 1536
