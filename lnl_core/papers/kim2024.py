"""Kim et al. 2024, LNL-flywheel: settings, tables and claims in one place."""

from __future__ import annotations

from lnl_core.papers.kim2024_claims import claims
from lnl_core.papers.kim2024_ours import OWN_SETTINGS, OWN_TABLES, STUDIES
from lnl_core.papers.kim2024_settings import SETTINGS
from lnl_core.papers.kim2024_tables import TABLES
from lnl_core.papers.spec import Claim

__all__ = ["CLAIMS", "OWN_SETTINGS", "OWN_TABLES", "SETTINGS", "STUDIES", "TABLES"]

CLAIMS: tuple[Claim, ...] = tuple(claims())
