"""The registry: names, families, and options that are fixed under a name."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from training_helpers import finish, small_run

import lnl_core.methods
from lnl_core.errors import InputError
from lnl_core.methods import get_method, method_names, register, registry
from lnl_core.methods.baseline import CrossEntropy
from lnl_core.methods.neighbours.moit import MOIT
from lnl_core.methods.robust.bootstrap import BootstrapSoft

FOLDERS = {
    path.parent.name for path in Path(lnl_core.methods.__file__).parent.glob("*/__init__.py")
}


def test_every_method_but_the_baseline_has_a_family_and_every_family_a_method():
    families = {name: get_method(name).family for name in method_names()}
    assert [name for name, family in families.items() if not family] == ["cross-entropy"]
    assert set(families.values()) - {""} == FOLDERS


def test_what_a_reader_registers_has_no_family(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    register("mine", type("Mine", (CrossEntropy,), {"__module__": "__main__"}), "of a notebook")
    assert get_method("mine").family == ""


def test_a_fixed_option_is_always_so_and_no_option_any_more(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    register("quarter", BootstrapSoft, "β of 0.25", fixed={"beta": 0.25})
    assert get_method("quarter").options == ()
    assert finish(small_run("quarter")).method.beta == 0.25
    with pytest.raises(InputError, match="no option 'beta'"):
        small_run("quarter", options={"beta": 0.5})


def test_what_is_no_option_cannot_be_fixed():
    with pytest.raises(InputError, match="fixes 'zeal'"):
        register("zealous", BootstrapSoft, "", fixed={"zeal": 1})
    assert "zealous" not in method_names()


def test_the_ablations_are_the_method_with_one_thing_fixed():
    for name, option in (("no-cr", "regularisation"), ("no-cl", "contrast")):
        assert finish(small_run(f"flywheel-{name}")).method.__dict__[option] == 0
    assert not finish(small_run("flywheel-fixed-epsilon")).method.refine_epsilon


def test_a_recipe_may_have_a_methods_options_beside_its_own():
    own = list(inspect.signature(MOIT).parameters.values())[2:]
    assert get_method("moit").defaults == {each.name: each.default for each in own} | {
        "plus": False
    }
