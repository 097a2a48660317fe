"""What the papers prove, checked on the code; where a proof goes too far, how far it goes.

Theorems 1 and 2 of Patrini et al. are in test_losses.py, Theorem 3 in test_transition.py.
"""

import warnings

import pytest
import torch

from lnl_core import losses

LAYERS = {"W1": (4, 3), "b1": (4,), "W2": (5, 4), "b2": (5,), "W3": (3, 5), "b3": (3,)}


def network(weights, x, activation):
    hidden = activation(x @ weights["W1"].T + weights["b1"])
    hidden = activation(hidden @ weights["W2"].T + weights["b2"])
    return hidden @ weights["W3"].T + weights["b3"]


def difference_of_hessians(activation, seed):
    """Largest entry of |Hessian of the backward loss - Hessian of cross-entropy|, by block."""
    draw = torch.Generator().manual_seed(seed)

    def normal(shape):
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    weights = {name: normal(shape) for name, shape in LAYERS.items()}
    x, labels = normal((6, 3)), torch.randint(3, (6,), generator=draw)
    t = 0.5 * torch.eye(3, dtype=torch.float64) + 0.5 * normal((3, 3)).softmax(-1)

    def cross_entropy(w):
        return losses.cross_entropy(network(w, x, activation), labels).mean()

    def backward(w):
        inverse = torch.linalg.inv(t)
        return losses.backward_corrected(network(w, x, activation), labels, inverse).mean()

    with warnings.catch_warnings():  # torch.func uses what torch itself has deprecated
        warnings.simplefilter("ignore", FutureWarning)
        clean, corrected = (torch.func.hessian(f)(weights) for f in (cross_entropy, backward))
    return {
        (a, b): (clean[a][b] - corrected[a][b]).abs().max().item() for a in weights for b in weights
    }


def layer(name):
    return name[1]


@pytest.mark.parametrize("seed", range(3))
def test_theorem_4_holds_within_each_layer_of_a_relu_network_and_not_across(seed):
    blocks = difference_of_hessians(torch.relu, seed)
    within = [value for (a, b), value in blocks.items() if layer(a) == layer(b)]
    assert max(within) < 1e-9
    # Weights of two layers multiply each other in B(x) = -(T⁻¹ W⁽ⁿ⁾)_j x⁽ⁿ⁻¹⁾.
    for a, b in (("W1", "W2"), ("W2", "W3"), ("W1", "W3")):
        assert blocks[a, b] > 1e-3


def test_theorem_4_fails_even_within_a_layer_for_a_smooth_activation():
    blocks = difference_of_hessians(torch.tanh, seed=0)
    assert blocks["W1", "W1"] > 1e-3
    assert blocks["W3", "W3"] < 1e-9  # the last layer has no activation behind it
