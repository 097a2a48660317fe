"""Label noise: the named protocols, and the maps and matrices they are made of."""

from lnl_core.noise.look_alikes import ASYMMETRIC_MAPS, FIXED_FLIPS
from lnl_core.noise.noise import Noise, check_rate
from lnl_core.noise.parse import parse_noise
from lnl_core.noise.protocols import FROM_SAMPLES, PROTOCOLS

__all__ = [
    "ASYMMETRIC_MAPS",
    "FIXED_FLIPS",
    "FROM_SAMPLES",
    "PROTOCOLS",
    "Noise",
    "check_rate",
    "parse_noise",
]
