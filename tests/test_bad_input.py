"""Bad input: each public function of `lnl_core` refuses it in one sentence. See `bad_input/`."""

from __future__ import annotations

import inspect
import pkgutil

import numpy as np
import pytest
import torch
from bad_input.borders import BORDERS
from bad_input.inside import INSIDE
from bad_input.surface import public_functions
from bad_input.values import names_of, right, wrong
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lnl_core
from lnl_core.contract import takes
from lnl_core.errors import InputError

PUBLIC = {str(function): function for function in public_functions()}
CONTRACTS = [name for name, function in PUBLIC.items() if function.has_contract]
#: They need an argument that no pattern describes: their own tests call them.
OTHERS = {
    "losses.divide.uniform_selection",
    "losses.supervised_contrastive.interpolated_contrastive",
}
FORMULAS = [name for name in CONTRACTS if name.startswith("losses.") and name not in OTHERS]
#: Classes that the package exports and nobody makes by hand, or that have no input.
NOT_MADE = {"DivergedError", "EpochRecord", "InputError", "Method", "NoisyData", "Step"}

few = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def is_inside(name: str) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in INSIDE)


def one_sentence(call) -> str:
    """What the call is refused with."""
    with pytest.raises(InputError) as caught:
        result = call()
        if inspect.isgenerator(result):
            next(result)
    text = str(caught.value)
    assert text and "\n" not in text and len(text) < 2000, text
    return text


# --- nothing is left out ------------------------------------------------------------------------


def test_every_public_function_is_in_the_catalogue():
    missing = [
        name
        for name, function in PUBLIC.items()
        if function.takes_something
        and not function.has_contract
        and name not in BORDERS
        and not is_inside(name)
    ]
    assert not missing, f"give {missing} a contract, or a place in tests/bad_input/"


def test_nothing_in_the_catalogue_is_gone():
    for place in INSIDE:
        assert any(name == place or name.startswith(f"{place}.") for name in PUBLIC), place
    for name in BORDERS:
        assert pkgutil.resolve_name(f"lnl_core.{name}") is not None
        assert not is_inside(name)


def test_every_class_that_the_package_exports_is_in_the_catalogue():
    classes = [n for n in lnl_core.__all__ if inspect.isclass(getattr(lnl_core, n))]
    with_contract = {name for name in classes if hasattr(getattr(lnl_core, name).__init__, "takes")}
    at_borders = {name.rpartition(".")[2] for name in BORDERS}
    assert set(classes) <= with_contract | at_borders | NOT_MADE
    assert {"Run", "TrainingSet"} <= with_contract


# --- contracts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*CONTRACTS, "run.Run", "data.batches.TrainingSet"])
@few
@given(data=st.data())
def test_a_contract_refuses_what_does_not_fit(name, data):
    exported = name.rpartition(".")[2]
    call = PUBLIC[name].load() if name in PUBLIC else getattr(lnl_core, exported)
    function = inspect.unwrap(call, stop=lambda f: hasattr(f, "takes"))
    patterns = (call.__init__ if inspect.isclass(call) else function).takes
    sizes, arguments, bound = {}, {}, set()
    chosen = data.draw(st.sampled_from(list(patterns)))
    for parameter, pattern in patterns.items():
        arguments[parameter] = right(pattern, sizes)
        if parameter == chosen:
            arguments[parameter] = data.draw(wrong(pattern, sizes, bound))
            break
        bound |= names_of(pattern)
    # What comes behind it in the signature is never looked at.
    others = inspect.signature(call).parameters.values()
    rest = {
        p.name: None
        for p in others
        if p.default is p.empty and p.name not in arguments and p.kind is not p.VAR_KEYWORD
    }
    text = one_sentence(lambda: call(**arguments, **rest))
    assert f": {chosen} is " in text and ", but it must be " in text


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_takes_what_fits_and_gives_numbers(name):
    """One model and a stack of them; no NaN and no infinity."""
    function = PUBLIC[name].load()
    for leading in ((4,), (2, 4)):
        sizes: dict[str, int] = {}
        arguments = {n: right(p, sizes, leading) for n, p in function.takes.items()}
        result = torch.as_tensor(function(**arguments))
        assert result.isfinite().all()


@takes(logits="... K", target="int ... | ... K", share="fraction")
def example(logits, target, share=0.5):
    return logits


LOGITS, TARGETS = torch.rand(4, 3), torch.tensor([0, 2, 1, 0])


def test_the_sentence_names_function_argument_value_and_what_would_do():
    text = one_sentence(lambda: example(LOGITS, TARGETS[:3]))
    assert text == (
        "example: target is int64 [3], but it must be a tensor int64 [...] or float [..., K], here "
        "with ... = [4], K = 3."
    )
    text = one_sentence(lambda: example(LOGITS, TARGETS, share=20))
    assert text == "example: share is 20, but it must be a number in [0, 1]."


def test_what_has_passed_lets_nothing_else_pass():
    """Types and shapes that fit are remembered: those alone, and each in its place."""
    for _ in range(2):
        example(LOGITS, TARGETS, 1.0)
        example(LOGITS, target=torch.rand(4, 3))
        example(LOGITS, TARGETS, np.int64(1))
        one_sentence(lambda: example(LOGITS, TARGETS, np.int64(2)))
        one_sentence(lambda: example(TARGETS, LOGITS, 1.0))
        one_sentence(lambda: example(LOGITS, TARGETS, True))
        one_sentence(lambda: example(LOGITS, target=torch.rand(3, 4)))
        one_sentence(lambda: example(LOGITS[:2], TARGETS))


def test_an_argument_that_is_missing_is_pythons_to_say():
    with pytest.raises(TypeError, match="missing 1 required"):
        example(LOGITS)


# --- what checks by itself ----------------------------------------------------------------------


@pytest.mark.parametrize("name", BORDERS)
def test_a_border_refuses_every_case(name, monkeypatch, tmp_path):
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    for place, call in enumerate(BORDERS[name]):
        try:
            one_sentence(call)
        except BaseException as error:
            raise AssertionError(f"case {place} of {name}") from error
