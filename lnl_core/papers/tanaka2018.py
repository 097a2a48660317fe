"""Tanaka et al. 2018, joint optimization: settings, tables, figures and claims in one place."""

from __future__ import annotations

from lnl_core.papers.spec import Claim, Study, Variant
from lnl_core.papers.tanaka2018_claims import claims
from lnl_core.papers.tanaka2018_ours import OWN_SETTINGS, OWN_TABLES
from lnl_core.papers.tanaka2018_settings import SETTINGS, step_one
from lnl_core.papers.tanaka2018_tables import COLUMNS, TABLES

__all__ = [
    "CLAIMS", "OWN_SETTINGS", "OWN_TABLES", "SETTINGS", "STUDIES", "TABLES", "step_one",
]  # fmt: skip

_BY_NAME = {table.name: table for table in TABLES}
_HALF, _MOST = "symmetric-inclusive:0.5", "symmetric-inclusive:0.7"

STUDIES = (
    Study(
        _BY_NAME["table1-last"],
        "figure2",
        "Figure 2: cross-entropy for 120 epochs at one learning rate, high or low. At which noise, "
        "the text leaves open: here 50%",
        tuple(
            Variant(
                f"lr {lr} throughout", "cross-entropy", _HALF,
                {"lr": lr, "schedule": "constant", "lr_drops": ()},
            )
            for lr in (0.2, 0.02)
        ),
        runs=1,
    ),
    Study(
        _BY_NAME["table1-last"],
        "figure3",
        "Figure 3: cross-entropy for 600 epochs, 0.2 divided by 10 after 200 and 400",
        tuple(
            Variant("600 epochs", "cross-entropy", column, {"epochs": 600, "lr_drops": (200, 400)})
            for column in COLUMNS["table1"]
        ),
        runs=1,
    ),
    Study(
        _BY_NAME["table1-last"],
        "section5.4",
        "Section 5.4 and Figure 4: soft against hard labels, 1,500 epochs of step 1 (in print: "
        "soft 86.0, 500 hard ones an epoch 85.7)",
        tuple(
            Variant(
                label, method, _MOST,
                {"options": {"start_epoch": 70} | own, "stages": {"relabel": {"epochs": 1500}}},
            )
            for label, method, own in (
                ("soft", "joint", {}),
                ("hard, top 50", "joint-hard", {"top": 50}),
                ("hard, top 500", "joint-hard", {"top": 500}),
                ("hard, top 5000", "joint-hard", {"top": 5000}),
                ("hard, all", "joint-hard", {}),
            )
        ),
        runs=1,
    ),
    Study(
        _BY_NAME["table1-last"],
        "outputs",
        "Outputs of a pass of their own in place of the training pass's; with pseudo-labels the "
        "unchanged cell is Figure 5's",
        tuple(
            Variant("a pass of their own", "joint", column, {"options": {"outputs": "evaluation"}})
            for column in (_HALF, "asymmetric:0.4", "pseudo-label")
        ),
        runs=1,
    ),
)  # fmt: skip

CLAIMS: tuple[Claim, ...] = tuple(claims(COLUMNS))
