"""Devices by name."""

from __future__ import annotations

import pytest
import torch

from lnl_core import InputError
from lnl_core.accel import describe_device, peak_memory_mb, pick_device


@pytest.mark.parametrize("here", [False, True])
def test_auto_is_the_gpu_if_there_is_one(monkeypatch, here):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: here)
    assert pick_device("auto").type == ("cuda" if here else "cpu")
    assert pick_device().type == pick_device("auto").type
    assert pick_device("cpu").type == "cpu"


def test_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("cuda").type == "cuda"


def test_cuda_where_there_is_none_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"'cuda'.*no GPU.*'auto' or 'cpu'"):
        pick_device("cuda")


def test_an_unknown_device_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown device 'gpu'.*auto, cpu, cuda"):
        pick_device("gpu")


def test_a_cpu_is_described_by_its_name():
    name = describe_device(torch.device("cpu"))
    assert name and "\n" not in name


def test_a_processor_that_tells_no_name_is_described_all_the_same(monkeypatch):
    def absent(self):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", absent)
    assert describe_device(torch.device("cpu"))


def test_memory_is_counted_in_megabytes():
    assert 50 < peak_memory_mb(torch.device("cpu")) < 50_000  # torch alone takes some hundred


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_is_described_by_its_name():
    assert describe_device(pick_device("cuda")) == torch.cuda.get_device_name()
