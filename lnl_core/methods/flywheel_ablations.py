"""LNL-flywheel with one thing taken away: Table 6 of Kim et al. 2024.

"w/o Aux.", the main network alone, is `flywheel_main.MainEM`. The options that are left are
`Flywheel`'s, and so are their defaults.
"""

from __future__ import annotations

from torch import nn

from lnl_core.data import TrainingSet
from lnl_core.losses import flywheel
from lnl_core.methods.flywheel import Flywheel


class WithoutRegulariser(Flywheel):
    """λ = 0, "w/o CR": the main network learns the resampled labels and nothing else."""

    def __init__(
        self,
        net: nn.Module,
        main: nn.Module,
        data: TrainingSet,
        contrast: float = 0.025,
        warm_up: int | None = None,
        mixup: float = 4.0,
        temperature: float = 0.05,
        main_view: str = "weak",
    ) -> None:
        super().__init__(
            net, main, data, regularisation=0.0, contrast=contrast, warm_up=warm_up, mixup=mixup,
            temperature=temperature, main_view=main_view,
        )  # fmt: skip


class FixedEpsilon(Flywheel):
    """ε = 1/K for good, "ε fixed": every wrong label is thought as likely as any other."""

    def __init__(
        self,
        net: nn.Module,
        main: nn.Module,
        data: TrainingSet,
        regularisation: float = 3.0,
        contrast: float = 0.025,
        warm_up: int | None = None,
        mixup: float = 4.0,
        temperature: float = 0.05,
        prior: str = "resampled",
        main_view: str = "weak",
        floor: float = flywheel.FLOOR,
    ) -> None:
        super().__init__(
            net, main, data, regularisation=regularisation, contrast=contrast,
            refine_epsilon=False, warm_up=warm_up, mixup=mixup, temperature=temperature,
            prior=prior, main_view=main_view, floor=floor,
        )  # fmt: skip


class WithoutContrast(Flywheel):
    """α = 0, "w/o CL": no strong view, no contrastive term."""

    def __init__(
        self,
        net: nn.Module,
        main: nn.Module,
        data: TrainingSet,
        regularisation: float = 3.0,
        warm_up: int | None = None,
        mixup: float = 4.0,
        prior: str = "resampled",
        main_view: str = "weak",
        floor: float = flywheel.FLOOR,
    ) -> None:
        super().__init__(
            net, main, data, regularisation, contrast=0.0, warm_up=warm_up, mixup=mixup,
            prior=prior, main_view=main_view, floor=floor,
        )  # fmt: skip
