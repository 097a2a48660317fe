"""Small pieces of HTML. Whatever comes from outside is escaped here, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from lnl_core.ledger.verdicts import VERDICTS

#: A sign beside the word, so that no verdict is told by its colour alone.
SIGNS = {
    "match": "=", "close": "≈", "differs": "≠", "not run": "·", "not built": "∅",
    "holds": "✓", "does not hold": "✗",
}  # fmt: skip


class Html(str):
    """Text that is HTML already and is not escaped again."""


def tag(name: str, *content: object, css: str = "", **attributes: object) -> Html:
    """An element. Content is escaped unless it is `Html`; attribute values always."""
    if css:
        attributes["class"] = css
    written = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    inside = "".join(c if isinstance(c, Html) else escape(str(c)) for c in content)
    return Html(f"<{name}{written}>{inside}</{name}>")


def joined(parts: Iterable[Html], by: str = "\n") -> Html:
    return Html(by.join(parts))


def verdict(word: str) -> Html:
    """A verdict with its sign, coloured by the stylesheet."""
    return tag("span", f"{SIGNS[word]} {word}" if word in SIGNS else word, css=f"v {css_of(word)}")


def css_of(word: str) -> str:
    return word.replace(" ", "-")


def chips(verdicts: Mapping[str, int], *, every: bool = False) -> Html:
    """`= 38 match` and so on, the verdicts that occur, or all of them."""
    return joined(
        (
            tag("span", f"{SIGNS[word]} {verdicts.get(word, 0)} {word}", css=f"chip {css_of(word)}")
            for word in VERDICTS
            if every or verdicts.get(word, 0)
        ),
        " ",
    )


def bar(verdicts: Mapping[str, int]) -> Html:
    """The verdicts as shares of a line. The chips beside it say the same in words."""
    parts = [
        tag("i", css=css_of(word), style=f"flex:{verdicts[word]}")
        for word in VERDICTS
        if verdicts.get(word, 0)
    ]
    return tag("div", joined(parts, ""), css="bar", **{"aria-hidden": "true"})


def rows_table(rows: Sequence[Mapping[str, Any]], css: str = "") -> Html:
    """Rows of like keys as a table that scrolls in a box of its own; the first column stays."""
    head = tag("tr", *(tag("th", key, scope="col") for key in rows[0]))
    body = joined(
        tag(
            "tr",
            *(
                tag("th", value, scope="row") if k == 0 else tag("td", value)
                for k, value in enumerate(row.values())
            ),
        )
        for row in rows
    )
    inner = tag("table", tag("thead", head), tag("tbody", body))
    return tag("div", inner, css=f"box {css}".strip(), tabindex=0)


def folded(summary: Html, *parts: Html, css: str = "") -> Html:
    """A part that opens on a click, without any script."""
    return tag("details", tag("summary", summary), *parts, css=css)
