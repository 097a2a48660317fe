"""The papers' names, as a reader cites them."""

from __future__ import annotations

#: Paper → (authors and year, what it is known for).
CITATIONS: dict[str, tuple[str, str]] = {
    "patrini2017": ("Patrini et al. 2017", "loss correction"),
    "jindal2019": ("Jindal et al. 2019", "NNAQC"),
    "tanaka2018": ("Tanaka et al. 2018", "joint optimization"),
    "yao2018": ("Yao et al. 2018", "quality embedding (CAN)"),
    "kim2024": ("Kim et al. 2024", "LNL-flywheel"),
}
