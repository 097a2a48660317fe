"""L_DMI: Xu et al., *L_DMI: A Novel Information-theoretic Loss Function for Training Deep Nets
Robust to Label Noise*, NeurIPS 2019. The determinant of the joint distribution of predictions and
labels: noise that does not look at the samples multiplies it by a constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lnl_core.data import Batch, TrainingSet
from lnl_core.losses.determinant import determinant_loss
from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.options import number, whole

if TYPE_CHECKING:
    from lnl_core.run import Run

RATE = "a positive finite number, such as 0.01", lambda rate: 0 < rate < float("inf")
FLOOR = "a finite number, at least 0, such as 1e-3", lambda floor: 0 <= floor < float("inf")


class DMI(Method):
    """-log|det U| of each batch, U the joint distribution of predicted class and label.

    It needs many samples of every label in a batch, so that U is not mostly chance: `batch_size`,
    256 as in the authors' code. With batches of 64 and ten classes it comes apart. Where a label is
    missing nothing is learned from the batch, which with a hundred classes is nearly all of
    them. (The text is silent; the authors' code adds `floor`, 1e-3, to the determinant of the
    counts, which keeps the loss finite there.) The loss does not tell a classifier from the same
    one with its classes renamed: it must begin where they have their names.

    `lr` is the learning rate; None: the config's.
    """

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        floor: float = 1e-3,
        batch_size: int = 256,
        lr: float | None = None,
    ) -> None:
        super().__init__(net, data)
        self.floor = number("floor", floor, *FLOOR)
        self.batch_size = whole("batch_size", batch_size, 2)
        self.lr = lr

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        return data.batches(self.views, batch_size=self.batch_size)

    def parameter_groups(self) -> list[dict]:
        groups = super().parameter_groups()
        return groups if self.lr is None else [group | {"lr": self.lr} for group in groups]

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of all these samples together, the same value for each; also of the validation
        split. (The authors' code chooses its epoch by the noisy accuracy of a single batch.)"""
        value = determinant_loss(logits, labels, self.floor)
        return value.to(logits.dtype).expand(labels.shape)


def l_dmi(
    run: Run, floor: float = 1e-3, batch_size: int = 256, rate: float = 0.01
) -> Iterator[Any]:
    """Cross-entropy, the stage `cross-entropy`, and from its weights on the loss, `dmi`.

    The first stage ends with the epoch of lowest noisy validation loss where there is a validation
    split (the authors take its best epoch too), else with the last. The second one's learning rate
    is `rate` times the config's: 1e-6 in the authors' code for CIFAR-10, in all; the default is
    ours, chosen on digits. `floor` and `batch_size` as in `DMI`.
    """
    number("floor", floor, *FLOOR)
    whole("batch_size", batch_size, 2)
    number("rate", rate, *RATE)
    first = run.build(CrossEntropy)
    yield from run.fit(first, stage="cross-entropy", keep_best=len(run.data.val) > 0)
    lr = rate * run.stage_config("dmi").lr
    second = run.build(DMI, floor=floor, batch_size=batch_size, lr=lr)
    second.net.load_state_dict(first.net.state_dict())
    yield from run.fit(second, stage="dmi")
