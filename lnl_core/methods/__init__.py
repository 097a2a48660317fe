"""The methods, one file a paper or family. This table is the whole registry at a glance."""

from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.bootstrap import BootstrapSoft
from lnl_core.methods.correction import Backward, Forward
from lnl_core.methods.registry import Entry, check_options, get_method, method_names, register

register("cross-entropy", CrossEntropy, "trust the labels: the baseline", "patrini2017")
register("forward", Forward, "push predictions through the known T", "patrini2017")
register("backward", Backward, "pull losses back through the known T⁻¹", "patrini2017")
register(
    "bootstrap-soft", BootstrapSoft, "mix labels with predictions (Reed et al.)", "patrini2017"
)

__all__ = [
    "Backward", "BootstrapSoft", "CrossEntropy", "Entry", "Forward", "Method", "check_options",
    "get_method", "method_names", "register",
]  # fmt: skip
