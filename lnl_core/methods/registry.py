"""Names → methods. A method is a class, or a recipe of several `fit` calls; both are run alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lnl_core.errors import InputError, unknown_name
from lnl_core.methods.base import Method

if TYPE_CHECKING:
    from lnl_core.run import Run

#: A generator function of a `Run` and the method's options that yields what `Run.fit` yields.
Recipe = Callable[..., Iterator[Any]]


@dataclass(frozen=True)
class Entry:
    """One method as the `lnl` command, the notebooks and the tests know it.

    `version` is raised by hand when a change alters results: records of older versions are then
    no longer taken for this method's. `stacks`: whether runs of it may be trained as one; a
    recipe says so by an attribute of that name.
    """

    name: str
    summary: str
    paper: str
    recipe: Recipe
    options: tuple[str, ...]
    method: type[Method] | None
    version: int
    stacks: bool


_REGISTRY: dict[str, Entry] = {}


def register(
    name: str, how: type[Method] | Recipe, summary: str, paper: str = "", version: int = 1
) -> None:
    """Give a method its name. `how` is a `Method` class, or a recipe (two stages and more).

    `paper` is the module of `lnl_core.papers` whose settings are its defaults. Registering a
    name again replaces it, so that a notebook cell can be run twice.
    """
    is_class = isinstance(how, type)
    skip = how.nets + 1 if is_class else 1  # the nets and the data; or the run
    parameters = list(inspect.signature(how).parameters)
    _REGISTRY[name] = Entry(
        name=name,
        summary=summary,
        paper=paper,
        recipe=_one_stage(how) if is_class else how,
        options=tuple(parameters[skip:]),
        method=how if is_class else None,
        version=version,
        stacks=vars(how).get("stacks", False),
    )


def get_method(name: str) -> Entry:
    """The method of that name; `InputError` with the nearest name if there is none."""
    if name not in _REGISTRY:
        raise unknown_name("method", name, _REGISTRY)
    return _REGISTRY[name]


def method_names() -> list[str]:
    return list(_REGISTRY)


def check_options(entry: Entry, options: dict[str, Any]) -> None:
    for name in options:
        if name not in entry.options:
            known = ", ".join(entry.options) or "none"
            raise InputError(
                f"method '{entry.name}' has no option {name!r}: its options are {known}."
            )


def _one_stage(cls: type[Method]) -> Recipe:
    def recipe(run: Run, **options: Any) -> Iterator[Any]:
        method = run.build(cls, **options)
        yield from run.fit(method)
        learned = method.estimates()
        run.estimates |= {name: value.cpu().numpy() for name, value in learned.items()}

    return recipe
