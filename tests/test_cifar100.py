"""CIFAR-100's superclasses against the coarse labels of its files, and the maps made of them."""

from __future__ import annotations

import numpy as np
import pytest

from lnl_core.noise import Noise
from lnl_core.noise.cifar100 import CLASSES, NEXT_IN_SUPERCLASS, NEXT_OF_FIVE_IDS, SUPERCLASSES

# The coarse label of each fine label, as many public projects have read it off the files.
COARSE = np.array([
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15,
    3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4,
    2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13,
    16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
])  # fmt: skip
MAPS = {"cifar100-asymmetric": NEXT_IN_SUPERCLASS, "cifar100-consecutive": NEXT_OF_FIVE_IDS}


def test_a_hundred_classes_in_twenty_groups_of_five():
    assert len(SUPERCLASSES) == 20
    assert {len(five) for five in SUPERCLASSES.values()} == {5}
    assert len(set(CLASSES)) == 100


def test_the_groups_are_those_of_the_coarse_labels():
    """Coarse labels are alphabetical as well, and so is each group: the order in the dict."""
    names = list(SUPERCLASSES)
    assert names == sorted(names)
    for coarse, name in enumerate(names):
        assert [CLASSES[k] for k in np.flatnonzero(coarse == COARSE)] == list(SUPERCLASSES[name])


def test_the_paper_names_one_superclass():
    five = ("beaver", "dolphin", "otter", "seal", "whale")
    assert SUPERCLASSES["aquatic_mammals"] == five


@pytest.mark.parametrize("name", MAPS)
def test_five_steps_lead_through_a_group_and_back(name):
    for start in range(100):
        path, here = [], start
        for _ in range(5):
            here = MAPS[name][here]
            path.append(here)
        assert here == start and len(set(path)) == 5
        if name == "cifar100-asymmetric":
            assert len(set(COARSE[path])) == 1
        else:
            assert {k // 5 for k in path} == {start // 5}


def test_the_next_is_the_next_in_the_alphabet_and_after_the_last_the_first():
    ids = {name: k for k, name in enumerate(CLASSES)}
    assert NEXT_IN_SUPERCLASS[ids["beaver"]] == ids["dolphin"]
    assert NEXT_IN_SUPERCLASS[ids["whale"]] == ids["beaver"]
    assert NEXT_OF_FIVE_IDS[ids["apple"]] == ids["aquarium_fish"]
    assert NEXT_OF_FIVE_IDS[ids["beaver"]] == ids["apple"]


def test_the_codes_groups_are_no_superclasses():
    """Of a hundred flips only these stay in their superclass, by the luck of the alphabet."""
    inside = [k for k in range(100) if COARSE[k] == COARSE[NEXT_OF_FIVE_IDS[k]]]
    assert len(inside) < 10
    assert NEXT_OF_FIVE_IDS != NEXT_IN_SUPERCLASS


@pytest.mark.parametrize("name", MAPS)
def test_the_matrix_flips_each_class_into_its_next(name):
    t = Noise(name, 0.2).transition_matrix(100)
    assert np.allclose(t.sum(1), 1) and np.allclose(np.diag(t), 0.8)
    assert {(i, j) for i, j in np.argwhere(t == 0.2)} == set(MAPS[name].items())


def test_asymmetric_on_cifar100_means_superclasses():
    own = Noise("asymmetric", 0.6).transition_matrix(100, "cifar100")
    assert (own == Noise("cifar100-asymmetric", 0.6).transition_matrix(100)).all()
