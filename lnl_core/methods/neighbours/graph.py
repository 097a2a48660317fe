"""The graph of nearest neighbours, and what NGC asks of it: labels that spread along its edges, and
the largest piece of each class.
"""

from __future__ import annotations

import math

import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

#: What is left undone when labels are spread, as a share of what there was to do.
LEFT = 1e-7


def affinity(similarity: Tensor, neighbours: Tensor) -> Tensor:
    """D^-½ (W + Wᵀ) D^-½, sparse [N, N]: w_ij = max(s_ij, 0)³ where j is among the nearest
    neighbours of i, else 0, and D the row sums of W + Wᵀ.

    `similarity` and `neighbours`, int64, [N, k] each, as `nearest` gives them. A sample without a
    similar neighbour has a row of zeros.
    """
    count, k = neighbours.shape
    weight = similarity.clamp_min(0).pow(3).flatten()
    row = torch.arange(count, device=neighbours.device).repeat_interleave(k)
    column = neighbours.flatten()
    degree = torch.zeros(count, dtype=weight.dtype, device=weight.device)
    degree.index_add_(0, row, weight).index_add_(0, column, weight)
    scale = torch.where(degree > 0, degree, 1).rsqrt()
    places = torch.stack([torch.cat([row, column]), torch.cat([column, row])])
    values = (weight * scale[row] * scale[column]).repeat(2)
    graph = torch.sparse_coo_tensor(places, values, (count, count), check_invariants=False)
    return graph.coalesce()


def propagate(graph: Tensor, targets: Tensor, spread: float) -> Tensor:
    """Z with (I - `spread` W) Z = Y, of an `affinity` W [N, N] and `targets` Y [N, K] → [N, K].

    By Z ← Y + spread · W Z: no eigenvalue of W is above 1, so that each turn leaves at most a
    `spread`, in [0, 1), of the error. The authors' code has conjugate gradients, up to 20 of them.
    """
    turns = 0 if spread == 0 else math.ceil(math.log(LEFT) / math.log(spread))
    found = targets
    for _ in range(turns):
        found = targets + spread * torch.sparse.mm(graph, found)
    return found


def largest_components(neighbours: Tensor, labels: Tensor, chosen: Tensor) -> Tensor:
    """Of each class the `chosen` samples (bool [N]) that hang together: bool [N].

    Two are joined if each is among the other's nearest neighbours (int64 [N, k]), both are chosen
    and their `labels` (int64 [N]) are the same; of a class its largest connected component is
    kept, of several such the first. A class of which nobody is chosen has none.
    """
    count, k = neighbours.shape
    columns, names, picked = (each.cpu() for each in (neighbours.flatten(), labels, chosen))
    rows = torch.arange(count).repeat_interleave(k)
    fits = picked[rows] & picked[columns] & (names[rows] == names[columns])
    edges = (rows[fits].numpy(), columns[fits].numpy())
    near = csr_array((torch.ones(len(edges[0])).numpy(), edges), shape=(count, count))
    component = torch.from_numpy(connected_components(near.multiply(near.T), directed=False)[1])
    size = torch.bincount(component.long())[component.long()]
    kept = torch.zeros(count, dtype=torch.bool)
    for label in names[picked].unique():
        own = picked & (names == label)
        first = torch.where(own, size, 0).argmax()
        kept |= own & (component == component[first])
    return kept.to(chosen.device)
