"""How many threads: one for a small net, torch's choice for others, and what was asked for."""

from __future__ import annotations

import pytest
import torch

from lnl_core import InputError
from lnl_core.accel import default_threads, set_threads, threads
from lnl_core.accel.threads import SMALL_NETS
from lnl_core.nets import net_names


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_small_nets_have_one_thread_and_others_torchs_choice():
    torch.set_num_threads(2)
    assert {name for name in net_names() if default_threads(name) == 1} == set(SMALL_NETS)
    assert default_threads("resnet14") == 2


def test_what_is_asked_for_wins():
    set_threads(2, "mlp")
    assert torch.get_num_threads() == 2
    set_threads(None, "mlp")
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("count", [0, -3, 1025, 3_000_000_000])
def test_fewer_than_one_and_more_than_any_machine_has_are_refused(count):
    with pytest.raises(InputError, match=f"{count} threads"):
        set_threads(count, "mlp")


def test_within_a_block_alone():
    torch.set_num_threads(1)
    with pytest.raises(KeyError), threads(2):
        assert torch.get_num_threads() == 2
        raise KeyError
    assert torch.get_num_threads() == 1
