"""The table as a picture."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from lnl_core.plots import COLOURS, MARKERS, new_figure


def draw(document: dict[str, Any]) -> Figure:
    """Left, how many times as fast as the loader `fit` and the bare step are; right, how much
    longer `fit` takes than the bare step. Points are medians, bars span the middle half."""
    results = document["results"]
    figure, axes = new_figure(columns=2, height=1.5 + 0.5 * len(results))
    heights = range(len(results))
    loaders = [key for key in results[0] if key.endswith("_over_fit")]
    panels = [
        (axes[0, 0], loaders, "times as fast as the loader"),
        (axes[0, 1], ["fit_over_bare"], "time of fit / time of the bare step"),
    ]
    for axis, keys, title in panels:
        for k, key in enumerate(keys):
            values = [result[key] for result in results]
            errors = [
                [value["median"] - value["low"] for value in values],
                [value["high"] - value["median"] for value in values],
            ]
            axis.errorbar(
                [value["median"] for value in values], [h + 0.15 * k for h in heights],
                xerr=errors, fmt=MARKERS[k], color=COLOURS[k], capsize=3,
                label=key.removesuffix("_over_fit"),
            )  # fmt: skip
        axis.axvline(1, color="0.6", linewidth=1, linestyle="--")
        axis.set(title=title, yticks=heights, ylim=(len(results) - 0.5, -0.5))
        axis.set_yticklabels([result["net"] for result in results])
        axis.title.set_size("medium")
        axis.grid(axis="x", alpha=0.3)
    handles, labels = axes[0, 0].get_legend_handles_labels()  # below, where it hides no point
    figure.legend(
        handles, labels, fontsize="small", loc="outside lower center", ncols=3, frameon=False
    )
    figure.suptitle(
        f"{document['device']}, {document['threads']} threads, {document['precision']}",
        fontsize="medium",
    )
    return figure
