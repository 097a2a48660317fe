"""Explorers: a control turns, a picture answers. `explorer.py` and, for those that train,
`training.py` and `job.py` are shared."""

from lnl_core.widgets.choice import Choice
from lnl_core.widgets.correction import CorrectionExplorer, corrected_losses, render_corrections
from lnl_core.widgets.denoising import DenoisingExplorer
from lnl_core.widgets.denoising_gradients import denoising, render_denoising
from lnl_core.widgets.flywheel import FlywheelExplorer
from lnl_core.widgets.flywheel_turning import Turning, render_turning, turn_flywheel, turning_of
from lnl_core.widgets.loss_shapes import LossShapesExplorer, loss_shapes, render_shapes
from lnl_core.widgets.noise import NoiseExplorer, draw_noise, render_noise
from lnl_core.widgets.quality import QualityExplorer, pick
from lnl_core.widgets.quality_pictures import (
    draw_embedding,
    embedding_legend,
    in_words,
    render_quality,
)
from lnl_core.widgets.quality_survey import Survey, survey, train_and_survey
from lnl_core.widgets.relabelling import RelabellingExplorer, clean_labels, render_cleaning
from lnl_core.widgets.relabelling_terms import relabelling_terms, render_terms
from lnl_core.widgets.train_and_watch import TrainAndWatchExplorer
from lnl_core.widgets.transition_editor import TransitionEditor
from lnl_core.widgets.transition_edits import examine, render_transition, set_entry
from lnl_core.widgets.watching import Watched, render_watched, train_choice

__all__ = [
    "Choice",
    "CorrectionExplorer",
    "DenoisingExplorer",
    "FlywheelExplorer",
    "LossShapesExplorer",
    "NoiseExplorer",
    "QualityExplorer",
    "RelabellingExplorer",
    "Survey",
    "TrainAndWatchExplorer",
    "TransitionEditor",
    "Turning",
    "Watched",
    "clean_labels",
    "corrected_losses",
    "denoising",
    "draw_embedding",
    "draw_noise",
    "embedding_legend",
    "examine",
    "in_words",
    "loss_shapes",
    "pick",
    "relabelling_terms",
    "render_cleaning",
    "render_corrections",
    "render_denoising",
    "render_noise",
    "render_quality",
    "render_shapes",
    "render_terms",
    "render_transition",
    "render_turning",
    "render_watched",
    "set_entry",
    "survey",
    "train_and_survey",
    "train_choice",
    "turn_flywheel",
    "turning_of",
]  # fmt: skip
