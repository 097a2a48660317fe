"""The noise protocols: each matrix against one written by hand, each draw against its matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from lnl_core.errors import InputError
from lnl_core.noise import ASYMMETRIC_MAPS, FIXED_FLIPS, PROTOCOLS, Noise, parse_noise
from lnl_core.transition import realised_matrix

few = settings(max_examples=40, deadline=None)
rates = st.floats(0, 1)
draws = pytest.mark.parametrize("draw", ["bernoulli", "exact"])

# --- matrices written by hand ---------------------------------------------------------------------

# Patrini et al. 2017, Section 5.1: 2→7, 3→8, 5↔6, 7→1, here at a rate of 0.6.
MNIST_AT_60 = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0.4, 0, 0, 0, 0, 0.6, 0, 0],
        [0, 0, 0, 0.4, 0, 0, 0, 0, 0.6, 0],
        [0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0.4, 0.6, 0, 0, 0],
        [0, 0, 0, 0, 0, 0.6, 0.4, 0, 0, 0],
        [0, 0.6, 0, 0, 0, 0, 0, 0.4, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]
)
# The same section: truck→automobile, bird→airplane, deer→horse, cat↔dog, in CIFAR-10's order
# airplane automobile bird cat deer dog frog horse ship truck, at a rate of 0.2.
CIFAR10_AT_20 = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0.2, 0, 0.8, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0.8, 0, 0.2, 0, 0, 0, 0],
        [0, 0, 0, 0, 0.8, 0, 0, 0.2, 0, 0],
        [0, 0, 0, 0.2, 0, 0.8, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        [0, 0.2, 0, 0, 0, 0, 0, 0, 0, 0.8],
    ]
)
SYMMETRIC_AT_30 = np.array(
    [[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.1, 0.1, 0.1, 0.7]]
)
INCLUSIVE_AT_40 = np.array(
    [[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.1, 0.1, 0.1, 0.7]]
)
OF_ITS_OWN = np.array([[0.5, 0.3, 0.2], [0, 1, 0], [0.25, 0.25, 0.5]])

BY_HAND = {
    "mnist-asymmetric": (Noise("mnist-asymmetric", 0.6), MNIST_AT_60),
    "cifar10-asymmetric": (Noise("cifar10-asymmetric", 0.2), CIFAR10_AT_20),
    "symmetric": (Noise("symmetric", 0.3), SYMMETRIC_AT_30),
    "symmetric-inclusive": (Noise("symmetric-inclusive", 0.4), INCLUSIVE_AT_40),
    "none": (Noise("none"), np.eye(3)),
    "matrix": (Noise("matrix", matrix=OF_ITS_OWN), OF_ITS_OWN),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_matrix_is_the_one_written_by_hand(name):
    noise, expected = BY_HAND[name]
    np.testing.assert_allclose(noise.transition_matrix(len(expected)), expected, atol=1e-15)


def test_asymmetric_uses_the_datasets_own_map():
    noise = Noise("asymmetric", 0.6)
    np.testing.assert_allclose(noise.transition_matrix(10, "mnist"), MNIST_AT_60)
    cifar = Noise("asymmetric", 0.2).transition_matrix(10, "cifar10")
    np.testing.assert_allclose(cifar, CIFAR10_AT_20)
    digits = noise.transition_matrix(10, "digits")
    assert {(i, j) for i, j in np.argwhere(digits == 0.6)} == {
        (8, 1),
        (3, 8),
        (5, 9),
        (9, 5),
        (4, 7),
    }


# CIFAR-100's map is tested in test_cifar100.py, those with flips of a fixed share on their own.
TEN_CLASSES = sorted(set(ASYMMETRIC_MAPS) - {"cifar100"} - set(FIXED_FLIPS))


@pytest.mark.parametrize("dataset", TEN_CLASSES)
def test_every_map_leads_from_a_class_to_another_of_ten(dataset):
    pairs = ASYMMETRIC_MAPS[dataset]
    assert pairs
    assert all(clean != noisy for clean, noisy in pairs.items())
    assert set(pairs) | set(pairs.values()) <= set(range(10))


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")  # pixels that are always 0
def test_digits_map_names_the_commonest_confusions():
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.neighbors import NearestCentroid

    images, labels = load_digits(return_X_y=True)
    confusions = np.zeros((10, 10))
    for model in (LogisticRegression(max_iter=300), NearestCentroid()):
        guesses = cross_val_predict(model, images / 16, labels, cv=3)
        np.add.at(confusions, (labels, guesses), 1)
    np.fill_diagonal(confusions, 0)
    for clean, noisy in ASYMMETRIC_MAPS["digits"].items():
        assert confusions[clean, noisy] >= np.sort(confusions[clean])[-2]  # first or second


def test_imdb_noise_is_fixed_one_way_and_the_rate_the_other():
    """Patrini et al. 2017, Section 5.1: 0→1 at 5%, 1→0 at N."""
    expected = [[0.95, 0.05], [0.4, 0.6]]
    named = Noise("imdb-asymmetric", 0.4).transition_matrix(2)
    np.testing.assert_allclose(named, expected)
    for dataset in ("imdb", "reviews"):
        own = Noise("asymmetric", 0.4).transition_matrix(2, dataset)
        np.testing.assert_allclose(own, expected)


@few
@given(st.floats(0, 1, exclude_min=True))
def test_imdb_noise_has_its_fixed_part_at_every_rate_but_zero(rate):
    t = Noise("imdb-asymmetric", rate).transition_matrix(2)
    np.testing.assert_allclose(t, [[0.95, 0.05], [rate, 1 - rate]], atol=1e-15)


@draws
def test_imdb_noise_at_rate_zero_is_none_as_in_the_authors_code(draw):
    noise = Noise("imdb-asymmetric", 0.0, draw=draw)
    np.testing.assert_array_equal(noise.transition_matrix(2), np.eye(2))
    labels = unbalanced(300, 2)
    np.testing.assert_array_equal(noise.corrupt(labels, 2, 0), labels)


def test_other_noise_on_imdb_has_no_fixed_part():
    t = Noise("symmetric", 0.1).transition_matrix(2, "imdb")
    np.testing.assert_allclose(t, [[0.9, 0.1], [0.1, 0.9]])


@few
@given(rates, st.integers(2, 30), st.sampled_from(["symmetric", "symmetric-inclusive"]))
def test_symmetric_rows_sum_to_one_and_flip_the_stated_share(rate, size, name):
    t = Noise(name, rate).transition_matrix(size)
    np.testing.assert_allclose(t.sum(1), 1, rtol=1e-12)
    assert (t >= 0).all()
    flips = rate if name == "symmetric" else rate * (size - 1) / size
    np.testing.assert_allclose(1 - np.diag(t), flips, atol=1e-12)


@few
@given(rates, st.sampled_from(TEN_CLASSES))
def test_asymmetric_rows_sum_to_one(rate, dataset):
    t = Noise("asymmetric", rate).transition_matrix(10, dataset)
    np.testing.assert_allclose(t.sum(1), 1, rtol=1e-12)
    flips = [rate if k in ASYMMETRIC_MAPS[dataset] else 0 for k in range(10)]
    np.testing.assert_allclose(1 - np.diag(t), flips, atol=1e-12)


# --- draws ----------------------------------------------------------------------------------------


def unbalanced(count: int, size: int = 10) -> np.ndarray:
    """Labels of every class, some twice as frequent as others, in no order."""
    share = np.arange(size) % 2 + 1
    return np.random.default_rng(99).choice(size, count, p=share / share.sum())


DRAWN = {
    "symmetric": Noise("symmetric", 0.4),
    "symmetric-inclusive": Noise("symmetric-inclusive", 0.4),
    "mnist-asymmetric": Noise("mnist-asymmetric", 0.6),
    "matrix": Noise("matrix", matrix=np.random.default_rng(5).dirichlet(np.ones(10), 10)),
    "imdb-asymmetric": Noise("imdb-asymmetric", 0.4),
    "uniform-simplex": Noise("uniform-simplex", 0.5),
    "none": Noise("none"),
    "certain": Noise("mnist-asymmetric", 1.0),
}


@pytest.mark.parametrize("name", DRAWN)
def test_bernoulli_draw_follows_its_matrix(name):
    """Pearson's χ² of each clean class's counts against its row of T. 10 rows, 6 protocols: a
    level of 1e-6 a row, with a fixed seed; a rate off by 0.01 would miss it by far."""
    labels = unbalanced(200_000)
    noisy = DRAWN[name].corrupt(labels, 10, seed=3)
    t = DRAWN[name].transition_matrix(10, seed=3)
    for clean in range(10):
        counts = np.bincount(noisy[labels == clean], minlength=10)
        possible = t[clean] > 0
        assert counts[~possible].sum() == 0
        expected = counts.sum() * t[clean][possible]
        statistic = ((counts[possible] - expected) ** 2 / expected).sum()
        assert statistic <= chi2.isf(1e-6, max(possible.sum() - 1, 1))


@few
@given(st.integers(0, 2**32 - 1), rates, st.integers(50, 400), st.integers(2, 10))
def test_exact_draw_of_a_matrix_has_its_counts_in_every_class(seed, rate, count, size):
    rng = np.random.default_rng(seed)
    labels = rng.integers(size, size=count)
    t = (1 - rate) * np.eye(size) + rate * rng.dirichlet(np.ones(size), size)
    noisy = Noise("matrix", matrix=t, draw="exact").corrupt(labels, size, seed)
    for clean in range(size):
        counts = np.bincount(noisy[labels == clean], minlength=size)
        prescribed = t[clean] * (labels == clean).sum()
        assert counts.sum() == (labels == clean).sum()
        assert (np.abs(counts - prescribed) < 1 + 1e-6).all()  # never off by a whole one


def test_exact_asymmetric_draw_flips_the_rounded_share_of_each_class():
    labels = np.repeat(np.arange(10), [100, 100, 101, 102, 100, 103, 104, 105, 100, 100])
    noisy = Noise("mnist-asymmetric", 0.6, draw="exact").corrupt(labels, 10, seed=0)
    expected = np.diag([100, 100, 40, 41, 100, 41, 42, 42, 100, 100])
    # 0.6 of 101, 102, 103, 104, 105: 60.6, 61.2, 61.8, 62.4, 63.
    for (clean, wrong), flips in {
        (2, 7): 61,
        (3, 8): 61,
        (5, 6): 62,
        (6, 5): 62,
        (7, 1): 63,
    }.items():
        expected[clean, wrong] = flips
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, noisy), 1)
    np.testing.assert_array_equal(counts, expected)


def test_exact_draw_gives_the_remainder_to_the_largest_fractions():
    t = [[0.5, 0.3, 0.2], [0, 1, 0], [0, 0, 1]]
    noisy = Noise("matrix", matrix=np.array(t), draw="exact").corrupt(np.zeros(7, int), 3, seed=0)
    assert np.bincount(noisy).tolist() == [4, 2, 1]  # 3.5, 2.1, 1.4


@pytest.mark.parametrize(
    ("rate", "count", "touched"),
    [
        (0.2, 1000, 200),
        (0.7, 45000, 31500),
        (0.07, 100, 7),
        (0.1, 45, 5),
        (0, 50, 0),
        (1, 50, 50),
        (0.5, 3, 2),
    ],
)
def test_exact_symmetric_draw_touches_the_rounded_up_count(rate, count, touched):
    """In binary 0.07 · 100 is a little above 7, and 0.7 · 45000 a little below 31500."""
    labels = unbalanced(count)
    noisy = Noise("symmetric", rate, draw="exact").corrupt(labels, 10, seed=1)
    assert (noisy != labels).sum() == touched


@pytest.mark.parametrize("name", ["symmetric", "symmetric-inclusive"])
def test_exact_symmetric_draw_follows_its_matrix(name):
    labels = unbalanced(100_000)
    noise = Noise(name, 0.8, draw="exact")
    realised = realised_matrix(labels, noise.corrupt(labels, 10, seed=1), 10)
    # 6,000 or more a class: five standard deviations of a share are below 0.03.
    np.testing.assert_allclose(realised, noise.transition_matrix(10), atol=0.03)


@draws
def test_symmetric_noise_never_keeps_a_touched_label(draw):
    labels = unbalanced(20_000)
    noisy = Noise("symmetric", 1.0, draw=draw).corrupt(labels, 10, seed=2)
    assert (noisy != labels).all()
    assert set(noisy) == set(range(10))


@draws
def test_inclusive_noise_keeps_one_touched_label_in_k(draw):
    labels = unbalanced(20_000)
    noisy = Noise("symmetric-inclusive", 1.0, draw=draw).corrupt(labels, 10, seed=2)
    # Binomial: 2000 kept, standard deviation 42.
    assert abs((noisy == labels).sum() - 2000) < 5 * 42


@draws
def test_noise_reaches_every_part_of_the_data(draw):
    """A touched label may lie anywhere: the first tenth is as noisy as the last."""
    labels = np.zeros(20_000, int)
    noisy = Noise("symmetric", 0.5, draw=draw).corrupt(labels, 10, seed=4)
    for part in np.split(noisy != labels, 10):
        assert abs(part.mean() - 0.5) < 5 * np.sqrt(0.25 / 2000)


@draws
@pytest.mark.parametrize("name", ["symmetric", "symmetric-inclusive", "mnist-asymmetric", "matrix"])
def test_same_seed_same_labels_another_seed_others(name, draw):
    labels = unbalanced(500)
    noise = Noise(name, DRAWN[name].rate, DRAWN[name].matrix, draw=draw)
    first, again, other = (noise.corrupt(labels, 10, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@draws
@pytest.mark.parametrize("name", DRAWN)
def test_labels_given_are_left_alone(name, draw):
    labels = unbalanced(300)
    kept = labels.copy()
    labels.flags.writeable = False
    noisy = Noise(name.replace("certain", "mnist-asymmetric"), DRAWN[name].rate,
                  DRAWN[name].matrix, draw=draw).corrupt(labels, 10, seed=0)  # fmt: skip
    np.testing.assert_array_equal(labels, kept)
    assert noisy is not labels
    assert noisy.dtype == np.int64
    assert noisy.shape == labels.shape


@draws
@pytest.mark.parametrize("name", ["symmetric", "symmetric-inclusive", "mnist-asymmetric"])
def test_rate_zero_changes_nothing(name, draw):
    labels = unbalanced(300)
    np.testing.assert_array_equal(Noise(name, 0.0, draw=draw).corrupt(labels, 10, 0), labels)


def test_more_noise_of_one_seed_touches_the_same_labels_and_more():
    """Common random numbers: a sweep over rates compares like with like."""
    labels = np.zeros(2000, int)
    flipped = [
        set(np.flatnonzero(Noise("symmetric", rate).corrupt(labels, 2, 0)))
        for rate in (0.1, 0.3, 0.6)
    ]
    assert flipped[0] < flipped[1] < flipped[2]


# --- names ----------------------------------------------------------------------------------------


@few
@given(st.sampled_from([name for name, (rate, _) in PROTOCOLS.items() if rate]), rates)
def test_string_of_a_noise_parses_back_to_it(name, rate):
    noise = Noise(name, rate)
    assert parse_noise(str(noise)) == noise


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("none", Noise("none")),
        ("given", Noise("given")),
        (" symmetric:0.2 ", Noise("symmetric", 0.2)),
        ("mnist-asymmetric:1", Noise("mnist-asymmetric", 1.0)),
        ("symmetric:2e-1", Noise("symmetric", 0.2)),
    ],
)
def test_text_becomes_noise(text, noise):
    assert parse_noise(text) == noise
    assert parse_noise(text, draw="exact").draw == "exact"


@pytest.mark.parametrize(("rate", "text"), [(0.2, "0.2"), (1, "1"), (0, "0"), (1 / 3, str(1 / 3))])
def test_string_has_every_digit_and_no_more(rate, text):
    assert str(Noise("symmetric", rate)) == f"symmetric:{text}"


def test_given_noise_has_no_matrix_and_draws_nothing():
    assert Noise("given").transition_matrix(10) is None
    assert "come with the data" in message(Noise("given").corrupt, np.zeros(3, int), 2, 0)


@pytest.mark.parametrize("suffix", ["npy", "txt", "csv"])
def test_matrix_is_read_from_a_file(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    if suffix == "npy":
        np.save(path, OF_ITS_OWN)
    else:
        np.savetxt(path, OF_ITS_OWN, delimiter="," if suffix == "csv" else " ")
    noise = parse_noise(f"matrix:{path}")
    np.testing.assert_allclose(noise.transition_matrix(3), OF_ITS_OWN)
    assert str(noise) == f"matrix:{path}"


# --- bad input ------------------------------------------------------------------------------------


def message(call, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("rate", [-0.1, 1.0001, float("nan"), float("inf"), -float("inf"), 150])
def test_rate_outside_the_range_is_named_with_it(rate):
    for text in (
        message(Noise, "symmetric", rate),
        message(parse_noise, f"symmetric:{rate}"),
        message(Noise, "symmetric", np.float64(rate)),
    ):
        assert f"noise rate {float(rate):g}" in text.replace(".0 ", " ")
        assert "[0, 1]" in text
        assert "fractions" in text


@pytest.mark.parametrize(("rate", "meant"), [(20, "0.2"), (60, "0.6"), (100, "1"), (2.5, "0.025")])
def test_percentage_is_recognised(rate, meant):
    assert f"did you mean {meant}?" in message(parse_noise, f"symmetric:{rate}")
    assert f"did you mean {meant}?" in message(Noise, "symmetric", rate)


@pytest.mark.parametrize("rate", ["0.2", [0.2], 1j, np.complex64(0.2), np.bool_(1)])
def test_rate_that_is_no_number_is_called_that(rate):
    text = message(Noise, "symmetric", rate)
    assert repr(rate) in text
    assert "not a number" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("symetric:0.2", ["unknown noise 'symetric'", "did you mean 'symmetric'?", "Known:"]),
        ("symetric:lots", ["did you mean 'symmetric'?"]),
        ("Mnist-Asymmetric:0.2", ["did you mean 'mnist-asymmetric'?"]),
        ("xyzzy", ["unknown noise 'xyzzy'", "symmetric-inclusive"]),
        ("", ["unknown noise ''", "Known:"]),
        ("symmetric", ["needs a rate in [0, 1]", "symmetric:0.2"]),
        ("symmetric:", ["needs a rate", "symmetric:0.2"]),
        ("symmetric:20%", ["'20%'", "not a number", "symmetric:0.2"]),
        ("symmetric:0.2:0.3", ["'0.2:0.3'", "not a number"]),
        ("none:0.2", ["'none' takes no rate", "0.2", "leave it out"]),
        ("given:mine", ["'given' takes no rate", "mine"]),
        ("matrix", ["no transition matrix", "matrix:PATH"]),
        ("matrix:nowhere.npy", ["nowhere.npy", "matrix:PATH"]),
        ("matrix:/", ["'/'", "matrix:PATH"]),
    ],
)
def test_text_that_is_no_noise_is_answered_with_the_way_out(text, words):
    answer = message(parse_noise, text)
    for word in words:
        assert word in answer


def test_unknown_draw_is_refused():
    text = message(Noise, "symmetric", 0.2, draw="exactly")
    assert "'exactly'" in text
    assert "'bernoulli' or 'exact'" in text


def test_rate_for_a_protocol_without_one_is_refused():
    assert "takes no rate" in message(Noise, "none", 0.0)
    assert "needs a matrix" in message(Noise, "matrix")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["square"]),
        ("1 0\n0 1 0\n", ["cannot be read as a matrix", "one row a line"]),
        ("0.5;0.5\n0;1\n", ["cannot be read as a matrix"]),
        ("0.9 0.2\n0.1 0.8\n", ["row 0", "sums to 1.1", "transpose"]),
        ("0.9 nan\n0 1\n", ["nan", "[0, 1]"]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*input contained no data")
def test_file_that_holds_no_matrix_is_refused(tmp_path, content, words):
    (tmp_path / "t.txt").write_text(content)
    answer = message(parse_noise, f"matrix:{tmp_path / 't.txt'}")
    for word in words:
        assert word in answer


@pytest.mark.parametrize("rate", [0, 1, -0.0, np.float32(0.2), np.float64(0.2), np.int64(1)])
def test_rate_is_kept_as_a_float_of_python(rate):
    noise = Noise("symmetric", rate)
    assert type(noise.rate) is float and noise.rate == float(rate)
    assert not str(noise).startswith("symmetric:-")


@pytest.mark.parametrize("digits", [400, 5000])
def test_number_of_many_digits_is_cut_short(digits):
    assert len(message(Noise, "symmetric", 10**digits)) < 200
    assert len(message(Noise, "none", 10**digits)) < 200


def test_matrix_of_complex_numbers_is_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.eye(3) * (1 + 0j))
    assert "real numbers" in message(parse_noise, f"matrix:{tmp_path / 't.npy'}")


def test_damaged_or_pickled_npy_is_refused(tmp_path):
    path = tmp_path / "t.npy"
    np.save(path, np.eye(3))
    claims_much = path.read_bytes().replace(b"(3, 3), }", b"(3000000, 3000000), }")
    for content in (b"", b"\x93NUMPY", b"\xff" * 40, b"PK\3\4" + b"0" * 100, claims_much):
        path.write_bytes(content)
        assert "cannot be read as a matrix" in message(parse_noise, f"matrix:{path}")
    np.save(path, np.array([[{}, {}], [{}, {}]], dtype=object))
    assert "cannot be read as a matrix" in message(parse_noise, f"matrix:{path}")


def test_map_of_more_classes_than_the_data_have_is_refused():
    text = message(Noise("mnist-asymmetric", 0.2).transition_matrix, 5)
    for word in ("'mnist-asymmetric'", "class 8", "5 classes", "symmetric"):
        assert word in text
    text = message(Noise("cifar10-asymmetric", 0.2).corrupt, np.zeros(3, int), 9, seed=0)
    assert "class 9" in text


def test_dataset_without_a_map_is_told_what_to_use():
    text = message(Noise("asymmetric", 0.2).transition_matrix, 10, "my-data")
    for word in ("'my-data'", "no map", "mnist", "symmetric"):
        assert word in text


def test_matrix_of_another_size_is_refused():
    text = message(Noise("matrix", matrix=OF_ITS_OWN).transition_matrix, 10)
    assert "3x3" in text
    assert "10 classes" in text


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True, None])
def test_bad_seed_is_refused(seed):
    assert "2^32-1" in message(Noise("symmetric", 0.2).corrupt, np.zeros(3, int), 2, seed)


def test_noises_with_other_matrices_are_other_noises():
    one, other = np.eye(2), np.array([[0.9, 0.1], [0.0, 1.0]])
    assert Noise("matrix", matrix=one) == Noise("matrix", matrix=one.copy())
    assert Noise("matrix", matrix=one) != Noise("matrix", matrix=other)
