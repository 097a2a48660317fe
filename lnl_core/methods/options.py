"""Checks for the options of methods: what a user gave, the range, and the way out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from lnl_core.config import LARGEST_WHOLE
from lnl_core.errors import InputError, shown

#: Ranges that many options share: what completes "… must be …", and what fits.
POSITIVE = "a positive finite number", lambda value: 0 < value < float("inf")
SHARE = "in [0, 1]", lambda value: 0 <= value <= 1
WEIGHT = "a finite number, at least 0", lambda value: 0 <= value < float("inf")
#: Of a term whose gradients would drown the others, or overflow.
BOUNDED_WEIGHT = "a weight from 0 to 1000", lambda value: 0 <= value <= 1000
#: What no number is above: far beyond any use, and within what torch takes.
LARGEST = 1_000_000
#: The widest layer, and over how many epochs values of each sample are kept.
WIDEST = 10_000
LONGEST = 1_000


def number(name: str, value: Any, what: str, fits: Callable[[float], bool]) -> float:
    """The value as a float if it is a number that fits, from -1e6 to 1e6; `what` completes
    "… must be …"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
        raise InputError(f"{name} is {shown(value)}, but it must be {what}.")
    if not abs(value) <= LARGEST:
        raise InputError(f"{name} is {shown(value)}, but it must be {LARGEST} at most.")
    return float(value)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{name} is {shown(value)}, but it must be True or False.")
    return value


def whole(name: str, value: Any, least: int, most: int = LARGEST_WHOLE) -> int:
    """The value if it is a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(
            f"{name} is {shown(value)}, but it must be a whole number from {least} up, {most} at "
            "most."
        )
    return value


def warm_up_epochs(name: str, value: Any, usual: int, epochs: int, part: int = 4) -> int:
    """How many epochs a method warms up, or ramps: the value if given, a whole number from 0 up;
    else the `usual` ones, but at most 1/`part` of all `epochs`, and one at least."""
    if value is None:
        return max(1, min(usual, epochs // part))
    return whole(name, value, 0)


def takes_options_of(method: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a recipe `(run, ..., **options)` whose options are this method's and its own: its
    signature names them all, so that it need not repeat them."""

    def named(recipe: Callable[..., Any]) -> Callable[..., Any]:
        run, *own = inspect.signature(recipe).parameters.values()
        own = [each for each in own if each.kind is not each.VAR_KEYWORD]
        # Without the instance, the nets and the data.
        given = list(inspect.signature(method.__init__).parameters.values())[method.nets + 2 :]
        recipe.__signature__ = inspect.Signature([run, *given, *own])
        return recipe

    return named
