"""Random numbers that a run owns: apart from the caller's, apart by purpose, resumable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lnl_core.errors import InputError
from lnl_core.streams import RandomStream, check_seed, numpy_generator, torch_seed


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, np.int64(5), np.uint32(2**32 - 1)])
def test_whole_number_in_range_is_a_seed(seed):
    assert check_seed(seed) == int(seed)
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True, np.int64(-3), float("nan")])
def test_anything_else_is_refused_by_name(seed):
    with pytest.raises(InputError) as caught:
        check_seed(seed, "the split seed")
    text = str(caught.value)
    assert text.startswith("the split seed is ")
    assert str(seed) in text
    assert "whole number from 0 to 2^32-1" in text


def test_generators_repeat_by_seed_and_differ_by_seed_and_purpose():
    def draw(purpose: str, seed: int) -> tuple[int, ...]:
        return tuple(numpy_generator(purpose, seed).integers(2**60, size=4))

    assert draw("noise", 3) == draw("noise", 3)
    assert len({draw(p, s) for p in ("noise", "split") for s in range(5)}) == 10


def test_torch_seeds_repeat_and_differ_by_seed_and_purpose():
    assert torch_seed("order", 3) == torch_seed("order", 3)
    found = {torch_seed(p, s) for p in ("order", "init-1", "init-2") for s in range(50)}
    assert len(found) == 150
    assert all(0 <= seed < 2**63 for seed in found)


@pytest.mark.parametrize("make", [numpy_generator, torch_seed])
def test_bad_seed_is_refused_wherever_it_enters(make):
    with pytest.raises(InputError):
        make("noise", -1)


def draws(stream: RandomStream, count: int) -> list[float]:
    with stream:
        return torch.rand(count).tolist()


def test_stream_repeats_by_seed():
    assert draws(RandomStream(5), 4) == draws(RandomStream(5), 4)
    assert draws(RandomStream(5), 4) != draws(RandomStream(6), 4)


def test_stream_continues_where_it_stopped():
    whole = draws(RandomStream(5), 6)
    stream = RandomStream(5)
    assert draws(stream, 2) + draws(stream, 4) == whole


def test_caller_never_notices():
    torch.manual_seed(1)
    expected = torch.rand(6)
    torch.manual_seed(1)
    seen = [torch.rand(2)]
    stream = RandomStream(5)
    seen.append(torch.rand(2))
    with stream:
        torch.rand(100)
    seen.append(torch.rand(2))
    assert torch.equal(torch.cat(seen), expected)


def test_stream_never_notices_the_caller():
    whole = draws(RandomStream(5), 4)
    stream = RandomStream(5)
    first = draws(stream, 2)
    torch.rand(7)
    torch.manual_seed(99)
    assert first + draws(stream, 2) == whole


def test_two_streams_interleave_without_meeting():
    a, b = RandomStream(1), RandomStream(2)
    mixed = [draws(stream, 2) for stream in (a, b, a, b)]
    assert mixed[0] + mixed[2] == draws(RandomStream(1), 4)
    assert mixed[1] + mixed[3] == draws(RandomStream(2), 4)


def test_caller_is_restored_when_the_work_inside_raises():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="inside"), RandomStream(5):
        torch.rand(3)
        raise RuntimeError("inside")
    assert torch.equal(torch.get_rng_state(), before)


def test_pause_gives_the_generators_back_for_a_moment():
    whole = draws(RandomStream(5), 4)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with (stream := RandomStream(5)):
        inside = torch.rand(2).tolist()
        with stream.paused():
            outside = torch.rand(3)
        inside += torch.rand(2).tolist()
    assert inside == whole
    assert torch.equal(outside, expected)


def test_pause_ends_even_when_the_caller_raises():
    with (stream := RandomStream(5)):
        first = torch.rand(1).item()
        with pytest.raises(RuntimeError, match="outside"), stream.paused():
            raise RuntimeError("outside")
        second = torch.rand(1).item()
    assert [first, second] == draws(RandomStream(5), 2)


def test_state_saved_and_restored_continues_bit_for_bit():
    stream = RandomStream(5)
    draws(stream, 3)
    saved = {device: state.clone() for device, state in stream.state.items()}
    expected = draws(stream, 4)
    resumed = RandomStream(0)
    resumed.state = saved
    assert draws(resumed, 4) == expected
