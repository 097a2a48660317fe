"""What a quality embedding shows: which labels to trust, and how latent labels become noisy ones.

Yao et al. 2018, Section IV-D, Figures 7 and 9.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lnl_core.contract import takes


@takes(predicted="N K", labels="any N K")
def agreement(predicted: Tensor, labels: Tensor) -> Tensor:
    """Which samples' predicted label vector is the noisy one: bool [N] (Figure 7's two colours).

    `predicted` [N, K] are the classifier's probabilities, a label being predicted above one half;
    `labels` [N, K] in {0, 1}.
    """
    return ((predicted > 0.5) == labels.bool()).all(-1)


@takes(mean="N D", agrees="bool N")
def trustworthy(mean: Tensor, agrees: Tensor) -> Tensor:
    """Which samples' labels are to be trusted, by k-means of their quality: bool [N] (Figure 9).

    `mean` [N, D] is cut in two clusters, from five starts of a fixed seed. The paper does not say
    which of the two is the trustworthy one: here the one where more of the samples agree (`agrees`
    bool [N], see `agreement`). Samples that are all alike are one cluster.
    """
    from sklearn.cluster import KMeans  # slow to import

    if len(mean) < 2 or (mean == mean[0]).all():
        return torch.ones_like(agrees)
    found = KMeans(2, n_init=5, random_state=0).fit_predict(mean.cpu().numpy())
    second = torch.from_numpy(found).to(mean.device) == 1
    share = [agrees[part].double().mean() for part in (~second, second)]
    return second if share[1] > share[0] else ~second


@takes(latent="any N K", labels="any N K")
def transition_pattern(latent: Tensor, labels: Tensor) -> Tensor:
    """How often a latent label was written down as each noisy one: [K, K], rows sum to 1.

    `latent` and `labels` [N, K] in {0, 1}. "Count transitions" has one meaning where a sample has
    one label. Where it has several: a latent label that is also given is a transition to itself;
    one that is not goes, in equal parts, to the given labels that are not latent, if there are any.
    A latent label that never occurs, or never becomes any, has a row of NaN.
    """
    z, y = latent.double(), labels.double()
    kept, lost, new = z * y, z * (1 - y), y * (1 - z)
    share = new / new.sum(-1, keepdim=True).clamp_min(1)
    counts = torch.diag(kept.sum(0)) + lost.T @ share
    return counts / counts.sum(-1, keepdim=True)
