"""One module a paper: how its networks were trained, as printed and as its authors' code ran."""

from __future__ import annotations

from types import ModuleType

from lnl_core.contract import takes
from lnl_core.errors import InputError, unknown_name
from lnl_core.papers import jindal2019, kim2024, patrini2017, tanaka2018, yao2018

PAPERS: dict[str, ModuleType] = {
    "patrini2017": patrini2017,
    "jindal2019": jindal2019,
    "tanaka2018": tanaka2018,
    "yao2018": yao2018,
    "kim2024": kim2024,
}


def paper_datasets() -> set[str]:
    """The datasets that some paper here trains on, or a table of ours in its manner."""
    return {data for paper in PAPERS.values() for data in _settings_of(paper)}


def _settings_of(paper: ModuleType) -> dict[str, dict]:
    return paper.SETTINGS | getattr(paper, "OWN_SETTINGS", {})


@takes(data="text", preferred="text")
def paper_for(data: str, preferred: str) -> str | None:
    """The preferred paper if it trains on these data, else the first that does, else None."""
    order = [preferred, *PAPERS] if preferred in PAPERS else list(PAPERS)
    return next((name for name in order if data in PAPERS[name].SETTINGS), None)


@takes(paper="text", data="text", protocol="text?", net="text?")
def paper_settings(
    paper: str, data: str, protocol: str | None, net: str | None = None
) -> tuple[str, dict]:
    """The protocol that applies and its settings: keywords of `RunConfig`.

    Without a protocol, the first that the paper has for these data: `code` where the authors'
    code is known. Where the paper trained these data with several nets, `net` chooses: what stands
    under `nets` for it replaces the default net's settings, keyword by keyword. A net that the
    paper did not train changes nothing here. A paper's `OWN_SETTINGS`, of our
    tables in its manner, are found here and by nobody who does not name the paper. Raises
    `InputError` for a paper, dataset or protocol that is not there.
    """
    if paper not in PAPERS:
        raise unknown_name("paper", paper, PAPERS)
    by_data = _settings_of(PAPERS[paper])
    if data not in by_data:
        raise InputError(
            f"{paper} has no settings for {data!r} (it has {', '.join(by_data)}): choose one of "
            "those, or the profile 'laptop' or 'smoke'."
        )
    protocols = by_data[data]
    protocol = protocol or next(iter(protocols))
    if protocol not in protocols:
        raise InputError(
            f"{paper} has no protocol {protocol!r} for {data} here: use "
            f"{' or '.join(repr(name) for name in protocols)}."
        )
    settings = dict(protocols[protocol])
    own = settings.pop("nets", {}).get(net)
    if own is not None:
        settings |= {"net": net, "net_options": {}} | own
    return protocol, settings
