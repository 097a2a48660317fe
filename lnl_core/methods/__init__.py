"""The methods, one file a paper or family. This table is the whole registry at a glance."""

from lnl_core.methods.base import Method
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.bootstrap import BootstrapHard, BootstrapSoft
from lnl_core.methods.correction import Backward, Forward
from lnl_core.methods.estimated import backward_estimated, forward_estimated
from lnl_core.methods.registry import Entry, check_options, get_method, method_names, register
from lnl_core.methods.robust import Savage, Sigmoid, Unhinged

register("cross-entropy", CrossEntropy, "trust the labels: the baseline", "patrini2017")
register("unhinged", Unhinged, "linear loss, after batch normalisation", "patrini2017")
register("sigmoid", Sigmoid, "bounded loss, after batch normalisation", "patrini2017")
register("savage", Savage, "bounded loss of the softmax", "patrini2017")
register("bootstrap-soft", BootstrapSoft, "mix labels with predictions", "patrini2017")
register("bootstrap-hard", BootstrapHard, "mix labels with predicted classes", "patrini2017")
register("backward", Backward, "pull losses back through the known T⁻¹", "patrini2017")
register("backward-estimated", backward_estimated, "the same, T estimated first", "patrini2017")
register("forward", Forward, "push predictions through the known T", "patrini2017")
register("forward-estimated", forward_estimated, "the same, T estimated first", "patrini2017")

__all__ = [
    "Backward", "BootstrapHard", "BootstrapSoft", "CrossEntropy", "Entry", "Forward", "Method",
    "Savage", "Sigmoid", "Unhinged", "check_options", "get_method", "method_names", "register",
]  # fmt: skip
