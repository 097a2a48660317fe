"""PENCIL's losses: Yi and Wu, *Probabilistic End-to-end Noise Correction for Learning with Noisy
Labels*, CVPR 2019. A sample's label is a distribution d = softmax(z), and z is learned by its own
gradient.

As in `per_sample.py`: `logits` and `label_logits` z are [..., K], only the last dimension is
reduced.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.contract import TARGET, takes


@takes(logits="... K", label_logits="... K")
def classification(logits: Tensor, label_logits: Tensor) -> Tensor:
    """KL(p ‖ d) / K, p the softmax of `logits`: the other way round than cross-entropy → [...]."""
    log_p, log_d = F.log_softmax(logits, -1), F.log_softmax(label_logits, -1)
    return (log_p.exp() * (log_p - log_d)).mean(-1)


@takes(label_logits="... K", labels=TARGET, double_softmax="flag")
def compatibility(label_logits: Tensor, labels: Tensor, double_softmax: bool = False) -> Tensor:
    """-log d[ỹ], which holds d to the noisy label; with `double_softmax` -log softmax(d)[ỹ]."""
    return losses.cross_entropy(
        label_logits.softmax(-1) if double_softmax else label_logits, labels
    )


@takes(
    logits="... K", label_logits="... K", labels="int ...", alpha="number", double_softmax="flag"
)
def label_gradient(
    logits: Tensor, label_logits: Tensor, labels: Tensor, alpha: float, double_softmax: bool = False
) -> Tensor:
    """The gradient by z of `classification` + α `compatibility` → [..., K]; it sums to 0:

    (d - p) / K + α (d - e_ỹ); with `double_softmax` the last bracket is the softmax's Jacobian at z
    times softmax(d) - e_ỹ.
    """
    p, d = logits.softmax(-1), label_logits.softmax(-1)
    given = F.one_hot(labels, d.shape[-1]).to(d.dtype)
    held = d - given
    if double_softmax:
        wrong = d.softmax(-1) - given
        held = d * (wrong - (d * wrong).sum(-1, keepdim=True))
    return (d - p) / d.shape[-1] + alpha * held
