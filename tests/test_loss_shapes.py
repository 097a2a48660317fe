"""The loss-shapes explorer: shapes against formulas by hand, and its controls turned."""

import numpy as np
import pytest
import training_helpers  # noqa: F401  (one thread)

from lnl_core import InputError
from lnl_core.widgets import LossShapesExplorer, loss_shapes, render_shapes


def near(p, found):
    return {name: np.interp(p, found.p, values) for name, values in found.pulls.items()}


def test_cross_entropy_is_minus_log_p_and_pulls_by_what_p_lacks():
    found = loss_shapes(classes=7)
    np.testing.assert_allclose(found.values["cross-entropy"], -np.log(found.p))
    np.testing.assert_allclose(found.pulls["cross-entropy"], 1 - found.p, atol=1e-12)


def test_a_pull_is_minus_the_slope_over_the_label_s_score():
    found = loss_shapes(classes=4, beta=0.6, points=4001)
    score = np.log(3 * found.p / (1 - found.p))
    for name, values in found.values.items():
        kink = np.abs(score) < 0.01  # where the hard bootstrap's own label changes
        slope = -np.gradient(values, score)
        np.testing.assert_allclose(
            found.pulls[name][2:-2][~kink[2:-2]], slope[2:-2][~kink[2:-2]], atol=2e-3
        )


def test_bounded_losses_let_a_disbelieved_label_go_and_cross_entropy_does_not():
    pulls = near(0.01, loss_shapes())
    assert pulls["cross-entropy"] == pytest.approx(0.99, abs=0.01)
    assert pulls["savage"] < 0.002 and pulls["unhinged"] == pytest.approx(0.1)


def test_beta_is_the_bootstraps_alone_and_one_makes_them_cross_entropy():
    half, one = loss_shapes(beta=0.5), loss_shapes(beta=1)
    for name in half.values:
        changed = not np.allclose(half.values[name], one.values[name])
        assert changed == name.startswith("bootstrap")
    np.testing.assert_allclose(one.values["bootstrap-soft"], one.values["cross-entropy"])
    np.testing.assert_allclose(one.values["bootstrap-hard"], one.values["cross-entropy"])


def test_the_picture_shows_the_shapes_as_they_are_or_each_on_its_own_scale():
    found = loss_shapes(own={"mine": lambda v, y: 3 * (1 - v.softmax(-1)[:, 0])})
    left, right = render_shapes(found, relative=False).axes
    for line, (name, values) in zip(left.lines[:-1], found.values.items(), strict=True):
        assert line.get_label() == name
        np.testing.assert_array_equal(line.get_ydata(), values)
    np.testing.assert_array_equal(right.lines[-3].get_ydata(), found.pulls["mine"])
    left, right = render_shapes(found).axes
    for line in left.lines[:-1]:
        assert (line.get_ydata().min(), line.get_ydata().max()) == (0, pytest.approx(1))
    assert all(np.abs(line.get_ydata()).max() <= 1 + 1e-12 for line in right.lines)


@pytest.mark.parametrize("classes, name", [(10, "1/K = 0.1"), (3, "1/K = 0.33")])
def test_a_line_marks_where_a_network_starts(classes, name):
    figure = render_shapes(loss_shapes(classes))
    for axis in figure.axes:
        line = axis.lines[-1]
        assert list(line.get_xdata()) == [1 / classes] * 2
    assert figure.legends[0].get_texts()[-1].get_text() == name


def test_every_control_changes_the_picture_and_reset_brings_it_back():
    explorer = LossShapesExplorer()
    seen = [explorer.image.value]
    for control, value in ((explorer.classes, 3), (explorer.beta, 0.2), (explorer.relative, False)):
        control.value = value
        assert explorer.error.value == "" and explorer.image.value not in seen
        seen.append(explorer.image.value)
    explorer.reset.click()
    assert explorer.image.value == seen[0]


def test_a_loss_that_is_averaged_is_refused_in_one_sentence():
    with pytest.raises(InputError, match=r"the loss mine gives shape \[\] for 199 samples"):
        LossShapesExplorer({"mine": lambda v, y: v.mean()})
