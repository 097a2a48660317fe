"""InstanceGM: Garg et al., *Instance-Dependent Noisy Label Learning via Graphical Modelling*, WACV
2023. DivideMix's two networks find the clean label; a generative model says how sample and noisy
label come of it, and what it says is a loss of theirs as well.

Written from the paper's abstract and facts on the authors' code; the full text was not at hand, so
no equation is numbered here. `semi_supervised/dividemix.py` has the classifier's side, `vae.py` the
generative nets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.data import Batch, TrainingSet
from lnl_core.errors import InputError
from lnl_core.losses.continuous_bernoulli import log_density
from lnl_core.losses.quality_embedding import quality_divergence
from lnl_core.methods.latent.vae import LabelledVAE
from lnl_core.methods.options import POSITIVE, WEIGHT, WIDEST, flag, number, whole
from lnl_core.methods.semi_supervised.divided import Part
from lnl_core.methods.semi_supervised.dividemix import DivideMix

#: From how many samples the range of the inputs is read.
RANGED = 2000


@dataclass(frozen=True)
class GenerativePart(Part):
    """A part with another batch `everyone`, of all samples and their noisy labels."""

    everyone: Batch | None = None


class InstanceGM(DivideMix):
    """DivideMix's loss plus `generative` times

        -ln p(x|z, y)/D + CE(ỹ, p(ỹ|x, y)) + `kl` · KL(q(z|x, y) ‖ N(0, I)),

    y a Gumbel-softmax draw from the network's own prediction, through which the gradient reaches
    the network. p(x|z, y) is continuous Bernoulli, its density the mean over the D numbers of a
    sample, which are scaled to [0, 1] by the range of the training samples. Each network has a
    generative model of its own, with `dimensions` of z and one `hidden` layer; both learn from a
    further batch of all samples an update, of twice the run's batch size, after the warm-up.

    In the authors' code the divergence has 6e-4 on that batch's *sum*, the default here times its
    128 samples; a term of 1e-5 that keeps y uniform is left out: it is constant. There z is drawn
    with *uniform* noise, `uniform=True`, and the noisy label is read off the *reconstruction*,
    `reconstructed=True`. It trains the generative nets with Adam, at 0.001; here the run's one
    optimiser does, at `rate`. λ_u is 25 whatever the noise. Other options: `DivideMix`.
    """

    def __init__(
        self,
        net: nn.Module,
        peer: nn.Module,
        data: TrainingSet,
        generative: float = 1.0,
        kl: float = 0.0768,
        dimensions: int = 25,
        hidden: int = 256,
        rate: float = 0.02,
        uniform: bool = False,
        reconstructed: bool = False,
        weight_u: float = 25.0,
        threshold: float = 0.5,
        temperature: float = 0.5,
        alpha: float = 4.0,
        warm_up: int | None = None,
        ramp: int = 16,
    ) -> None:
        super().__init__(net, peer, data, weight_u, threshold, temperature, alpha, warm_up, ramp)
        self.generative = number("generative", generative, *WEIGHT)
        self.kl = number("kl", kl, *WEIGHT)
        whole("dimensions", dimensions, 1, WIDEST)
        whole("hidden", hidden, 1, WIDEST)
        self.rate = number("rate", rate, *POSITIVE)
        self.uniform = flag("uniform", uniform)
        self.reconstructed = flag("reconstructed", reconstructed)
        if data.x.dtype == torch.int64:
            raise InputError(
                "instancegm reconstructs samples of numbers, but these are tokens: use dividemix, "
                "or images or vectors."
            )
        seen = data.take(torch.arange(min(len(data), RANGED), device=data.device), ("plain",)).x
        self.register_buffer("least", seen.min())
        self.register_buffer("spread", (seen.max() - seen.min()).clamp_min(1e-8))
        shape = seen.shape[1:]
        self.models = nn.ModuleList(
            LabelledVAE(shape, data.num_classes, dimensions, hidden) for _ in range(2)
        )

    def parameter_groups(self) -> list[dict]:
        own = {id(parameter) for parameter in self.models.parameters()}
        nets = [p for p in self.parameters() if p.requires_grad and id(p) not in own]
        return [{"params": nets}, {"params": list(self.models.parameters()), "lr": self.rate}]

    def batches(self, data: TrainingSet) -> Iterator[Part]:
        further = self._without_end(data)
        for part in super().batches(data):
            if part.warm_up or not self.generative:
                yield part
            else:
                yield GenerativePart(**vars(part), everyone=next(further))

    def _without_end(self, data: TrainingSet) -> Iterator[Batch]:
        while True:
            yield from data.batches(("weak",), batch_size=2 * data.batch_size)

    def loss(self, part: Part) -> Tensor:
        values = super().loss(part)
        if not isinstance(part, GenerativePart):
            return values
        everyone = part.everyone
        logits = (self.net, self.peer)[part.active](everyone.x)
        return values + self.generative * self.evidence(part.active, everyone, logits).mean()

    def evidence(self, active: int, batch: Batch, logits: Tensor) -> Tensor:
        """The generative model's loss [B], minus a lower bound of ln p(x, ỹ) with its parts weighed
        as the class says, of a batch and the network's logits [B, K] of it."""
        y = F.gumbel_softmax(logits)
        x = self.scaled(batch.x)
        made = self.models[active](x, y, self.uniform, self.reconstructed)
        reconstruction = -log_density(made.image, x).mean(-1)
        noisy = losses.cross_entropy(made.noisy, batch.labels)
        return reconstruction + noisy + self.kl * quality_divergence(made.mean, made.log_variance)

    def scaled(self, x: Tensor) -> Tensor:
        """Samples as vectors of numbers in [0, 1], [B, D]."""
        return ((x - self.least) / self.spread).clamp(0, 1).flatten(1)
