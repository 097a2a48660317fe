"""Train, Stop, replace, fail: what the explorers that train share, and the job beneath them."""

import threading
import time

import ipywidgets
import pytest
import training_helpers  # noqa: F401  (one thread)
from matplotlib.figure import Figure

from lnl_core.train import Step
from lnl_core.widgets import training
from lnl_core.widgets.job import Job
from lnl_core.widgets.training import TrainingExplorer, in_words, stands


class Counter(TrainingExplorer):
    """Counts to `total`, `pause` seconds an epoch in ten steps; raises at the epoch `breaks`."""

    def __init__(self, total=3, pause=0.0, breaks=None):
        self.total, self.pause, self.breaks = total, pause, breaks
        self.shown, self.over = [], []
        super().__init__(())

    def draw(self):
        return Figure()

    def begin(self):
        return stands(self._count(self._seed), self.total)

    def _count(self, seed):
        for epoch in range(1, self.total + 1):
            for step in range(10):
                time.sleep(self.pause / 10)
                yield Step("train", epoch, step)
            if epoch == self.breaks:
                raise RuntimeError("the <net> fell over")
            yield seed, epoch

    def show(self, state):
        self.shown.append(state)
        return Figure()

    def ended(self, last):
        self.over.append((last.state, last.total))


def test_a_run_is_drawn_and_ends_at_its_last_epoch():
    explorer = Counter()
    explorer.train.click()
    assert explorer.wait(10)
    assert explorer.shown[-1] == (0, 3) and explorer.over == [((0, 3), 3)]
    assert explorer.status.value == "done" and explorer.progress.value == 1
    assert explorer.stop.disabled and explorer.trained.layout.display is None


def test_stop_acts_within_a_second_and_keeps_what_was_trained():
    explorer = Counter(total=1000, pause=0.05)
    explorer.train.click()
    assert not explorer.stop.disabled
    while not explorer.progress.value:
        time.sleep(0.01)
    began = time.monotonic()
    explorer.stop.click()
    assert explorer.wait(10) and time.monotonic() - began < 1
    assert explorer.status.value.startswith("stopped after epoch") and explorer.over
    assert explorer.stop.disabled and not explorer.error.value


def test_after_stop_at_most_one_more_picture_is_drawn_and_stopped_is_said_before_it():
    """A picture takes a while on a busy machine: none may stand between Stop and its answer."""
    explorer, said = Counter(total=1000, pause=0.01), []

    def show(state):
        if explorer.stop.disabled:
            said.append(explorer.status.value)

    explorer.show = show
    explorer.train.click()
    while not explorer.progress.value:
        time.sleep(0.01)
    explorer.stop.click()
    assert explorer.wait(10) and len(said) <= 1
    assert all(words.startswith("stopped after epoch") for words in said)


def test_a_second_click_on_stop_takes_nothing_back():
    """It may arrive when the first has ended the run: nobody would ever answer it."""
    explorer = Counter(total=1000, pause=0.01)
    explorer.train.click()
    explorer.stop.click()
    assert explorer.wait(10)
    said = explorer.status.value
    assert said.startswith("stopped")
    explorer.stop.click()
    assert explorer.status.value == said


def test_reset_ends_a_run_and_clears_what_it_drew(monkeypatch):
    monkeypatch.setattr(training, "REDRAWN", 0)
    explorer = Counter(total=1000, pause=0.01)
    explorer.train.click()
    job = explorer._job
    while not explorer.shown:
        time.sleep(0.01)
    explorer.reset.click()
    drawn = len(explorer.shown)
    assert job.wait(10) and len(explorer.shown) == drawn and not explorer.over
    assert explorer.trained.layout.display == "none" and explorer.stop.disabled
    assert (explorer.status.value, explorer.progress.value) == ("", 0)
    explorer.total = 2
    explorer.train.click()
    assert explorer.wait(10) and explorer.trained.layout.display is None


def test_reset_clears_a_failure():
    explorer = Counter(breaks=1)
    explorer.train.click()
    assert explorer.wait(10) and explorer.status.value == "failed"
    explorer.reset.click()
    assert (explorer.status.value, explorer.progress.bar_style, explorer.error.value) == ("",) * 3


def test_no_picture_is_drawn_twice(monkeypatch):
    monkeypatch.setattr(training, "REDRAWN", 0)
    monkeypatch.setattr(training, "REST", 0)
    explorer = Counter(total=5)
    explorer.train.click()
    assert explorer.wait(10) and explorer.shown == [(0, epoch) for epoch in range(1, 6)]


def test_slow_pictures_become_rare():
    """However long a picture takes, the training has most of the time."""
    explorer = Counter(total=40, pause=0.01)
    explorer.show = lambda state: (time.sleep(0.3), explorer.shown.append(state))[0]
    explorer.train.click()
    assert explorer.wait(30) and len(explorer.shown) <= 3


def test_several_controls_that_turn_together_draw_once():
    explorer = Counter()
    explorer._controls = [ipywidgets.IntSlider(value) for value in (1, 2, 3)]
    explorer._defaults, drawn = [4, 5, 6], []
    for control in explorer._controls:
        control.observe(explorer.redraw, names="value")
    explorer.draw = lambda: drawn.append(1) or Figure()
    explorer.reset.click()
    assert [control.value for control in explorer._controls] == [4, 5, 6] and len(drawn) == 1


def test_a_run_started_while_another_runs_replaces_it():
    explorer = Counter(total=1000, pause=0.02)
    explorer.train.click()
    time.sleep(0.1)
    explorer.total = 4
    explorer.train.click()
    shown = len(explorer.shown)
    assert explorer.wait(10)
    assert {seed for seed, _ in explorer.shown[shown:]} == {1}
    assert explorer.over == [((1, 4), 4)] and explorer.status.value == "done"


def test_a_run_in_another_explorer_stops_this_one():
    first, second = Counter(total=1000, pause=0.02), Counter()
    first.train.click()
    time.sleep(0.1)
    second.train.click()
    assert first.wait(10) and second.wait(10)
    assert first.status.value.startswith("stopped") and second.status.value == "done"


def test_an_error_is_a_readable_sentence_and_the_next_run_clears_it():
    explorer = Counter(breaks=2)
    explorer.train.click()
    assert explorer.wait(10)
    assert "the &lt;net&gt; fell over" in explorer.error.value
    assert explorer.status.value == "failed" and not explorer.over
    explorer.breaks = None
    explorer.train.click()
    assert explorer.wait(10) and not explorer.error.value


def test_an_error_in_the_drawing_is_one_too(monkeypatch):
    explorer = Counter()
    monkeypatch.setattr(explorer, "show", lambda _: 1 / 0)
    explorer.train.click()
    assert explorer.wait(10)
    assert "division by zero" in explorer.error.value and explorer.stop.disabled


def test_it_trains_in_its_own_thread_and_not_before_it_is_asked():
    explorer, seen = Counter(), []
    assert not any(thread.name == "lnl-training" for thread in threading.enumerate())
    explorer.show = lambda _: seen.append(threading.current_thread().name)
    explorer.train.click()
    assert explorer.wait(10) and set(seen) == {"lnl-training"}


def test_an_abandoned_job_hands_nothing_over():
    told, go = [], threading.Event()

    def items():
        yield 1
        go.wait(10)
        yield 2

    job = Job(items(), told.append, lambda error: told.append("over"))
    job.start()
    while not told:
        time.sleep(0.01)
    job.abandon()
    go.set()
    assert job.wait(10) and told == [1]


@pytest.mark.parametrize(
    "done, total, seconds, words",
    [
        (0, 40, 0, "epoch 0 of 40"),
        (10, 40, 10, "epoch 10 of 40, about 30 s left"),
        (1, 40, 10, "epoch 1 of 40, about 6 min left"),
        (40, 40, 10, "epoch 40 of 40"),
    ],
)
def test_progress_in_words(done, total, seconds, words):
    assert in_words(done, total, seconds) == words
