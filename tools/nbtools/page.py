"""build/index.html: how every notebook went, on one page that needs nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbtools.run import Result

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-top: 1px solid #8886; padding: .5rem; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
.seconds {{ text-align: right; white-space: nowrap; }}
.ok, .failed {{ font-weight: 600; white-space: nowrap; }}
.ok {{ color: light-dark(#00593f, #3ad0a0); }}
.failed {{ color: light-dark(#a03500, #ff9a5c); }}
ul {{ margin: 0; padding-left: 1.2rem; }}
@media (max-width: 40rem) {{
  thead {{ display: none; }}
  tr {{ display: block; border-top: 1px solid #8886; padding: .5rem 0; }}
  td {{ display: block; border: 0; padding: .1rem 0; text-align: left !important; }}
}}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<table>
<thead><tr><th>Notebook</th><th>Status</th><th class="seconds">Time</th><th>Claims</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""

ROW = """\
<tr>
<td>{name}</td>
<td><span class="{css}">{status}</span></td>
<td class="seconds">{seconds:.1f} s</td>
<td>{story}</td>
</tr>"""


def render(results: Sequence[Result], profile: str, seconds: float) -> str:
    """The whole page. Links are relative to the folder that holds it and notebooks/."""
    claims = sum(len(result.claims) for result in results)
    kept = sum(result.kept for result in results)
    done = sum(not result.failure for result in results)
    return PAGE.format(
        title=f"Learning with noisy labels: the notebooks, {escape(profile)} profile",
        summary=f"{done} of {len(results)} notebooks ran to their last cell in {seconds:.0f} s; "
        f"{kept} of their {claims} claims hold.",
        rows="\n".join(_row(result) for result in results),
    )


def _row(result: Result) -> str:
    failed = bool(result.failure)
    return ROW.format(
        name=_links(result),
        css="failed" if failed else "ok",
        status="failed" if failed else "ok",
        seconds=result.seconds,
        story=escape(result.failure) if failed else _claims(result),
    )


def _links(result: Result) -> str:
    """The page to read and the notebook to open, or the bare name where nothing was executed."""
    name = escape(result.name)
    note = f"<br><small>{escape(result.note)}</small>" if result.note else ""
    if not result.executed:
        return name + note
    to = f"notebooks/{name}"
    return f'<a href="{to}.html">{name}</a> <small>(<a href="{to}.ipynb">.ipynb</a>)</small>{note}'


def _claims(result: Result) -> str:
    if not result.claims:
        return "none made"
    missed = [_missed(claim) for claim in result.claims if not claim["holds"]]
    counted = f"{result.kept} of {len(result.claims)} hold"
    return counted + (f"<ul>{''.join(missed)}</ul>" if missed else "")


def _missed(claim: dict) -> str:
    detail = f" ({escape(str(claim['detail']))})" if claim["detail"] else ""
    return f"<li>does not hold: {escape(claim['text'])}{detail}</li>"
