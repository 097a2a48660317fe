"""Whether an explorer's words have the room that they need, reckoned without a browser."""

from __future__ import annotations

import ipywidgets
from matplotlib.textpath import TextPath

from lnl_core.widgets.explorer import Explorer

#: JupyterLab's pixels: of its letters, before a control, left and right of a choice, and a box.
FONT, LABEL, ARROW, BOX = 13, 80, 44, 20


def width(words: str) -> float:
    """In pixels; the font is as wide as a browser's widest."""
    return float(TextPath((0, 0), words, size=FONT).get_extents().width)


def cut(explorer: Explorer) -> list[str]:
    """The names and choices of its controls that are not shown whole."""
    found = []
    for control in explorer._controls:
        name = control.description
        room = float((control.layout.width or "20em").removesuffix("em")) * FONT
        if isinstance(control, ipywidgets.Checkbox):
            found += [name] * (width(name) + BOX > room)
            continue
        if control.style.description_width != "initial":
            found += [name] * (width(name) > LABEL)
        if isinstance(control, ipywidgets.Dropdown):
            labels = control._options_labels
            found += [label for label in labels if width(label) + LABEL + ARROW > room]
    return found
