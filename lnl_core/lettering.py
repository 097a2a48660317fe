"""Many short words in a picture, as one artist: a `Text` a word takes fifty times as long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import PathCollection
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, Bbox
from numpy.typing import ArrayLike

#: Of the font size: what a line is apart from the next, and where a capital letter ends.
LINE, CAPITAL = 1.2, 0.73


class Lettering(PathCollection):
    """`words` at `places` [N, 2], in the coordinates of the axis's data, `size` in points.

    `across` and `down` say which part of a word stands at its place; a word may have several lines,
    each aligned on its own. `rotation`, in degrees, turns it about its place. `colours` are one for
    all or one a word.
    """

    def __init__(
        self,
        axis: Axes,
        words: Sequence[str],
        places: ArrayLike,
        size: float,
        colours: str | Sequence[str] = "black",
        *,
        across: Literal["left", "center", "right"] = "center",
        down: Literal["top", "center"] = "center",
        rotation: float = 0,
    ) -> None:
        self.words = tuple(words)
        turn = Affine2D().rotate_deg(rotation)
        super().__init__(
            [turn.transform_path(_outline(word, across, down)) for word in words],
            offsets=np.reshape(np.asarray(places, float), (-1, 2)),
            offset_transform=axis.transData, facecolors=colours, linewidths=0,
        )  # fmt: skip
        scale = Affine2D().scale(size / 72) + axis.get_figure(root=True).dpi_scale_trans
        self.set_transform(scale)
        self._scale, self._size = scale, size
        axis.add_collection(self, autolim=False)
        self.set_clip_on(False)

    @property
    def reach(self) -> tuple[float, float]:
        """Width and height of the largest word, in points."""
        boxes = [path.get_extents() for path in self.get_paths()]
        return (
            self._size * max(box.width for box in boxes),
            self._size * max(box.height for box in boxes),
        )

    def get_window_extent(self, renderer: RendererBase | None = None) -> Bbox:
        """What the letters cover: a collection's own method knows their places alone."""
        places = self.get_offset_transform().transform(self.get_offsets())
        return Bbox.union(
            [
                path.get_extents(self._scale).translated(*place)
                for path, place in zip(self.get_paths(), places, strict=True)
            ]
        )


@lru_cache(maxsize=2048)
def _outline(word: str, across: str, down: str) -> Path:
    """The letters as one path of font size 1, its place at the origin."""
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[across]
    lines = []
    for k, line in enumerate(word.split("\n")):
        if line.strip():
            path = TextPath((0, 0), line, size=1)
            box = path.get_extents()
            place = box.x0 + share * box.width
            lines.append(path.transformed(Affine2D().translate(-place, -LINE * k)))
    if not lines:
        return Path(np.empty((0, 2)))
    whole = Path.make_compound_path(*lines)
    lift = 1.0 if down == "top" else CAPITAL / 2 - (len(lines) - 1) * LINE / 2
    return whole.transformed(Affine2D().translate(0, -lift))
