"""Names → methods. A method is a class, or a recipe of several `fit` calls; both are run alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lnl_core.contract import takes
from lnl_core.errors import InputError, unknown_name
from lnl_core.methods.base import Method

if TYPE_CHECKING:
    from lnl_core.run import Run

#: A generator function of a `Run` and the method's options that yields what `Run.fit` yields.
Recipe = Callable[..., Iterator[Any]]

#: What some methods must be told of the noise, and nobody is told outside an experiment.
NEEDS = {
    "T": "the transition matrix that made the noise",
    "noise rate": "the share of wrong labels",
    "clean labels": "some samples whose labels are known to be right",
}


@dataclass(frozen=True)
class Entry:
    """One method as the `lnl` command, the notebooks and the tests know it.

    `version` is raised by hand when a change alters results: records of older versions are then
    no longer taken for this method's. `stacks`: whether runs of it may be trained as one. `nets`:
    how many it trains side by side, or "stages" where one comes after another. A recipe says both
    by attributes of its function of those names. `fixed`: the options that make this method out of
    one with more, such as an ablation; they are no options of it. `defaults` has the options that
    it does have, and their defaults (`inspect.Parameter.empty` for none). `source` is the paper
    that the method is from, as "Han et al. 2018", where `paper` is the one whose settings it takes;
    `needs` what it must be told, unless an option tells it: names in `NEEDS`.
    """

    name: str
    summary: str
    paper: str
    recipe: Recipe
    defaults: dict[str, Any]
    method: type[Method] | None
    version: int
    stacks: bool
    nets: str
    fixed: dict[str, Any] = field(default_factory=dict)
    module: str = ""
    source: str = ""
    needs: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(self.defaults)

    @property
    def family(self) -> str:
        """The folder of `lnl_core/methods` that the method lies in; "" for what lies elsewhere."""
        package, _, module = self.module.partition("lnl_core.methods.")
        return "" if package else module.partition(".")[0] * ("." in module)


_REGISTRY: dict[str, Entry] = {}


@takes(
    name="text", how=Callable, summary="text", paper="text", version="whole",
    fixed=(dict, type(None)), source="text", needs=tuple,
)  # fmt: skip
def register(
    name: str,
    how: type[Method] | Recipe,
    summary: str,
    paper: str = "",
    version: int = 1,
    fixed: dict[str, Any] | None = None,
    source: str = "",
    needs: tuple[str, ...] = (),
) -> None:
    """Give a method its name. `how` is a `Method` class, or a recipe (two stages and more), and
    `fixed` those of its options that are always so under this name.

    `paper` is the module of `lnl_core.papers` whose settings are its defaults; `source` and `needs`
    as in `Entry`. Registering a name again replaces it, so that a notebook cell can be run twice.
    """
    is_class = isinstance(how, type)
    skip = how.nets + 1 if is_class else 1  # the nets and the data; or the run
    parameters = dict(list(inspect.signature(how).parameters.items())[skip:])
    fixed = fixed or {}
    for option in fixed:
        if option not in parameters:
            raise InputError(f"method '{name}' fixes {option!r}, which is no option of {how}.")
    for need in needs:
        if need not in NEEDS:
            raise unknown_name("need", need, NEEDS)
    _REGISTRY[name] = Entry(
        name=name,
        summary=summary,
        paper=paper,
        recipe=_recipe(how, fixed),
        defaults={name: p.default for name, p in parameters.items() if name not in fixed},
        method=how if is_class else None,
        version=version,
        stacks=vars(how).get("stacks", False),
        nets=str(how.nets if is_class else vars(how).get("nets", "stages")),
        fixed=fixed,
        module=how.__module__,
        source=source,
        needs=needs,
    )


@takes(name="text")
def get_method(name: str) -> Entry:
    """The method of that name; `InputError` with the nearest name if there is none."""
    if name not in _REGISTRY:
        raise unknown_name("method", name, _REGISTRY)
    return _REGISTRY[name]


def method_names() -> list[str]:
    return list(_REGISTRY)


@takes(entry=Entry, options=dict)
def check_options(entry: Entry, options: dict[str, Any]) -> None:
    for name in options:
        if name not in entry.options:
            known = ", ".join(entry.options) or "none"
            raise InputError(
                f"method '{entry.name}' has no option {name!r}: its options are {known}."
            )


def _recipe(how: type[Method] | Recipe, fixed: dict[str, Any]) -> Recipe:
    run_all = _one_stage(how) if isinstance(how, type) else how
    if not fixed:
        return run_all

    def recipe(run: Run, **options: Any) -> Iterator[Any]:
        return run_all(run, **fixed, **options)

    return recipe


def _one_stage(cls: type[Method]) -> Recipe:
    def recipe(run: Run, **options: Any) -> Iterator[Any]:
        method = run.build(cls, **options)
        yield from run.fit(method)
        run.estimates |= method.estimates()

    return recipe
