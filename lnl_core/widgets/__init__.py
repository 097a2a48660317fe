"""Explorers: a control turns, a picture answers. One file an explorer; `explorer.py` is shared."""

from lnl_core.widgets.correction import CorrectionExplorer, corrected_losses, render_corrections
from lnl_core.widgets.noise import NoiseExplorer, draw_noise, render_noise

__all__ = [
    "CorrectionExplorer", "NoiseExplorer", "corrected_losses", "draw_noise", "render_corrections",
    "render_noise",
]  # fmt: skip
