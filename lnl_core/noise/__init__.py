"""Label noise: the named protocols, and the maps and matrices they are made of."""

from lnl_core.noise.protocols import (
    ASYMMETRIC_MAPS,
    FIXED_FLIPS,
    FROM_SAMPLES,
    PROTOCOLS,
    Noise,
    check_rate,
    parse_noise,
)

__all__ = [
    "ASYMMETRIC_MAPS",
    "FIXED_FLIPS",
    "FROM_SAMPLES",
    "PROTOCOLS",
    "Noise",
    "check_rate",
    "parse_noise",
]
