"""What a user did wrong, said in one sentence.

Every check in `lnl_core` raises `InputError` with a message that names the value that was
given, the range that would do, and the way out. The `lnl` command prints it and exits with
code 2; in a notebook it is the last line of the traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A value that cannot be used. The message names value, range and way out."""


class DivergedError(RuntimeError):
    """Training produced a loss that is not a finite number."""


#: A longer list would hide what the sentence says: it is cut to the names nearest to the given one.
LISTED = 60
#: So would a longer value: it is cut.
SHOWN = 60


def shown(value: object) -> str:
    """How a message writes a value: on one line, and of 400 digits the first ones."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes out no whole number of more than 4300 digits
        return f"a {type(value).__name__} of more digits than can be written"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def unknown_name(kind: str, name: object, known: Iterable[str]) -> InputError:
    """The error for a name that is not in a list, with the nearest one that is.

    >>> str(unknown_name("method", "foward", ["forward", "cross-entropy"]))
    "unknown method 'foward': did you mean 'forward'? Known: cross-entropy, forward."
    """
    known = sorted(known)
    given = (name if isinstance(name, str) else shown(name))[:100]
    near = difflib.get_close_matches(given.lower(), known, n=1, cutoff=0.5)
    hint = f" did you mean '{near[0]}'?" if near else ""
    listed, rest = known, ""
    if len(known) > LISTED:
        listed = difflib.get_close_matches(given.lower(), known, n=LISTED // 6, cutoff=0)
        rest = f" and {len(known) - len(listed)} others"
    return InputError(f"unknown {kind} {given!r}:{hint} Known: {', '.join(listed)}{rest}.")
