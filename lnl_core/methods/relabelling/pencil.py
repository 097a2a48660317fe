"""PENCIL: Yi and Wu, *Probabilistic End-to-end Noise Correction for Learning with Noisy Labels*,
CVPR 2019. Labels are distributions, and learned by gradient descent like the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.label_learning import classification, compatibility, label_gradient
from lnl_core.losses.soft import entropy
from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.options import WEIGHT, flag, number

if TYPE_CHECKING:
    from lnl_core.run import Run

#: z of the noisy label when learning begins; of the other classes 0.
INITIAL = 10.0
#: The batch for which the authors give the rate of the labels.
BATCH = 128


class LearnedLabels(Method):
    """KL(p ‖ d) / K + α CE(d, ỹ) + (β / K) H(p), the label distribution d = softmax(z) of each
    sample learned as well, where `learning`; else KL(p ‖ d) / K alone, d as it is given.

    z begins at 10 for the noisy label and 0 elsewhere, or as given, `label_logits` [N, K]. Each
    time that a sample is seen it takes a step along its own gradient, before the network's:
    z ← z - `label_rate` / 128 · ∂/∂z of its own loss. That is the authors' step along the gradient
    of the mean over a batch of 128; batches of other sizes change nothing here.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        alpha: float = 0.4,
        beta: float = 0.1,
        label_rate: float = 600.0,
        double_softmax: bool = True,
        label_logits: Tensor | None = None,
        learning: bool = True,
    ) -> None:
        super().__init__(net, data)
        check(alpha, beta, label_rate, double_softmax)
        self.alpha, self.beta, self.label_rate = alpha, beta, label_rate
        self.double_softmax, self.learning = double_softmax, learning
        if label_logits is None:
            label_logits = INITIAL * F.one_hot(data.labels, data.num_classes).float()
        #: z [N, K].
        self.register_buffer("label_logits", label_logits.detach().clone())

    def loss(self, batch: Batch) -> Tensor:
        logits, z = self.logits(batch.x), self.label_logits[batch.index]
        loss = classification(logits, z)
        if not self.learning:
            return loss
        loss = loss + self.alpha * compatibility(z, batch.labels, self.double_softmax)
        loss = loss + self.beta / z.shape[-1] * entropy(logits)
        slope = label_gradient(
            logits.detach().float(), z, batch.labels, self.alpha, self.double_softmax
        )
        self.label_logits.index_copy_(0, batch.index, z - self.label_rate / BATCH * slope)
        return loss

    def corrected_labels(self) -> Tensor:
        """d as it is now, [N, K]."""
        return self.label_logits.softmax(-1)


def pencil(
    run: Run,
    alpha: float = 0.4,
    beta: float = 0.1,
    label_rate: float = 600.0,
    double_softmax: bool = True,
) -> Iterator[Any]:
    """The three stages: `backbone`, cross-entropy at a high learning rate, which keeps the network
    from memorising; `labels`, network and labels together; `fine-tune`, the network on the labels
    that came out, which stay. One network throughout, with a new optimiser in each stage.

    The authors' script for CIFAR-10 (α, β and λ = `label_rate` are its defaults; the text varies
    λ and the learning rate with the noise, and a user read α and β there the other way round) has
    70 epochs at 0.06, 130 more, and 120 from 0.2 down. There the last stage's rate is divided as an
    integer and so is 0 for its last 80 epochs.

    With `double_softmax`, the default, CE(d, ỹ) takes d for logits, as that script has it. As
    printed (False) z comes to rest at d = (p + K α e_ỹ) / (1 + K α): with K α above 1, which is 4
    on CIFAR-10, the largest entry stays the noisy label's whatever the network says, and nothing is
    corrected. (We have the equations from memory and from the script.)
    """
    check(alpha, beta, label_rate, double_softmax)
    options = {
        "alpha": alpha, "beta": beta, "label_rate": label_rate, "double_softmax": double_softmax,
    }  # fmt: skip
    first = run.build(CrossEntropy)
    yield from run.fit(first, stage="backbone")
    second = run.build(LearnedLabels, **options)
    second.net.load_state_dict(first.net.state_dict())
    yield from run.fit(second, stage="labels")
    third = run.build(LearnedLabels, **options, label_logits=second.label_logits, learning=False)
    third.net.load_state_dict(second.net.state_dict())
    yield from run.fit(third, stage="fine-tune")


def check(alpha: float, beta: float, label_rate: float, double_softmax: bool) -> None:
    """Raise `InputError` for what `LearnedLabels` cannot use."""
    number("alpha", alpha, *WEIGHT)
    number("beta", beta, *WEIGHT)
    number("label_rate", label_rate, *WEIGHT)
    flag("double_softmax", double_softmax)
