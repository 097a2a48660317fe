"""What every explorer shares: controls, a line for errors, a picture.

State, `compute`, `render` and the view are apart. What computes and what renders are plain
functions that tests and static figures call as well; the view only connects them to controls.
Pictures are PNG bytes in an `ipywidgets.Image`: nothing is captured, nothing flickers, and it does
not matter which thread a callback runs on.

An explorer draws once when it is made, and an error there is raised, so that a broken explorer
fails a headless run. Later errors appear in the explorer itself, as a sentence.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ipywidgets
from matplotlib.figure import Figure

from lnl_core import plots


class Explorer(ipywidgets.VBox):
    """Controls above, the picture below; `reset` turns the controls back to where they began.

    A subclass sets its state, calls this with its controls, and says in `draw` what they show.
    `buttons` stand beside the controls and are the subclass's own business.
    """

    def __init__(
        self,
        controls: Sequence[ipywidgets.ValueWidget],
        buttons: Sequence[ipywidgets.Button] = (),
    ) -> None:
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.error = ipywidgets.HTML()
        self.reset = ipywidgets.Button(description="reset", layout={"width": "5em"})
        self._controls, self._held = tuple(controls), False
        self._drawing = threading.RLock()  # a training draws too: the newer picture must win
        self._defaults = [control.value for control in controls]
        row = ipywidgets.HBox([*controls, *buttons, self.reset], layout={"flex_flow": "row wrap"})
        super().__init__([row, self.error, self.image])
        self._update()  # not guarded: a broken explorer must not look like a working one
        for control in controls:
            control.observe(self.redraw, names="value")
        self.reset.on_click(self.restore)

    def draw(self) -> Figure:
        """What the controls, as they stand, show."""
        raise NotImplementedError

    def redraw(self, _: object = None) -> None:
        """Draw again; an error becomes a sentence above the last good picture."""
        if self._held:
            return
        try:
            with self._drawing:
                self._update()
            self.error.value = ""
        except Exception as error:
            self.fail(error)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Controls that turn in here draw nothing."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    @contextmanager
    def turning(self) -> Iterator[None]:
        """Several controls turn in here, and there is one picture at the end."""
        with self.held():
            yield
        self.redraw()

    def fail(self, error: Exception) -> None:
        """Show what went wrong, as a sentence."""
        self.error.value = f"<b>This could not be done:</b> {html.escape(str(error))}"

    def restore(self, _: object = None) -> None:
        """The controls as they were at first, and what else the subclass remembers."""
        with self.turning():
            for control, value in zip(self._controls, self._defaults, strict=True):
                control.value = value

    def _update(self) -> None:
        self.image.value = plots.png(self.draw())
