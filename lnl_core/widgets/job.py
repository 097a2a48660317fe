"""One training at a time, in a thread, that can be stopped and replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

#: Held by whoever trains. torch's random state is the process's: two trainings at once would draw
#: from each other's.
_TURN = threading.Lock()
_RUNNING: list[Job] = []


class Job:
    """Goes through `items` in a thread and hands each to `receive`; then calls `done` with the
    error that ended it, or None.

    Starting a job stops any other, in this or another explorer, and waits for its end in the
    thread. `stop` is heard at the next item. After `abandon` nothing is handed over any more, not
    even what is on its way: the job's owner has begun another.
    """

    def __init__(
        self,
        items: Iterable[Any],
        receive: Callable[[Any], None],
        done: Callable[[Exception | None], None],
    ) -> None:
        self._items, self._receive, self._done = items, receive, done
        self._stopped, self._abandoned = threading.Event(), False
        self._telling = threading.RLock()
        self._thread = threading.Thread(target=self._work, name="lnl-training", daemon=True)

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        for other in tuple(_RUNNING):
            other.stop()
        _RUNNING.append(self)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def abandon(self) -> None:
        self._abandoned = True
        self.stop()
        with self._telling:
            pass  # what was being handed over has been

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; False if it did not come in time."""
        self._thread.join(seconds)
        return not self.alive

    def _work(self) -> None:
        error = None
        with _TURN:
            try:
                if not self.stopped:
                    self._go()
            except Exception as caught:
                error = caught
            finally:
                _RUNNING.remove(self)
        self._tell(self._done, error)

    def _go(self) -> None:
        items = iter(self._items)
        try:
            for item in items:
                self._tell(self._receive, item)
                if self.stopped:
                    return
        finally:
            getattr(items, "close", lambda: None)()  # a generator's own `finally`, in this thread

    def _tell(self, whom: Callable[[Any], None], what: Any) -> None:
        with self._telling:
            if not self._abandoned:
                whom(what)
