"""What every explorer that trains shares: Train and Stop, progress, a picture drawn on the way."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from lnl_core import plots
from lnl_core.train import Step
from lnl_core.widgets.explorer import Explorer
from lnl_core.widgets.job import Job

#: Seconds from one drawing of a run to the next, and how many times a drawing's own at least: on a
#: busy machine the training must not wait for its pictures.
REDRAWN, REST = 0.7, 3


@dataclass(frozen=True)
class Stand:
    """Where a training stands after `done` of `total` epochs; `state` is what is drawn."""

    state: Any
    done: int
    total: int


def stands(states: Iterable[Any], total: int) -> Iterator[Stand | Step]:
    """Number the states, one an epoch; a `Step` passes: it is but an occasion to stop."""
    done = 0
    for state in states:
        if isinstance(state, Step):
            yield state
        else:
            done += 1
            yield Stand(state, done, total)


def in_words(done: int, total: int, seconds: float) -> str:
    """Progress as a reader wants it, with the time left once an epoch can tell it."""
    words = f"epoch {done} of {total}"
    if 0 < done < total:
        left = seconds / done * (total - done)
        words += f", about {left:.0f} s left" if left < 90 else f", about {left / 60:.0f} min left"
    return words


class TrainingExplorer(Explorer):
    """An explorer with Train and Stop. Training goes on in a thread that only sets traits.

    A subclass gives in `begin` the training that its controls ask for, and in `show` its picture;
    `ended` is called once it is over. Train pressed while a run goes on replaces it.
    """

    def __init__(
        self,
        controls: Sequence[ipywidgets.ValueWidget],
        buttons: Sequence[ipywidgets.Button] = (),
    ) -> None:
        self.train = ipywidgets.Button(
            description="Train", icon="play", button_style="primary", layout={"width": "7em"}
        )
        self.stop = ipywidgets.Button(
            description="Stop", icon="stop", disabled=True, layout={"width": "7em"}
        )
        self.progress = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "14em"})
        self.status = ipywidgets.Label()
        self.trained = ipywidgets.Image(
            format="png", layout={"max_width": "100%", "display": "none"}
        )
        self._job: Job | None = None
        self._last: Stand | None = None
        self._seed = 0
        super().__init__(controls, (self.train, self.stop, *buttons))
        row = ipywidgets.HBox([self.progress, self.status], layout={"align_items": "center"})
        self.children = (*self.children[:1], row, *self.children[1:], self.trained)
        self.train.on_click(self._train)
        self.stop.on_click(self._stop)

    def begin(self) -> Iterator[Stand | Step]:
        """The training that the controls ask for now: epoch by epoch, better step by step."""
        raise NotImplementedError

    def show(self, state: Any) -> Figure | None:
        """The picture of the state, for `trained`; None where the subclass has drawn it itself."""
        raise NotImplementedError

    def ended(self, last: Stand) -> None:
        """The training is over, finished or stopped, and this is the last that was seen of it."""

    def abandon(self) -> None:
        """Stop a training and forget it: it changes nothing any more."""
        if self._job is not None:
            self._job.abandon()
            self._job = None
        self.progress.value, self.progress.bar_style, self.status.value = 0, "", ""
        self.stop.disabled = True

    def restore(self, _: object = None) -> None:
        """The controls as they were at first; a training is stopped, its picture and words go."""
        self.abandon()
        self.trained.layout.display = "none"
        super().restore()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a training to end; False if it did not in so many seconds. For scripts."""
        return self._job is None or self._job.wait(seconds)

    def _train(self, _: object = None) -> None:
        """Each press is another seed, unless the controls have one."""
        self.abandon()
        self.error.value = ""
        self._last, self._pictured, self._began, self._due = None, None, None, 0.0
        try:
            items = self.begin()
        except Exception as error:
            self._done(error)
            return
        self._seed += 1
        self.status.value, self.stop.disabled = "starting", False
        self._job = Job(items, self._receive, self._done)
        self._job.start()

    def _stop(self, _: object = None) -> None:
        # A second click may be on its way when the first has ended the run.
        if self._job is not None and not self.stop.disabled:
            self.stop.disabled, self.status.value = True, "stopping"
            self._job.stop()

    def _receive(self, item: Stand | Step) -> None:
        now = time.monotonic()
        # From here on, and not from the press: the job may have waited for another to end.
        self._began = self._began or now
        if isinstance(item, Step):
            return
        self._last = item
        self.progress.value = item.done / max(item.total, 1)
        self.status.value = in_words(item.done, item.total, now - self._began)
        if now >= self._due and not self._job.stopped:
            self._picture(item)
            drawn = time.monotonic()
            self._due = drawn + max(REDRAWN, REST * (drawn - now))

    def _done(self, error: Exception | None) -> None:
        last = self._last
        self.stop.disabled = True
        stopped = error is None and self._job.stopped
        if stopped:  # said at once: the last picture takes its time
            done = "before the first epoch" if last is None else f"after epoch {last.done}"
            self.status.value, self.progress.bar_style = f"stopped {done}", "warning"
        try:
            if last is not None and error is None:
                if last is not self._pictured:
                    self._picture(last)
                self.ended(last)
        except Exception as failure:
            error = failure
        if error is not None:
            self.fail(error)
            self.status.value, self.progress.bar_style = "failed", "danger"
        elif not stopped:
            self.status.value, self.progress.bar_style = "done", "success"

    def _picture(self, stand: Stand) -> None:
        figure = self.show(stand.state)
        if figure is not None:
            self.trained.value = plots.png(figure)
            self.trained.layout.display = None
        self._pictured = stand
