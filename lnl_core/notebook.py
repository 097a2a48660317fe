"""What the notebooks share: showing figures, watching runs, checking claims, leaving a report.

The only module besides `widgets` that knows Jupyter, and it imports it only where it is used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from lnl_core import plots
from lnl_core.atomic import replacing
from lnl_core.errors import InputError
from lnl_core.ledger.report import markdown
from lnl_core.profiles import PROFILES
from lnl_core.run import Run
from lnl_core.train import EpochRecord


class Session:
    """One execution of a notebook: its claims and, at the end, its report.

    `check` is for what must hold (a theorem, an equality of two implementations): it raises.
    `claim` is for what an experiment is expected to show: it is recorded, whatever comes out.
    """

    def __init__(self, name: str, profile: str, out_dir: str | None) -> None:
        if profile not in PROFILES:
            raise InputError(f"PROFILE is {profile!r}: it is {', '.join(PROFILES)}.")
        if profile == "smoke":
            # Networks this small gain nothing from a second thread, and on a busy machine two
            # threads that wait for each other at every step take twenty times as long.
            torch.set_num_threads(1)
        self.name, self.profile = name, profile
        self._out_dir = None if out_dir is None else Path(out_dir)
        self._claims: list[dict] = []
        self._started = time.perf_counter()

    def check(self, text: str, holds: bool) -> None:
        """Print that the property holds, or raise `AssertionError` with its text."""
        if not holds:
            raise AssertionError(f"does not hold: {text}")
        print(f"holds: {text}")

    def claim(self, text: str, holds: bool, detail: str = "") -> None:
        """Record what the experiment showed. `detail` carries the numbers, `text` none."""
        self._claims.append({"text": text, "holds": bool(holds), "detail": detail})
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {text}" + (f" ({detail})" * bool(detail)))

    def finish(self) -> None:
        """Print the verdicts and leave `NAME.run.json` in OUT_DIR, if one was given."""
        kept = sum(claim["holds"] for claim in self._claims)
        print(f"{self.name}: {kept} of {len(self._claims)} claims hold in this run")
        if self._out_dir is None:
            return
        self._out_dir.mkdir(parents=True, exist_ok=True)
        report = {
            "notebook": self.name,
            "profile": self.profile,
            "claims": self._claims,
            "seconds": time.perf_counter() - self._started,
        }
        path = self._out_dir / f"{self.name}.run.json"
        with replacing(path) as part:
            part.write_text(json.dumps(report, indent=1))


def show(figure: Figure, alt: str) -> None:
    """Display a figure with the sentence that describes it to who cannot see it."""
    from IPython.display import Image, display

    display(Image(data=plots.small_png(figure), alt=alt))


def watch(
    runs: Mapping[str, Run],
    draw: Callable[[Mapping[str, Sequence[EpochRecord]]], Figure] = plots.learning_curves,
    alt: str = "Learning curves of the runs, drawn as they train.",
) -> dict[str, list[EpochRecord]]:
    """Train the runs one after the other, redrawing their curves about once a second.

    Returns the histories by label. Interrupting the kernel stops the training; what was
    trained so far is in `run.history`.
    """
    from IPython.display import Image, display

    histories: dict[str, list[EpochRecord]] = {}
    picture = display(display_id=True)

    def redraw() -> float:
        picture.update(Image(data=plots.small_png(draw(histories)), alt=alt))
        return time.monotonic()

    drawn = time.monotonic()
    with tqdm(total=0, unit="epoch") as bar:
        for label, run in runs.items():
            bar.set_description(label)
            stage = None
            for record in run:
                if record.stage != stage:  # a recipe's stages are not known before they begin
                    stage = record.stage
                    bar.total += run.stage_config(stage).epochs
                histories[label] = run.history
                bar.update()
                if time.monotonic() - drawn > 1:
                    drawn = redraw()
    redraw()
    return histories


def table(rows: Sequence[Mapping[str, object]]) -> None:
    """Show rows of like keys as a table; floats as percent with one decimal."""
    from IPython.display import Markdown, display

    def cell(value: object) -> str:
        if value is None:
            return "—"
        return f"{100 * value:.1f}" if isinstance(value, float) else str(value)

    display(Markdown(markdown([{key: cell(row[key]) for key in rows[0]} for row in rows])))


def exercise(name: str, test: Callable[[], bool], hint: str) -> None:
    """Judge an exercise. Never raises: `...` left in place is "not attempted yet"."""
    try:
        result = test()
    except Exception as error:
        print(f"{name}: not there yet ({type(error).__name__}: {error}). Hint: {hint}")
        return
    if result is Ellipsis:
        print(f"{name}: not attempted yet. Hint: {hint}")
    else:
        print(f"{name}: {'correct' if result else 'not there yet. Hint: ' + hint}")
