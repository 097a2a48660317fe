"""LNL-flywheel: Kim et al. 2024, *Learning with Noisy Labels: Interconnection of Two
Expectation-Maximizations*. One network tells clean labels from wrong ones, the other replaces the
wrong ones, and each learns from what the other has found.

A cycle is an epoch (Figure 2), and both networks make one pass in it:

1. main E-step: q(s_i = 1), how likely label i is clean, by g, γ and ε_i (eq. 4);
2. auxiliary E-step: q_i(y) = q(s_i = 1) e_ỹ + q(s_i = 0) f(x_i) (eq. 11);
3. auxiliary M-step: a pass of f on q_i(y), with MixUp and a contrastive term; T and T_c in closed
   form; then the labels ŷ_i = argmax f(x_i) and ε_i = (T_cᵀ f(x_i))_ỹ (eq. 14) by the new f;
4. main M-step: a pass of g on the ŷ_i with the confidence regulariser (eq. 8); γ (eq. 6).

f predicts. `losses/flywheel.py` has the formulas, `main.py` the main cycle by itself.
The rest of what Table 6 takes away are options, under names of their own in the registry.

No code of the authors is public. Where the text is silent, this is what is done here:

* How long an M-step lasts: one pass. In the warm-up both networks learn from the same batches.
* f is looked at once a cycle, after its pass, in evaluation mode; the mean of two weak views, which
  the text has for eq. 11 alone, also serves eq. 14 and the ŷ_i. g is looked at on plain samples.
* The text augments for f. g is trained on weak views too, or on plain samples (`main_view`).
* p_data(ŷ) in η: the frequencies of the ŷ_i, or uniform (`prior`).
* At λ = 3 eq. 8 has no lower bound (`flywheel_lemma.py`); on small data its float32 value was -inf
  within 35 epochs. `floor` bounds η: log(g + 0.001). The code of CORES², where η is from, has 1e-8.
* MixUp's α (`mixup`): 0.5, one λ a batch; DivideMix and UNICON have 4. Targets are not sharpened.
* L_con: SimCLR's, of two strong views, by a head of two layers on f's features; `temperature` 0.05
  is UNICON's, from where α = 0.025 must be as well.
* A class of which nothing is judged corrupted has the row 1/K in T_c.

γ is known only up to T_c's diagonal: labels that f and g both explain may as well count as
corrupted into themselves. Under asymmetric noise they do: the rows of T_c of classes without noise
become the identity's, γ falls well below the share of right labels, and the selection by q(s_i = 1)
suffers: its AUC on digits at 40% is 0.88 on average, and 0.97 with ε = 1/K for good. Under
`symmetric-inclusive:R` γ comes near 1 - R, the share that was not drawn anew.

What these choices are worth: `lnl study kim2024/choices-digits` and `choices-shapes`, on whose test
accuracy `floor` and `mixup` were chosen: 1e-8 and 4, once our own defaults, cost up to nine points,
most of all on digits under asymmetric noise. The ablations: `lnl table kim2024/digits`
and `shapes`. Without the auxiliary network little is left of the labels' part of the loss where few
labels are judged clean, and η makes the network sure of anything.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.accel import autocast
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError, unknown_name
from lnl_core.losses import flywheel
from lnl_core.losses.contrastive import nt_xent, unit
from lnl_core.methods.flywheel.main import ETA_FLOOR, MainEM
from lnl_core.methods.options import BOUNDED_WEIGHT, flag, number
from lnl_core.methods.semi_supervised.mixing import mix

PRIORS = ("resampled", "uniform")
MAIN_VIEWS = ("weak", "plain")
MIXUP = "a number from 0.01 to 1000", lambda alpha: 0.01 <= alpha <= 1000
TEMPERATURE = "a number from 0.01 to 100", lambda temperature: 0.01 <= temperature <= 100
#: The width of the embedding that the contrastive term compares.
EMBEDDING = 128


class Flywheel(MainEM):
    """The whole of it: `net` is the auxiliary network f, `main` the main network g.

    `regularisation` λ = 3 and `contrast` α = 0.025 as printed. `refine_epsilon`: ε_i by eq. 14, or
    1/K for good ("ε fixed" in Table 6).
    """

    nets = 2

    def __init__(
        self,
        net: nn.Module,
        main: nn.Module,
        data: TrainingSet,
        regularisation: float = 3.0,
        contrast: float = 0.025,
        refine_epsilon: bool = True,
        warm_up: int | None = None,
        mixup: float = 0.5,
        temperature: float = 0.05,
        prior: str = "resampled",
        main_view: str = "weak",
        floor: float = ETA_FLOOR,
    ) -> None:
        super().__init__(net, data, regularisation, warm_up, floor)
        self.contrast = number("contrast", contrast, *BOUNDED_WEIGHT)
        self.refine_epsilon = flag("refine_epsilon", refine_epsilon)
        self.mixup = number("mixup", mixup, *MIXUP)
        self.temperature = number("temperature", temperature, *TEMPERATURE)
        for name, value, known in (("prior", prior, PRIORS), ("main_view", main_view, MAIN_VIEWS)):
            if value not in known:
                raise unknown_name(name, value, known)
        self.resampled_prior, self.main_view = prior == "resampled", main_view
        self.main = main
        self.project = _projection(net) if self.contrast else None
        #: Whose turn it is, while the cycles run.
        self.turn = "auxiliary"
        classes, device = data.num_classes, data.device
        self.prior.fill_(1 / classes)
        #: f(x_i) as of the last look, and q_i(y), [N, K] each.
        given = F.one_hot(data.labels, classes).float()
        self.register_buffer("prediction", given)
        self.register_buffer("posterior", given.clone())
        #: T and T_c, [clean, noisy].
        self.register_buffer("transition_matrix", torch.eye(classes, device=device))
        even = torch.full((classes, classes), 1 / classes, device=device)
        self.register_buffer("corruption_matrix", even)

    # A cycle ------------------------------------------------------------------------------------

    def begin_epoch(self, epoch: int, data: TrainingSet) -> None:
        """Both E-steps, and what of the M-steps is in closed form."""
        self.epoch = epoch
        if self.warming:
            return
        if epoch == self.warm_up + 1:
            self._initialise(data)
            self._predict_all(data)
        self._judge(self.main, data)
        seen = self.cleanness, data.labels, self.prediction
        self.posterior.copy_(flywheel.refurbished(*seen))
        self.transition_matrix.copy_(flywheel.transition_matrix(self.posterior, data.labels))
        self.corruption_matrix.copy_(flywheel.corruption_matrix(*seen))
        self.cycles += 1

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        """A pass of both networks at once in warm-up; then one of f, and one of g."""
        if self.warming:
            yield from super().batches(data)
            return
        self.turn = "auxiliary"
        strong = ("strong", "strong") if self.contrast else ()
        yield from data.batches(("weak", *strong))
        self._resample(data)
        self.turn = "main"
        yield from data.batches((self.main_view,))

    def loss(self, batch: Batch) -> Tensor:
        if self.warming:
            both = (net(batch.x) for net in (self.net, self.main))
            return sum(losses.cross_entropy(logits, batch.labels) for logits in both)
        return self._auxiliary_loss(batch) if self.turn == "auxiliary" else self._main_loss(batch)

    def _auxiliary_loss(self, batch: Batch) -> Tensor:
        """L_aux (eq. 13) on mixed samples, and α L_con (Section 4.1) → [B]."""
        mixed, target = mix(batch.x, self.posterior[batch.index], self.mixup)
        loss = losses.cross_entropy(self.logits(mixed), target)
        if not self.contrast:
            return loss
        x = torch.cat(batch.views[1:])
        with autocast(x.device, getattr(self.net, "precision", "float32")):
            embedding = self.project(self.net.features(x))
        first, second = unit(embedding.float()).chunk(2)
        return loss + self.contrast * nt_xent(first, second, self.temperature)

    def _main_loss(self, batch: Batch) -> Tensor:
        """Eq. 8 with the labels that f gives → [B]."""
        resampled = self.prediction[batch.index].argmax(-1)
        logits = self.main(batch.x)
        return flywheel.main_loss(logits, resampled, self.prior, self.regularisation, self.floor)

    @torch.no_grad()
    def _resample(self, data: TrainingSet) -> None:
        """What f has learned, for g: labels, their frequencies, ε_i."""
        self.eval()
        self._predict_all(data)
        self.train()
        if self.resampled_prior:
            counts = torch.bincount(self.prediction.argmax(-1), minlength=data.num_classes)
            self.prior.copy_(counts / len(data))
        if self.refine_epsilon:
            seen = self.prediction, self.corruption_matrix, data.labels
            self.epsilon.copy_(flywheel.corruption_probability(*seen))

    def _predict_all(self, data: TrainingSet) -> None:
        """f(x_i), averaged over two weak views (Section 4.1, (i))."""
        for batch in data.scan(("weak", "weak")):
            both = [self.predict(view).float() for view in batch.views]
            self.prediction[batch.index] = torch.stack(both).mean(0)

    # What it has found --------------------------------------------------------------------------

    def corrected_labels(self) -> Tensor | None:
        """q_i(y) [N, K], as this epoch began; None before the first cycle."""
        return self.posterior if self.cycles else None

    def estimates(self) -> dict[str, Tensor]:
        """`transition_matrix` T of all labels, `corruption_matrix` T_c of the wrong ones."""
        return {
            "transition_matrix": self.transition_matrix,
            "corruption_matrix": self.corruption_matrix,
        }


def _projection(net: nn.Module) -> nn.Module:
    """SimCLR's head: two layers on the features."""
    if not hasattr(net, "feature_dim"):
        raise InputError(
            "the contrastive term needs a net with features and a head: take one from `lnl list "
            "nets`, your own `Net` (see lnl_core/nets/base.py), or contrast=0."
        )
    width = net.feature_dim
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, EMBEDDING))
