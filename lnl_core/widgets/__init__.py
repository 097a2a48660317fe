"""Explorers: a control turns, a picture answers. One file an explorer; `explorer.py` is shared."""

from lnl_core.widgets.correction import CorrectionExplorer, corrected_losses, render_corrections
from lnl_core.widgets.denoising import DenoisingExplorer, denoising, render_denoising
from lnl_core.widgets.noise import NoiseExplorer, draw_noise, render_noise
from lnl_core.widgets.relabelling import RelabellingExplorer, clean_labels, render_cleaning
from lnl_core.widgets.relabelling_terms import relabelling_terms, render_terms

__all__ = [
    "CorrectionExplorer", "DenoisingExplorer", "NoiseExplorer", "RelabellingExplorer",
    "clean_labels", "corrected_losses", "denoising", "draw_noise", "relabelling_terms",
    "render_cleaning", "render_corrections", "render_denoising", "render_noise", "render_terms",
]  # fmt: skip
