"""The flywheel's two cycles turning on small data: what is kept of each epoch, how it is drawn.

`flywheel.py` has the controls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lnl_core import plots
from lnl_core.data import Dataset
from lnl_core.noise import Noise
from lnl_core.papers.kim2024 import OWN_SETTINGS
from lnl_core.profiles import configure
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step
from lnl_core.widgets.relabelling_terms import plain

#: Of the histogram of q(s = 1).
BINS = 20


@dataclass(frozen=True)
class Turning:
    """The flywheel so far: its epochs, and where it stands after the last of them.

    `warm_up`: its epochs of cross-entropy. `right` and `wrong`: q(s_i = 1) of the samples whose
    label is right, [n], and wrong, [N - n]; empty before the first cycle. `corruption`: T_c [K, K].
    `clean_share`: how many labels are right indeed. `labels`: of the true class's samples, [K, K],
    how the refurbished labels q_i(y) are shared out; rows sum to 1 (0 for a class without samples).
    """

    history: tuple[EpochRecord, ...]
    warm_up: int
    right: NDArray[np.float64]
    wrong: NDArray[np.float64]
    corruption: NDArray[np.float64]
    clean_share: float
    labels: NDArray[np.float64]


def turn_flywheel(
    dataset: Dataset,
    noise: Noise,
    seed: int = 0,
    *,
    method: str = "flywheel",
    options: Mapping[str, Any] | None = None,
    steps: bool = False,
    **train: Any,
) -> Iterator[Turning | Step]:
    """What stands after each epoch of the method on the dataset, in the profile `smoke` and with
    the training that this project's own tables of the paper have, where they have the data.

    `method` may be an ablation that has the auxiliary network; `train` as in `configure`,
    `steps` as in `Run`. Raises
    `InputError` where `configure` does.
    """
    paper = "kim2024" if dataset.name in OWN_SETTINGS else None
    config = configure(
        method, noise=noise, dataset=dataset, paper=paper, seed=seed, options=options, **train
    )
    run = Run(config, device="cpu", dataset=dataset, steps=steps)
    for item in run:
        yield item if isinstance(item, Step) else turning_of(run)


def turning_of(run: Run) -> Turning:
    """Where a run of the flywheel stands now, between two epochs of it or after the last."""
    split, method = run.data.train, run.method
    labels, truth = split.labels.cpu().numpy(), split.clean.cpu().numpy()
    is_right = labels == truth
    members = np.eye(run.data.num_classes)[truth]
    trust, posterior = method.clean_probability(), method.corrected_labels()
    scores = np.zeros(0) if trust is None else trust.double().cpu().numpy()
    judged = is_right if len(scores) else np.zeros(0, bool)
    given = (
        np.eye(run.data.num_classes)[labels]
        if posterior is None
        else posterior.double().cpu().numpy()
    )
    return Turning(
        tuple(run.history),
        method.warm_up,
        scores[judged],
        scores[~judged],
        method.corruption_matrix.double().cpu().numpy().copy(),
        float(is_right.mean()),
        members.T @ given / np.maximum(members.sum(0), 1)[:, None],
    )


def render_turning(turning: Turning, classes: Sequence[str]) -> Figure:
    """Curves over the epochs; q(s = 1) of right and wrong labels; T_c; refurbished labels."""
    figure = Figure(figsize=(15, 4.1), dpi=80)
    curves, bars, corruption, labels = (
        figure.add_axes(place)
        for place in (
            (0.04, 0.23, 0.24, 0.66),
            (0.335, 0.23, 0.17, 0.66),
            (0.54, 0.23, 0.21, 0.66),
            (0.78, 0.23, 0.21, 0.66),
        )
    )
    epochs = [record.epoch for record in turning.history]
    for k, (name, values) in enumerate(
        (
            ("test accuracy", [record.test_accuracy for record in turning.history]),
            ("labels refurbished rightly", _of(turning, "recovered")),
            ("AUC of q(s = 1)", _of(turning, "selection_auc")),
            ("γ", _of(turning, "gamma")),
        )
    ):
        style = {"color": plots.COLOURS[k], "marker": plots.MARKERS[k], "markersize": 3}
        curves.plot(epochs, values, ("-", "--", "-.", ":")[k], label=name, **style)
    curves.axhline(turning.clean_share, color="0.6", lw=1, label="labels that are right")
    curves.axvline(turning.warm_up + 0.5, color="0.8", lw=1)
    curves.set(xlabel="epoch (the cycles begin at the line)", ylim=(0, 1.02))
    # Below, where it covers no curve wherever that runs.
    figure.legend(
        *curves.get_legend_handles_labels(), fontsize="small", frameon=False, ncols=5,
        loc="lower left", bbox_to_anchor=(0.03, 0.0),
    )  # fmt: skip

    for values, name, colour, hatch in (
        (turning.right, "right labels", plots.COLOURS[0], None),
        (turning.wrong, "wrong labels", plots.WRONG, "//"),
    ):
        bars.hist(values, bins=BINS, range=(0, 1), label=name, color=colour, hatch=hatch, alpha=0.6)
    bars.set(xlabel="q(s = 1), how clean a label seems", ylabel="samples", title="main cycle")
    if len(turning.right) + len(turning.wrong):
        bars.legend(fontsize="small", frameon=False)
    plots.draw_matrix(corruption, turning.corruption, classes, "$T_c$ of what seems wrong")
    plots.draw_matrix(labels, turning.labels, classes, "refurbished labels")
    labels.set(xlabel="label now", ylabel="true class")
    for axis in (curves, bars):
        plain(axis)
    return figure


def _of(turning: Turning, name: str) -> list[float]:
    """A diagnostic by epoch; NaN, which is not drawn, where there is none."""
    return [record.diagnostics.get(name, np.nan) for record in turning.history]
