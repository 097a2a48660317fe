"""`docs/methods.md` says what the registry, the records and the measured costs say."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest
from ledger_helpers import TABLE, cell_record
from training_helpers import finish, random_dataset, small_config

from lnl_core import InputError, Run
from lnl_core.ledger import methods_page as module
from lnl_core.ledger import survey as surveying
from lnl_core.ledger.methods_page import methods_page
from lnl_core.ledger.records import project_folder
from lnl_core.ledger.survey import survey
from lnl_core.methods import get_method, method_names, register, registry
from lnl_core.methods.robust.bootstrap import BootstrapSoft

COSTS = {
    "device": "A Processor", "noise": "symmetric-inclusive:0.5", "repeats": 3, "epochs": 4,
    "settings": {
        "digits": {"net": "mlp", "samples": 600, "costs": {"forward": {"update": 1.04, "epoch": 2}}}
    },
}  # fmt: skip


@pytest.fixture
def page(monkeypatch, tmp_path):
    """The page of one paper with one table and the given records and costs."""

    def make(records=(), costs=None):
        settings = {"mnist": {"code": {}, "text": {}}}
        paper = SimpleNamespace(TABLES=(TABLE,), CLAIMS=(), SETTINGS=settings)
        for place in (module, surveying):
            monkeypatch.setattr(place, "PAPERS", {"patrini2017": paper})
        monkeypatch.setattr(surveying, "results_folder", lambda name, profile: list(records))
        monkeypatch.setattr(module, "costs_file", lambda: tmp_path / "costs.json")
        if costs is not None:
            (tmp_path / "costs.json").write_text(json.dumps(costs))
        return methods_page(survey())

    return make


def row_of(text: str, method: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| `{method}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_committed_page_is_what_the_registry_says():
    stored = project_folder("results").parent.parent / "docs" / "methods.md"
    assert stored.read_text() == methods_page(survey()), "run `lnl report`"


def test_every_method_has_one_row_under_its_family_with_the_familys_sentence(page):
    text = page()
    for name in method_names():
        family = get_method(name).family
        [section] = [part for part in text.split("\n## ") if f"\n| `{name}` |" in part]
        assert section.startswith(f"{family or 'baseline'}\n"), name
        assert row_of(text, name)[0] == f"`{name}`"
    assert "## transition\n\nThe noise as a transition matrix, known, estimated first" in text


def test_a_row_says_what_the_entry_says(page):
    text = page()
    whence, told, nets, stacks, protocols = row_of(text, "forward")[1:6]
    assert (whence, told, nets, stacks) == ("Patrini et al. 2017", "T", "1", "yes")
    assert protocols == "code, text (patrini2017)"
    assert row_of(text, "co-teaching")[1:5] == ["Han et al. 2018", "noise rate", "2", "—"]
    assert row_of(text, "forward-fine-tuned")[2:4] == ["T, clean labels", "stages"]
    assert "`weight_u=25.0`, `threshold=0.5`" in text
    assert "* `flywheel-no-cr`: without the confidence regulariser." in text
    assert "Always `regularisation=0.0`." in text


def test_a_recipe_that_trains_once_by_default_is_not_said_to_have_stages(page):
    text = page()
    for name in (name for name in method_names() if get_method(name).method is None):
        dataset = random_dataset()
        run = finish(Run(small_config(name, epochs=1), device="cpu", dataset=dataset))
        several = len({record.stage for record in run.history}) > 1
        trained = "stages" if several else str(run.method.nets)
        assert row_of(text, name)[3].partition(";")[0] == trained, name
    assert row_of(text, "moit")[3] == "1; stages with `plus`"


def test_published_cells_are_counted_by_verdict(page):
    text = page([cell_record("forward", "asymmetric:0.6", 0.97)])
    cells = len(TABLE.columns)
    assert row_of(text, "forward")[6] == f"1 match, {cells - 1} not run"
    assert row_of(text, "backward")[6] == f"{cells} not run"
    assert row_of(text, "can")[6] == "—"


def test_costs_are_printed_where_they_were_measured_and_a_dash_elsewhere(page):
    text = page(costs=COSTS)
    assert row_of(text, "forward")[7] == "1.0, 2.0"
    assert row_of(text, "backward")[7] == "—"
    assert "A Processor" in text and "digits, 600 samples, mlp" in text


def test_without_measured_costs_the_page_says_so(page):
    text = page()
    assert "Not measured yet" in text and "cost: digits" not in text


def test_what_a_method_is_said_to_need_it_does_need_and_nothing_else():
    for name in method_names():
        dataset = random_dataset()
        run = Run(small_config(name, epochs=1, dataset=dataset), device="cpu", dataset=dataset)
        run.data = dataclasses.replace(run.data, transition_matrix=None, trusted=None)
        if get_method(name).needs:
            with pytest.raises(InputError):
                finish(run)
        else:
            finish(run)


def test_a_need_that_is_none_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    with pytest.raises(InputError, match="noise rate"):
        register("mine", BootstrapSoft, "", needs=("noise rte",))
