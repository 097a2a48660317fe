"""Kim et al. 2024, LNL-flywheel: settings, tables and claims in one place."""

from __future__ import annotations

from lnl_core.papers.kim2024_settings import SETTINGS
from lnl_core.papers.spec import Claim, Table

__all__ = ["CLAIMS", "SETTINGS", "TABLES"]
TABLES: tuple[Table, ...] = ()
CLAIMS: tuple[Claim, ...] = ()
