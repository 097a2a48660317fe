"""CAN: Yao et al. 2018, *Deep learning from noisy image labels with quality embedding*.

A label is wrong for a reason. Beside the latent true label z, a *quality variable* s stands behind
the noisy label y; both are inferred from the sample and its label, and the classifier learns from
what is inferred of z. `losses/quality_embedding.py` has the formulas, `can_layers.py` the layers.

No code of the authors is public. What the paper leaves open, or prints wrongly, is an option of
`CAN`; its default is ours. `lnl study yao2018/choices-digits` has what each is worth: most of all
that ρ vanishes and that the additive layer does not start at random, where s alone would explain y
and z empty. How well the embedding tells right from wrong labels (AUC) need not follow: of the same
runs (digits-vectors, `label-shuffle:0.4`, five seeds)

    D 16, hidden 128, start 4, share 0.5    0.91    the default; below, one thing changed
    D 2 / 64                                0.81 / 0.69
    hidden 32 / 512                         0.77 / 0.94
    start 0                                 0.53
    share 1 / 0.25                          0.92 / 0.61
    ρ as printed                            0.86
    τ vanishing                             0.85
    λ = 1                                   0.50    z empties
    through ŷ                               0.91
    σ² in place of σ, as printed            0.88

The classifier then sees the right label of 88% of the training samples, whose labels are right for
64%; but q(z) still follows the noisy label (right for 65%).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError, unknown_name
from lnl_core.losses import multi_label, quality_embedding
from lnl_core.measures import quality_patterns
from lnl_core.methods.base import Method
from lnl_core.methods.latent.can_layers import Decoder, Encoder, Encoding
from lnl_core.methods.options import BOUNDED_WEIGHT, WIDEST, flag, number, whole

SCHEDULES = ("vanishing", "printed")
START = "a number from 0 to 100", lambda start: 0 <= start <= 100
PART = "a share of training in (0, 1]", lambda share: 0 < share <= 1


class CAN(Method):
    """Contrastive-additive noise network: min L̂ (eq. 4), the classifier's part of it by eq. 7.

    The net is the classifier P(z|x) and makes the encoder's ŷ = P(z = 1|x): "a same network". Data
    with one label a sample are one-hot vectors, as AMT and SD4 in the paper. `predict` is then the
    softmax of the logits: of independent labels, given that exactly one is there.

    `regularisation` λ = 0.3 as printed. `dimensions` D, `hidden`, the width of every layer of
    encoder and decoder, and `start`, with which the additive layer begins (see `Encoder`), are not
    printed. `rho`, the weight of plain cross-entropy in eq. 7: `vanishing`, down to 0.01 when
    `share` of training is over and on towards 0, which is eq. 7's limit; or `printed`,
    max(0.5, exp(-3·10⁻⁵ step)), which is near 1 on all but large data and never below a half.
    `temperature`, τ of the latent labels' draws, is the printed one, which a few thousand updates
    leave near 1; `vanishing` has it at 0.5 when 15% of `share` are over. `through`: whether the
    encoder's gradient reaches the classifier by way of ŷ; eq. 6 has no such part.
    `printed_variance`: s = μ + σ² ⊙ ζ in place of σ ⊙ ζ.
    """

    multi_label = True

    def __init__(
        self,
        net: nn.Module,
        data: TrainingSet,
        regularisation: float = 0.3,
        dimensions: int = 16,
        hidden: int = 128,
        rho: str = "vanishing",
        share: float = 0.5,
        start: float = 4.0,
        temperature: str = "printed",
        through: bool = False,
        printed_variance: bool = False,
    ) -> None:
        super().__init__(net, data)
        self.regularisation = number("regularisation", regularisation, *BOUNDED_WEIGHT)
        for name, value in (("rho", rho), ("temperature", temperature)):
            if value not in SCHEDULES:
                raise unknown_name(name, value, SCHEDULES)
        self.rho, self.temperature = rho, temperature
        self.share = number("share", share, *PART)
        self.through = flag("through", through)
        self.printed_variance = flag("printed_variance", printed_variance)
        widths = {"dimensions": dimensions, "hidden": hidden}
        sizes = (data.num_classes, *(whole(name, w, 1, WIDEST) for name, w in widths.items()))
        start = number("start", start, *START)
        if start and hidden < data.num_classes:
            raise InputError(
                f"hidden is {hidden}, but it must be {data.num_classes} at least, a unit a class, "
                "unless start is 0."
            )
        self.encoder, self.decoder = Encoder(*sizes, start), Decoder(*sizes)
        self.num_classes = data.num_classes
        self.samples = len(data) * data.epochs
        #: Updates and samples so far, in training.
        self.register_buffer("steps", torch.zeros((), dtype=torch.float64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.float64))
        #: Of each training sample, as it was last trained on: q(z|x,y), and how near its quality is
        #: to that of a label which the classifier would have given itself.
        self.register_buffer("latent", torch.zeros(len(data), data.num_classes))
        self.register_buffer("trust", torch.zeros(len(data)))

    # Training -----------------------------------------------------------------------------------

    def batches(self, data: TrainingSet) -> Iterator[Batch]:
        for batch in super().batches(data):
            yield batch
            self.steps += 1
            self.seen += len(batch.index)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """L_temp of eq. 7, cross-entropy between P(z|x) and the label vector."""
        return losses.binary_cross_entropy(logits, self.vectors(labels))

    def loss(self, batch: Batch) -> Tensor:
        """L̂ + ρ L_temp. The gradient is that of L̂ for the noise model; for the classifier it is
        that of (1-ρ) L̂ + ρ L_temp (eq. 7)."""
        labels, logits = self.vectors(batch.labels), self.logits(batch.x)
        rho = self.annealed(self.rho)
        found = self._encoding(quality_embedding.scale_gradient(logits, 1 - rho), labels)
        z = quality_embedding.relaxed_labels(
            found.posterior,
            quality_embedding.gumbel_noise(found.posterior),
            self.annealed(self.temperature).clamp_min(0.5),
        )
        s = quality_embedding.quality_sample(
            found.mean, found.log_variance, torch.randn_like(found.mean), self.printed_variance
        )
        decoded = self.decoder(torch.cat([z, s], -1))
        self._remember(batch.index, found)
        bound = quality_embedding.objective(decoded, labels, *found, self.regularisation)
        return bound + rho * self.criterion(logits, batch.labels)

    def annealed(self, schedule: str) -> Tensor:
        """ρ or τ where training stands now, by the schedule of that name; no number in Python, so
        that nothing waits for the device."""
        if schedule == "printed":
            return quality_embedding.printed_schedule(self.steps).float()
        return quality_embedding.vanishing_schedule(self.seen / self.samples, self.share).float()

    @torch.no_grad()
    def _remember(self, index: Tensor, found: Encoding) -> None:
        self.latent[index] = self._as_labels(found.posterior).float()
        origin = self.encoder.quality.bias.chunk(2)[0]  # μ where f_s(y) = f_s(ŷ)
        self.trust[index] = -(found.mean - origin).norm(dim=-1).float()

    # What is inferred ---------------------------------------------------------------------------

    def encode(self, x: Tensor, labels: Tensor) -> Encoding:
        """What is inferred of preprocessed samples and their noisy labels."""
        return self._encoding(self.logits(x), self.vectors(labels))

    def quality(self, x: Tensor, labels: Tensor) -> Tensor:
        """The quality embedding, E[s|x,y] = μ: [B, D] (Figures 7 and 9 show no more of it)."""
        return self.encode(x, labels).mean

    def latent_labels(self, x: Tensor, labels: Tensor) -> Tensor:
        """The corrected labels q(z|x,y): [B, K], a probability a label if multi-label, else a
        distribution (as `predict`)."""
        return self._as_labels(self.encode(x, labels).posterior)

    @torch.no_grad()
    def survey(self, data: TrainingSet) -> Encoding:
        """What is inferred of every training sample, in the stored order, with the net as it is
        now and unaugmented samples: [N, K], [N, K], [N, D], [N, D]."""
        was_training = self.training
        self.eval()
        parts = [self.encode(batch.x, batch.labels) for batch in data.scan()]
        self.train(was_training)
        return Encoding(*(torch.cat(part) for part in zip(*parts, strict=True)))

    @torch.no_grad()
    def transition_patterns(self, data: TrainingSet) -> tuple[Tensor, Tensor]:
        """From latent to noisy labels among the training samples whose label is trustworthy, and
        among the others: two matrices [K, K] (Figure 9, see `quality_patterns`)."""
        found, labels = self.survey(data), self.vectors(data.labels)
        agrees = quality_patterns.agreement(self._hard(found.prior), labels)
        trusted = quality_patterns.trustworthy(found.mean, agrees)
        latent = self._hard(found.posterior)
        return tuple(
            quality_patterns.transition_pattern(latent[part], labels[part])
            for part in (trusted, ~trusted)
        )

    def corrected_labels(self) -> Tensor:
        """q(z|x,y) of each training sample when it was last trained on, [N, K], as
        `latent_labels`."""
        return self.latent

    def clean_probability(self) -> Tensor:
        """How near each training sample's quality was to that of a label that the classifier would
        have given itself, minus a distance: [N]."""
        return self.trust

    def diagnostics(self) -> dict[str, float]:
        """`rho` and `temperature` as the epoch ends."""
        values = [self.annealed(self.rho), self.annealed(self.temperature).clamp_min(0.5)]
        rho, temperature = torch.stack(values).tolist()
        return {"rho": rho, "temperature": temperature}

    def vectors(self, labels: Tensor) -> Tensor:
        """Labels as float vectors in {0, 1}^K: [B, K]."""
        return multi_label.label_vectors(labels, self.num_classes)

    def _encoding(self, logits: Tensor, labels: Tensor) -> Encoding:
        predicted = logits.sigmoid()
        if not self.through:
            predicted = predicted.detach()
        posterior, mean, log_variance = self.encoder(predicted, labels)
        return Encoding(posterior, logits, mean, log_variance)

    def _hard(self, logits: Tensor) -> Tensor:
        """Label vectors: what is likelier than not; with one label a sample, what is likeliest."""
        if self.per_label:
            return (logits > 0).float()
        return F.one_hot(logits.argmax(-1), self.num_classes).float()

    def _as_labels(self, logits: Tensor) -> Tensor:
        return logits.sigmoid() if self.per_label else logits.softmax(-1)
