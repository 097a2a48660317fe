"""The train-and-watch explorer: state, compute and render as functions, then its controls."""

import ast
import csv
import io

import pytest
from training_helpers import random_dataset
from widget_helpers import cut

from lnl_core import InputError, load_dataset
from lnl_core.train import EpochRecord
from lnl_core.widgets import Choice, TrainAndWatchExplorer, Watched, choice, render_watched
from lnl_core.widgets import train_and_watch as module
from lnl_core.widgets.training import Stand
from lnl_core.widgets.watching import train_choice

RANDOM = Choice(data="random", epochs=3)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture
def explorer(tmp_path):
    return TrainAndWatchExplorer([random_dataset()], RANDOM, folder=tmp_path)


def trained(wanted=RANDOM):
    return [s for s in train_choice(wanted, random_dataset()) if isinstance(s, Stand)]


# --- state --------------------------------------------------------------------------------------


def test_what_cannot_be_trained_has_a_reason(digits):
    for wanted in (Choice(), Choice("backward")):
        assert choice.obstacle(wanted, digits) == ""
    for wanted, dataset, reason in (
        (Choice("clean-only"), digits, "needs trusted samples, and digits has none"),
        (Choice(noise="asymmetric"), random_dataset(), "no map of look-alikes"),
        (Choice(lr=-1.0), digits, "the learning rate"),
        (Choice("backward", rate=0.9), digits, "cannot be inverted"),
    ):
        assert reason in choice.obstacle(wanted, dataset)


def test_the_code_makes_the_same_config(digits):
    wanted = Choice("forward", noise="asymmetric", rate=0.3, lr=0.02, seed=4, epochs=7)
    tree = ast.parse(choice.as_code(wanted))
    assignment = next(n for n in tree.body if getattr(n, "targets", [None])[0] is not None)
    names: dict = {}
    exec(compile(ast.Module([*tree.body[:2], assignment], []), "cell", "exec"), names)
    assert names["config"] == choice.config_of(wanted, digits)


def test_the_paper_s_noise_is_from_its_tables(digits):
    found = choice.by_the_paper(Choice("flywheel", lr=1.0, epochs=2), digits)
    assert (found.noise, found.rate) == ("symmetric-inclusive", 0.2)
    assert found.lr != 1.0 and found.epochs == 40
    with pytest.raises(InputError, match="no noise for can"):
        choice.by_the_paper(Choice("can"), digits)


def test_a_run_as_csv_has_a_line_an_epoch():
    watched = trained()[-1].state
    rows = list(csv.DictReader(io.StringIO(choice.as_csv(RANDOM, watched.history))))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row, record in zip(rows, watched.history, strict=True):
        assert row["method"] == "cross-entropy" and row["noise"] == "symmetric"
        assert float(row["test_accuracy"]) == record.test_accuracy


# --- compute and render -------------------------------------------------------------------------


def test_an_epoch_is_a_stand_and_later_ones_do_not_change_it():
    found = trained()
    assert [(s.done, s.total, len(s.state.history)) for s in found] == [
        (1, 3, 1), (2, 3, 2), (3, 3, 3)
    ]  # fmt: skip
    assert all(isinstance(record, EpochRecord) for record in found[-1].state.history)


def test_the_total_grows_with_the_stages_of_a_recipe():
    found = trained(Choice("joint", data="random", epochs=3, lr=0.05))
    assert found[0].total == 3 and (found[-1].done, found[-1].total) == (6, 6)


def test_the_picture_shows_the_run_and_the_ghost():
    first, *_, last = (stand.state for stand in trained())
    left, right = render_watched(last, ghost=first).axes
    (ghost, line) = left.lines
    assert list(line.get_ydata()) == [record.test_accuracy for record in last.history]
    assert list(ghost.get_ydata()) == [first.history[0].test_accuracy]
    assert ghost.get_linestyle() == "--" and len(right.lines) == 6
    assert not render_watched(Watched(RANDOM)).axes[0].lines


# --- the explorer -------------------------------------------------------------------------------


def train(explorer):
    explorer.train.click()
    assert explorer.wait(60) and explorer.error.value == ""


def test_train_draws_pin_keeps_a_ghost_and_reset_clears_both(explorer):
    seen = [explorer.image.value]
    train(explorer)
    seen.append(explorer.image.value)
    explorer.pin.click()
    explorer.lr.value = 0.2
    train(explorer)
    seen.append(explorer.image.value)
    assert len(set(seen)) == 3 and explorer.status.value == "done"
    assert len(explorer.draw().axes[0].lines) == 2
    explorer.reset.click()
    assert explorer.choice == RANDOM and explorer.image.value == seen[0]
    assert not explorer.draw().axes[0].lines and explorer.status.value == ""


def test_a_control_draws_nothing_that_stands_there_already(explorer, monkeypatch):
    """The picture is of the run, and only before one of the choice: the answer must be instant."""
    train(explorer)
    drawn = []
    monkeypatch.setattr(
        module, "render_watched", lambda *runs: drawn.append(runs) or render_watched(*runs)
    )
    explorer.lr.value, explorer.rate.value, explorer.seed.value = 0.3, 0.1, 5
    assert not drawn and explorer.choice.seed == 5
    explorer.pin.click()
    assert len(drawn) == 1
    explorer.reset.click()
    assert len(drawn) == 2
    explorer.lr.value = 0.3  # its title says so
    assert len(drawn) == 3
    explorer.method.value = "joint"
    explorer.paper.click()
    assert len(drawn) == 5 and explorer.error.value == ""


def test_no_name_and_no_choice_is_cut(explorer):
    assert cut(explorer) == []


def test_an_impossible_choice_turns_train_off_and_says_why(explorer):
    explorer.noise.value = "asymmetric"
    assert explorer.train.disabled and "no map of look-alikes" in explorer.why.value
    explorer.noise.value = "symmetric"
    assert not explorer.train.disabled and explorer.why.value == ""


def test_paper_settings_turn_the_controls(explorer):
    explorer.method.value = "can"
    assert explorer.paper.disabled and "no noise" in explorer.paper.tooltip
    explorer.method.value = "joint"
    explorer.paper.click()
    assert (explorer.noise.value, explorer.rate.value) == ("symmetric-inclusive", 0.1)
    assert explorer.error.value == ""


def test_copy_shows_the_code_and_save_writes_the_run(explorer, tmp_path):
    explorer.save.click()
    assert "press Train first" in explorer.error.value and not list(tmp_path.iterdir())
    train(explorer)
    explorer.copy.click()
    assert "'cross-entropy'" in explorer.code.value and explorer.code.layout.display is None
    explorer.save.click()
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".csv" and len(path.read_text().splitlines()) == 4
    assert explorer.error.value == "" and str(path) in explorer.status.value


def test_no_two_runs_are_saved_as_one_file(explorer, tmp_path):
    for lr, epochs, files in ((0.05, 3, 1), (0.2, 3, 2), (0.2, 2, 3)):
        explorer.lr.value, explorer.epochs.value = lr, epochs
        train(explorer)
        explorer.save.click()
        explorer.save.click()  # the same again is the same file
        assert explorer.error.value == "" and len(list(tmp_path.iterdir())) == files
    assert (tmp_path / "cross-entropy-random-symmetric-0.4-lr0.2-epochs2-seed0.csv").exists()


def test_a_file_with_other_content_is_kept(tmp_path):
    history = trained()[-1].state.history
    first = choice.save_csv(RANDOM, history, tmp_path)
    before = first.read_text()
    others = [choice.save_csv(RANDOM, history[:n], tmp_path) for n in (2, 1, 2)]
    assert first.read_text() == before and others[0] == others[2]
    assert [path.name for path in others[:2]] == [f"{first.stem}-{n}.csv" for n in (2, 3)]


def test_a_run_that_diverges_is_a_sentence(explorer, monkeypatch):
    def broken(*_):
        raise RuntimeError("loss is nan")
        yield

    monkeypatch.setattr(module, "train_choice", broken)
    explorer.train.click()
    assert explorer.wait(60) and "loss is nan" in explorer.error.value


def test_an_explorer_that_is_broken_from_the_start_raises(monkeypatch):
    """What fails a headless run: nobody is there to read a sentence."""
    monkeypatch.setattr(module, "render_watched", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        TrainAndWatchExplorer([random_dataset()], RANDOM)


def test_data_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="random is multi-label"):
        TrainAndWatchExplorer([random_dataset(multi_label=True)])
    with pytest.raises(InputError, match="give it one or more"):
        TrainAndWatchExplorer([])
