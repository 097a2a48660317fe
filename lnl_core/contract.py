"""What a function takes, said beside it and checked: `@takes(logits="... K", labels="int ...")`.

Broadcasting makes some number of almost any two tensors: labels as floats [B] against logits
[B, B], or fewer labels than logits, give a loss, and the wrong one. So what comes in is held
against a pattern of its type and shape, never of its values: that would make a GPU wait. What has
passed once is remembered by its types and shapes: that costs about a microsecond a tensor, and
nothing where a step is replayed as a graph. NaN among the values goes through to the loss, where
`fit` finds it, and a label that is no class is `Dataset`'s to find.

A tensor's pattern is an element type (`int`, `bool`, `any`; floating if none stands there) and
dimensions:

* a name is a size that is the same wherever the name stands, and K, of classes, is at least 2;
* `...`, in front, are leading dimensions, the same in all patterns; `*` are any;
* a number is that size.

`|` separates alternatives. Other patterns are the words in `WORDS`, and types; a question mark
behind a word admits None. A tensor may stand for `number`, `positive` and `fraction`.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from lnl_core.errors import InputError, shown

Function = TypeVar("Function", bound=Callable)
Sizes = dict[str, Any]

#: Class indices, or distributions over the classes.
TARGET = "int ... | ... K"

#: How many sets of types and shapes each function remembers to have passed.
REMEMBERED = 1000

NUMBERS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "number": ("a finite number", lambda v: True),
    "positive": ("a number above 0", lambda v: v > 0),
    "fraction": ("a number in [0, 1]", lambda v: 0 <= v <= 1),
}
WHOLE: dict[str, tuple[str, int, float]] = {
    "whole": ("a whole number from 1 up", 1, math.inf),
    "count": ("a whole number from 0 up", 0, math.inf),
    "classes": ("a whole number from 2 up", 2, math.inf),
    "seed": ("a whole number from 0 to 2^32-1", 0, 2**32 - 1),
}
#: Word → what it asks for.
WORDS: dict[str, str] = {
    **{word: wanted for word, (wanted, *_) in (NUMBERS | WHOLE).items()},
    "flag": "True or False",
    "text": "a string",
    "path": "a path",
    "matrix": "a matrix of finite numbers",
    "table": "a matrix of numbers",
    "vectors": "an array of whole numbers [N, K]",
}
TYPES: dict[str, Callable[[torch.dtype], bool]] = {
    "float": lambda t: t.is_floating_point,
    "int": lambda t: t is torch.int64,
    "bool": lambda t: t is torch.bool,
    "any": lambda t: not t.is_complex,
}


Pattern = str | type | tuple[type, ...]


def takes(**patterns: Pattern) -> Callable[[Function], Function]:
    """Check these arguments at every call; `InputError` says which one does not fit, and how."""

    def decorate(function: Function) -> Function:
        parameters = inspect.signature(function).parameters
        checks = [
            (list(parameters).index(name), name, parameters[name].default, _check(pattern))
            for name, pattern in patterns.items()
        ]

        passed: set[tuple] = set()
        # An array that has passed once may hold something else by now.
        most = 0 if {"matrix", "table", "vectors"} & {*patterns.values()} else REMEMBERED

        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            # A training step repeats the types and shapes of the one before.
            key = (*map(_kind, args), *((name, _kind(value)) for name, value in kwargs.items()))
            if key in passed:
                return function(*args, **kwargs)
            sizes: Sizes = {}
            for place, name, default, fits in checks:
                value = args[place] if place < len(args) else kwargs.get(name, default)
                if value is inspect.Parameter.empty:
                    break  # Python says which one is missing
                if not fits(value, sizes):
                    raise _refusal(_called(function), name, value, patterns[name], sizes)
            if len(passed) < most:
                passed.add(key)
            return function(*args, **kwargs)

        checked.takes = patterns
        return checked

    return decorate


def _called(function: Callable) -> str:
    """A class by its own name, and not by its `__init__`."""
    return function.__qualname__.removesuffix(".__init__")


def _kind(value: Any) -> tuple:
    """What is checked of a value: of all but tensors and numbers the type alone."""
    if isinstance(value, Tensor):
        return value.shape, value.dtype
    return type(value), value if isinstance(value, int | float | str | np.generic) else None


def _check(pattern: Pattern) -> Callable[[Any, Sizes], bool]:
    if not isinstance(pattern, str):
        return lambda value, _: isinstance(value, pattern)
    word = pattern.removesuffix("?")
    if word != pattern:
        fits = _check(word)
        return lambda value, sizes: value is None or fits(value, sizes)
    if word in NUMBERS:
        return _number_check(NUMBERS[word][1])
    if word in WHOLE:
        _, least, most = WHOLE[word]
        return lambda value, _: _is_whole(value) and least <= value <= most
    if word in WORDS:
        return {
            "flag": lambda value, _: isinstance(value, bool),
            "text": lambda value, _: isinstance(value, str),
            "path": lambda value, _: isinstance(value, str | os.PathLike),
            "matrix": lambda value, _: _is_matrix(value, finite=True),
            "table": lambda value, _: _is_matrix(value, finite=False),
            "vectors": lambda value, _: (
                isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind in "iub"
            ),
        }[word]
    alternatives = [_tensor_check(part.split()) for part in pattern.split("|")]
    if len(alternatives) == 1:
        return alternatives[0]
    return lambda value, sizes: any(fits(value, sizes) for fits in alternatives)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _is_matrix(value: Any, finite: bool) -> bool:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return False
    return array.ndim == 2 and array.size > 0 and bool(np.isfinite(array).all() or not finite)


def _number_check(fits: Callable[[float], bool]) -> Callable[[Any, Sizes], bool]:
    def check(value: Any, _: Sizes) -> bool:
        if isinstance(value, Tensor):
            return value.is_floating_point()
        plain = isinstance(value, int | float | np.integer | np.floating)
        number = plain and not isinstance(value, bool)
        return number and _is_finite(value) and fits(value)

    return check


def _tensor_check(words: list[str]) -> Callable[[Any, Sizes], bool]:
    right = TYPES[words.pop(0) if words[0] in TYPES else "float"]
    leading = words.pop(0) if words[0] in ("...", "*") else ""
    names, least = [int(word) if word.isdecimal() else word for word in words], len(words)

    def check(value: Any, sizes: Sizes) -> bool:
        if not isinstance(value, Tensor) or not right(value.dtype):
            return False
        shape = tuple(value.shape)
        ahead = len(shape) - least
        if ahead < 0 or (ahead and not leading):
            return False
        if leading == "..." and sizes.setdefault("...", shape[:ahead]) != shape[:ahead]:
            return False
        for name, size in zip(names, shape[ahead:], strict=True):
            known = name if isinstance(name, int) else sizes.setdefault(name, size)
            if known != size or (name == "K" and size < 2):
                return False
        return True

    return check


def _refusal(function: str, name: str, value: Any, pattern: Pattern, sizes: Sizes) -> InputError:
    if isinstance(value, Tensor | np.ndarray):
        given = f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    elif isinstance(value, str | int | float) or value is None:
        given = shown(value)
    else:
        given = f"a {type(value).__name__}"
    if not isinstance(pattern, str):
        types = pattern if isinstance(pattern, tuple) else (pattern,)
        wanted = " or ".join(f"a {each.__name__}" for each in types)
    elif (word := pattern.removesuffix("?")) in WORDS:
        wanted = WORDS[word] + (" or None" if word != pattern else "")
    else:
        wanted = "a tensor " + " or ".join(_in_words(part.split()) for part in pattern.split("|"))
        known = [f"{k} = {list(v) if k == '...' else v}" for k, v in sizes.items() if k in pattern]
        wanted += f", here with {', '.join(known)}" if known else ""
    return InputError(f"{function}: {name} is {given}, but it must be {wanted}.")


def _in_words(words: list[str]) -> str:
    kind = {"int": "int64", "any": ""}.get(words[0], words[0]) if words[0] in TYPES else "float"
    shape = ", ".join(words[1:] if words[0] in TYPES else words).replace("*", "...")
    return f"{kind} [{shape}]".strip()
