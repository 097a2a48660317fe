"""Explorers: a control turns, a picture answers. `explorer.py` and, for those that train,
`training.py` and `job.py` are shared."""

from lnl_core.widgets.choice import Choice
from lnl_core.widgets.correction import CorrectionExplorer, corrected_losses, render_corrections
from lnl_core.widgets.denoising import DenoisingExplorer, denoising, render_denoising
from lnl_core.widgets.flywheel import FlywheelExplorer
from lnl_core.widgets.flywheel_turning import Turning, render_turning, turn_flywheel, turning_of
from lnl_core.widgets.noise import NoiseExplorer, draw_noise, render_noise
from lnl_core.widgets.quality import QualityExplorer, pick
from lnl_core.widgets.quality_survey import (
    Survey,
    draw_embedding,
    embedding_legend,
    in_words,
    render_quality,
    survey,
    train_and_survey,
)
from lnl_core.widgets.relabelling import RelabellingExplorer, clean_labels, render_cleaning
from lnl_core.widgets.relabelling_terms import relabelling_terms, render_terms
from lnl_core.widgets.train_and_watch import TrainAndWatchExplorer
from lnl_core.widgets.watching import Watched, render_watched

__all__ = [
    "Choice",
    "CorrectionExplorer",
    "DenoisingExplorer",
    "FlywheelExplorer",
    "NoiseExplorer",
    "QualityExplorer",
    "RelabellingExplorer",
    "Survey",
    "TrainAndWatchExplorer",
    "Turning",
    "Watched",
    "clean_labels",
    "corrected_losses",
    "denoising",
    "draw_embedding",
    "draw_noise",
    "embedding_legend",
    "in_words",
    "pick",
    "relabelling_terms",
    "render_cleaning",
    "render_corrections",
    "render_denoising",
    "render_noise",
    "render_quality",
    "render_terms",
    "render_turning",
    "render_watched",
    "survey",
    "train_and_survey",
    "turn_flywheel",
    "turning_of",
]  # fmt: skip
