"""Learning with noisy labels: the core that the notebooks teach and run.

>>> from lnl_core import Run, configure
>>> run = Run(configure("forward", data="digits", noise="asymmetric:0.4", epochs=2))
>>> accuracies = [record.test_accuracy for record in run]
"""

__version__ = "0.1.0"

from lnl_core.config import RunConfig, Seeds, TrainConfig
from lnl_core.data import Dataset, NoisyData, TrainingSet, load_dataset, make_noisy
from lnl_core.errors import DivergedError, InputError
from lnl_core.methods import Method, method_names, register
from lnl_core.noise import Noise, parse_noise
from lnl_core.profiles import configure
from lnl_core.run import Run
from lnl_core.train import EpochRecord, Step, evaluate, fit

__all__ = [
    "Dataset", "DivergedError", "EpochRecord", "InputError", "Method", "Noise", "NoisyData", "Run",
    "RunConfig", "Seeds", "Step", "TrainConfig", "TrainingSet", "configure", "evaluate", "fit",
    "load_dataset", "make_noisy", "method_names", "parse_noise", "register",
]  # fmt: skip
