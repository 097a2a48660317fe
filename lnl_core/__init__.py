"""Learning with noisy labels: the core that the notebooks teach and run.

>>> from lnl_core import Run, configure
>>> run = Run(configure("forward", data="digits", noise="asymmetric:0.4", epochs=2))
>>> accuracies = [record.test_accuracy for record in run]
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Module → what it lends to the package. Looked up when asked for, because importing torch takes
#: seconds and `lnl --help` should not.
_NAMES = {
    "config": ("RunConfig", "Seeds", "TrainConfig"),
    "data": ("Dataset", "NoisyData", "TrainingSet", "load_dataset", "make_noisy"),
    "errors": ("DivergedError", "InputError"),
    "methods": ("Method", "method_names", "register"),
    "noise": ("Noise", "parse_noise"),
    "profiles": ("configure",),
    "run": ("Run",),
    "train": ("EpochRecord", "Step", "evaluate", "fit"),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
