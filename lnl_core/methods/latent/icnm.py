"""ICNM: Misra et al., *Seeing through the human reporting bias*, CVPR 2016, as Yao et al. 2018 name
it. People leave out what goes without saying: whether a label is written down depends on what is
in the picture, and on the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.losses import multi_label
from lnl_core.methods.base import Method
from lnl_core.methods.options import number

START = "a share of reports in (0, 1)", lambda start: 0 < start < 1
#: The least and 1 - the largest probability of a report to begin with.
LEAST = 1e-4


class ICNM(Method):
    """Two classifiers on the same features: what is there, v(z_k|x), and whether that is reported,
    q(y_k|z_k, x), 2x2 probabilities a label; their product P(y|x) is trained on the noisy labels
    (`multi_label.reported`). The first one alone predicts.

    Data with one label a sample are one-hot vectors. `start` in (0, 1): the second classifier
    begins with weights of zero, and reports the truth in this share of all cases, in the others a
    label at its frequency among the noisy labels: q(y_k = 1|z_k) = start z_k + (1 - start) f_k.
    Without a start like that nothing ties z_k to the label k. It is ours. The same rate of false
    reports for every label, rare ones as well, lets the second classifier explain all the labels:
    on digits-vectors, `label-shuffle:0.4`, a rate of 0.3 to 0.05 gave mAP 28 to 38, cross-entropy
    85, and `start` 86.
    """

    multi_label = True

    def __init__(self, net: nn.Module, data: TrainingSet, start: float = 0.95) -> None:
        super().__init__(net, data)
        self.num_classes = data.num_classes
        self.report = nn.Linear(net.feature_dim, 2 * data.num_classes)
        start = number("start", start, *START)
        frequency = multi_label.label_vectors(data.labels, data.num_classes).mean(0)
        chance = (1 - start) * frequency
        nn.init.zeros_(self.report.weight)
        with torch.no_grad():
            self.report.bias.copy_(torch.cat([start + chance, chance]).logit(LEAST))

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The logistic loss of the first classifier alone: the second one needs the sample."""
        vectors = multi_label.label_vectors(labels, self.num_classes)
        return losses.binary_cross_entropy(logits, vectors)

    def loss(self, batch: Batch) -> Tensor:
        features = self.net.features(batch.x)
        labels = multi_label.label_vectors(batch.labels, self.num_classes)
        return multi_label.reported(
            self.net.head(features), labels, *self.report(features).chunk(2, -1)
        )
