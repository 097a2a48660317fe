"""Nearest neighbours, their votes and the memory, against loops in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lnl_core.losses.contrastive import unit
from lnl_core.methods.neighbours import knn
from lnl_core.methods.neighbours.embedded import Memory
from lnl_core.methods.neighbours.knn import balanced_selection, corrected_vote, nearest, vote


def points(count: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return unit(torch.randn(count, 3, generator=draw, dtype=torch.float64))


def by_the_book(embedding: torch.Tensor, k: int) -> list[list[int]]:
    """Everyone else, sorted by similarity."""
    z = np.asarray(embedding)
    found = []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        found.append(sorted(others, key=lambda j: -(z[i] @ z[j]))[:k])
    return found


@pytest.mark.parametrize("block", [1, 50, 2**25])
def test_neighbours_are_the_most_similar_others_whatever_the_blocks(block, monkeypatch):
    monkeypatch.setattr(knn, "BLOCK", block)
    z = points(23)
    similarity, index = nearest(z, 4)
    assert index.tolist() == by_the_book(z, 4)
    assert torch.allclose(similarity, (z[:, None] * z[index]).sum(-1))


def test_no_sample_is_its_own_neighbour_even_among_copies():
    index = nearest(torch.ones(5, 2) / 2**0.5, 4)[1]
    assert all(sorted([i, *row]) == [0, 1, 2, 3, 4] for i, row in enumerate(index.tolist()))


@pytest.mark.parametrize(("count", "found"), [(1, 0), (2, 1), (6, 5)])
def test_where_there_are_fewer_than_k_all_others_are_neighbours(count, found):
    labels = torch.arange(count) % 2
    index = nearest(points(count), 250)[1]
    assert index.shape == (count, found)
    shares = corrected_vote(index, labels, 2)
    assert shares.sum(-1).tolist() == pytest.approx([float(found > 0)] * count)
    assert balanced_selection(shares, labels).shape == (count,)


def test_the_second_vote_is_on_what_the_first_one_decided():
    z, draw = points(40, 1), torch.Generator().manual_seed(2)
    labels = torch.randint(3, (40,), generator=draw)
    index = nearest(z, 7)[1]
    first = [np.bincount([labels[j] for j in row], minlength=3) / 7 for row in by_the_book(z, 7)]
    corrected = [int(shares.argmax()) for shares in first]
    second = [np.bincount([corrected[j] for j in row], minlength=3) / 7 for row in index.tolist()]
    np.testing.assert_allclose(vote(index, labels, 3), first, rtol=1e-6)
    np.testing.assert_allclose(corrected_vote(index, labels, 3), second, rtol=1e-6)
    assert not np.allclose(first, second)


def test_of_each_class_as_many_are_kept_and_the_best_supported():
    # Own labels' shares; a vote agrees with 3, 1 and 2 samples of the classes.
    own = torch.tensor([0.9, 0.8, 0.7, 0.2, 0.6, 0.4, 0.3, 0.1, 0.9, 0.8, 0.1, 0.2])
    labels = torch.arange(3).repeat_interleave(4)
    shares = torch.zeros(12, 3)
    shares[torch.arange(12), labels] = own
    shares[torch.arange(12), (labels + 1) % 3] = 1 - own
    kept = {q: balanced_selection(shares, labels, q).view(3, 4).tolist() for q in (0.0, 0.5, 1.0)}
    yes, no = True, False
    assert kept[0.0] == [[yes, no, no, no]] * 2 + [[yes, no, no, no]]
    assert kept[0.5] == [[yes, yes, no, no]] * 3
    assert kept[1.0] == [[yes, yes, yes, no]] * 2 + [[yes, yes, no, yes]]


def test_a_class_that_no_label_names_does_not_count_in_the_median():
    labels = torch.tensor([0, 0, 0, 2, 2, 2])
    shares = torch.nn.functional.one_hot(labels, 6).float()
    assert balanced_selection(shares, labels).all()


def test_nothing_is_kept_where_the_neighbours_agree_with_no_label():
    labels = torch.tensor([0, 1, 0, 1])
    shares = torch.nn.functional.one_hot(1 - labels, 2).float()
    assert not balanced_selection(shares, labels).any()


def test_the_memory_holds_the_latest_and_says_what_is_empty():
    memory = Memory(5, 1)
    for begin in (0, 3):
        index = torch.arange(begin, begin + 3)
        memory.store(index[:, None].float(), index)
        assert memory.known.sum() == min(5, begin + 3)
    assert sorted(memory.index.tolist()) == [1, 2, 3, 4, 5]
    assert memory.embedding[:, 0].tolist() == memory.index.tolist()
    memory.store(torch.arange(20.0)[:, None], torch.arange(20))
    assert sorted(memory.index.tolist()) == [15, 16, 17, 18, 19]
