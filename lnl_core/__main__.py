"""`python -m lnl_core` is the `lnl` command, where it is not installed."""

import sys

from lnl_core.cli import main

sys.exit(main())
