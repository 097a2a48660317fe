"""Values that fit a pattern of `lnl_core.contract`, and values that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from lnl_core.contract import NUMBERS, TYPES, WHOLE, WORDS

#: Of no use to any function.
NONSENSE = (None, "text", object(), [[1.0]], {"a": 1})
NO_WHOLES = (float("nan"), float("inf"), True, 1j, *NONSENSE)
NO_NUMBERS = (10**400, *NO_WHOLES)
WRONG: dict[str, tuple] = {
    "number": NO_NUMBERS,
    "positive": (0, -1.5, *NO_NUMBERS),
    "fraction": (-0.01, 1.01, 20, *NO_NUMBERS),
    "whole": (0, -1, 2.0, *NO_WHOLES),
    "count": (-1, 2.0, *NO_WHOLES),
    "classes": (1, 0, 2.0, *NO_WHOLES),
    "seed": (-1, 2**32, 2**64, 0.5, *NO_NUMBERS),
    "flag": (0, 1, *NONSENSE),
    "text": (3, b"text", object(), None),
    "path": (3, object(), None),
    "matrix": (
        3,
        np.ones(3),
        np.full((2, 2), np.nan),
        [[1, 2], [3]],
        np.ones((0, 3)),
        None,
        "text",
    ),
    "table": (3, np.ones(3), [[1, 2], [3]], np.ones((0, 3)), None, "text"),
    "vectors": (3, np.ones((2, 2)), np.ones(3, int), [[1, 0]], None),
}
RIGHT: dict[str, Any] = {
    "number": 0.5, "positive": 0.5, "fraction": 0.5, "whole": 3, "count": 3, "classes": 3,
    "seed": 2**32 - 1, "flag": True, "text": "text", "path": "nowhere",
    "matrix": np.eye(3), "table": np.eye(3), "vectors": np.eye(3, dtype=np.int64),
}  # fmt: skip
assert set(WRONG) == set(RIGHT) == set(WORDS)

Sizes = dict[str, int]


def right(pattern: Any, sizes: Sizes, leading: tuple[int, ...] = (2,)) -> Any:
    """A value that fits; tensors hold numbers in (0, 1) whose rows sum to 1, or class 0 or 1."""
    if not isinstance(pattern, str):
        return _instance(pattern[0] if isinstance(pattern, tuple) else pattern)
    if pattern.removesuffix("?") in WORDS:
        return RIGHT[pattern.removesuffix("?")]
    words = pattern.split("|")[0].split()
    kind = words.pop(0) if words[0] in TYPES else "float"
    ahead = words.pop(0) if words[0] in ("...", "*") else ""
    # A matrix or a prior serves all samples: `*` may be nothing, and here it is.
    shape = (*(leading if ahead == "..." else ()), *(_size(word, sizes) for word in words))
    return _tensor(kind, shape)


def wrong(pattern: Any, sizes: Sizes, bound: set[str]) -> st.SearchStrategy:
    """Values that do not fit; `bound` are the sizes that earlier arguments have laid down."""
    if not isinstance(pattern, str):
        admitted = pattern if isinstance(pattern, tuple) else (pattern,)
        return st.sampled_from([v for v in (3.5j, b"x", object()) if not isinstance(v, admitted)])
    word = pattern.removesuffix("?")
    if word in WORDS:
        values = WRONG[word]
        return st.sampled_from([v for v in values if v is not None or word == pattern])
    return st.sampled_from([*NONSENSE, 3, *_misfits(pattern, sizes, bound)])


def _misfits(pattern: str, sizes: Sizes, bound: set[str]) -> list[Tensor]:
    """Tensors of another type, with too few dimensions, with too many, or of another size."""
    fitting = right(pattern, sizes)
    kinds = {w.split()[0] if w.split()[0] in TYPES else "float" for w in pattern.split("|")}
    others = [torch.zeros(fitting.shape, dtype=torch.complex64)]
    if "any" not in kinds:
        others += [_tensor(k, fitting.shape) for k in ("float", "int", "bool") if k not in kinds]
    if "int" not in kinds and "any" not in kinds:
        others.append(torch.zeros(fitting.shape, dtype=torch.uint8))
    if "|" in pattern:  # what one alternative refuses the other may take
        return others
    words = [w for w in pattern.split() if w not in TYPES]
    ahead, dims = words[0] in ("...", "*"), [w for w in words if w not in ("...", "*")]
    if not ahead:
        others.append(_tensor(next(iter(kinds)), (1, *fitting.shape)))
    if dims:
        others.append(_tensor(next(iter(kinds)), (3,) * (len(dims) - 1)))
    if words[0] == "..." and "..." in bound:
        others.append(_tensor(next(iter(kinds)), (3, *fitting.shape)))
    for place, word in enumerate(dims, fitting.dim() - len(dims)):
        if word in bound or word.isdecimal() or dims.count(word) > 1:
            shape = list(fitting.shape)
            shape[place] += 1
            others.append(_tensor(next(iter(kinds)), tuple(shape)))
    return others


def names_of(pattern: Any) -> set[str]:
    """The sizes that a tensor's pattern lays down."""
    if not isinstance(pattern, str) or pattern.removesuffix("?") in WORDS or "|" in pattern:
        return set()
    return {w for w in pattern.split() if w not in TYPES and w != "*" and not w.isdecimal()}


def _size(word: str, sizes: Sizes) -> int:
    return int(word) if word.isdecimal() else sizes.setdefault(word, 3)


def _tensor(kind: str, shape: tuple[int, ...]) -> Tensor:
    if kind == "bool":
        return torch.zeros(shape, dtype=torch.bool)
    if kind in ("int", "any"):
        return (torch.arange(int(np.prod(shape))) % 2).view(shape)
    spread = torch.arange(1.0, 1 + int(np.prod(shape))).sin().abs() + 0.1
    values = spread.view(shape)
    return values / values.sum(-1, keepdim=True) if values.dim() else values / 2


def _instance(cls: type) -> Any:
    """Something of that type; of ours an empty one, which gets by the contract and no further."""
    plain = {Path: Path("nowhere"), dict: {}, Mapping: {}, Sequence: [], tuple: (), str: "text",
             bytes: b"text", Callable: len, int: 3, np.ndarray: np.ones(3),
             np.random.Generator: np.random.default_rng(0)}  # fmt: skip
    return plain[cls] if cls in plain else object.__new__(cls)


assert set(NUMBERS) | set(WHOLE) <= set(WORDS)
