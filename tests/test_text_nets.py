"""The nets that read token ids: sizes by hand, halves that make the whole, dropout, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lnl_core.errors import InputError
from lnl_core.nets import NETS, Net, build_net
from lnl_core.nets.init import PATRINI_INITS

LENGTH, WORDS = 12, 30
SMALL: dict[str, dict] = {
    "word-embedding": {"dimensions": 6},
    "lstm": {"dimensions": 6, "units": 5, "hidden": 7},
}
TEXT_NETS = [name for name, spec in NETS.items() if spec.reads == "tokens"]


def make(name: str, seed: int = 0, classes: int = 2, **options: object) -> Net:
    torch.manual_seed(seed)
    return build_net(name, (LENGTH,), classes, vocabulary=WORDS, **SMALL[name] | options)


def tokens(size: int = 4) -> torch.Tensor:
    return torch.randint(WORDS, (size, LENGTH), generator=torch.Generator().manual_seed(1))


# --- the contract of every net ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "vocabulary", "options", "size"),
    [
        # The paper's: 5000 words of 50 dimensions, 400 places of 50 to two classes.
        ("word-embedding", 5000, {}, 5000 * 50 + 400 * 50 * 2 + 2),
        # As printed, then as the code has it: four gates of an input and a state, and two biases.
        (
            "lstm",
            5000,
            {},
            5000 * 256 + 4 * 512 * (256 + 512 + 2) + 512 * 513 + 513 * 2,
        ),
        (
            "lstm",
            5000,
            {"dimensions": 512},
            5000 * 512 + 4 * 512 * (512 + 512 + 2) + 512 * 513 + 513 * 2,
        ),
    ],
)
def test_parameter_count(name, vocabulary, options, size):
    net = build_net(name, (400,), 2, vocabulary=vocabulary, **options)
    assert sum(p.numel() for p in net.parameters()) == size


@pytest.mark.parametrize("name", TEXT_NETS)
def test_logits_are_the_head_of_the_features(name):
    net = make(name, classes=3).eval()
    features = net.features(tokens())
    assert features.shape == (4, net.feature_dim)
    assert net(tokens()).shape == (4, 3)
    assert torch.equal(net(tokens()), net.head(features))


@pytest.mark.parametrize("name", TEXT_NETS)
def test_same_seed_same_weights(name):
    first, again, other = (make(name, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    weights = [key for key in first if "weight" in key]
    assert not any(torch.equal(first[key], other[key]) for key in weights)


@pytest.mark.parametrize("name", TEXT_NETS)
def test_gradients_reach_every_trained_parameter(name):
    net = make(name).eval()
    x = torch.arange(LENGTH * 4).reshape(4, LENGTH) % WORDS  # every word is somewhere
    nn.functional.cross_entropy(net(x), torch.tensor([0, 1, 1, 0])).backward()
    silent = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent == ({"lstm.bias_hh_l0"} if name == "lstm" else set())
    assert net.embedding.weight.grad.any(1).all()


@pytest.mark.parametrize("name", TEXT_NETS)
def test_order_of_words_matters(name):
    net = make(name).eval()
    net.embedding.weight.data.normal_()
    assert not torch.allclose(net(tokens()), net(tokens().flip(1)), atol=1e-4)


@pytest.mark.parametrize("name", TEXT_NETS)
def test_evaluation_is_deterministic_and_dropout_is_not(name):
    options = {"dropout": 0.5} | ({"embedding_dropout": 0.5} if name == "lstm" else {})
    net = make(name, **options)
    assert not torch.equal(net(tokens()), net(tokens()))
    net.eval()
    assert torch.equal(net(tokens()), net(tokens()))
    assert torch.equal(net(tokens()), make(name).eval()(tokens()))


# --- what they compute ------------------------------------------------------------------------


def test_word_embedding_is_relu_of_each_word_side_by_side():
    net = make("word-embedding").eval()
    expected = torch.cat(
        [net.embedding.weight[tokens()[:, place]].clamp(min=0) for place in range(LENGTH)], 1
    )
    assert torch.equal(net.features(tokens()), expected)


def test_lstm_is_the_textbooks_recurrence_then_dense_and_relu():
    net = make("lstm").double().eval()
    for p in net.parameters():
        p.data.normal_(0, 0.4)
    w, u = net.lstm.weight_ih_l0, net.lstm.weight_hh_l0
    b = net.lstm.bias_ih_l0 + net.lstm.bias_hh_l0
    state = memory = torch.zeros(4, 5, dtype=torch.float64)
    for place in range(LENGTH):
        gates = net.embedding.weight[tokens()[:, place]] @ w.T + state @ u.T + b
        i, f, g, o = gates.split(5, 1)
        memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
        state = o.sigmoid() * memory.tanh()
    expected = (state @ net.dense.weight.T + net.dense.bias).clamp(min=0)
    torch.testing.assert_close(net.features(tokens()), expected)


def test_lstm_reads_a_big_batch_in_parts_with_the_same_result(monkeypatch):
    net = make("lstm").eval()
    whole = net(tokens(10))
    monkeypatch.setattr("lnl_core.nets.text.READ_AT_A_TIME", 3)
    torch.testing.assert_close(net(tokens(10)), whole)
    assert net(tokens(0)).shape == (0, 2)


def dropped(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Which values of the embedding are zero in a training pass: [B, L, D]."""
    net.embedding.weight.data.fill_(1.0)
    return net.train().features(x).unflatten(1, (LENGTH, -1)) == 0


def test_spatial_dropout_takes_a_dimension_at_every_place_or_at_none():
    net = make("word-embedding", dimensions=50, dropout=0.8, spatial=True)
    lost = dropped(net, tokens(200))
    assert torch.equal(lost.any(1), lost.all(1))
    assert lost[:, 0].double().mean() == pytest.approx(0.8, abs=0.02)  # of 10,000 draws
    assert not torch.equal(lost[0], lost[1])  # another draw for another review
    kept = net.features(tokens(200))
    assert kept.max().item() == pytest.approx(5.0)  # 1 / (1 - 0.8): the mean stays


def test_plain_dropout_takes_each_value_on_its_own():
    lost = dropped(make("word-embedding", dimensions=50, dropout=0.8, spatial=False), tokens(200))
    places = lost.double().mean(1)  # [B, D]: of twelve places, hardly ever all or none
    assert ((places > 0) & (places < 1)).double().mean() > 0.9
    assert lost.double().mean() == pytest.approx(0.8, abs=0.01)


def test_lstm_drops_dimensions_of_the_embedding():
    net = make("lstm", embedding_dropout=0.5)
    lost = net.train().embedding_dropout(torch.ones(50, LENGTH, 6)) == 0
    assert torch.equal(lost.any(1), lost.all(1))
    assert 0.3 < lost.double().mean() < 0.7


# --- initial weights --------------------------------------------------------------------------


def test_embeddings_and_lstm_inputs_are_uniform():
    weights = [
        build_net("word-embedding", (9,), 2, vocabulary=2000).embedding.weight,
        build_net("lstm", (9,), 2, vocabulary=2000).embedding.weight,
        build_net("lstm", (9,), 2, vocabulary=20).lstm.weight_ih_l0,
    ]
    for weight in weights:
        assert weight.abs().max() <= 0.05
        assert weight.std().item() == pytest.approx(0.1 / math.sqrt(12), rel=0.02)


def test_lstm_starts_as_in_keras():
    net = make("lstm", units=8)
    carried = net.lstm.weight_hh_l0.T @ net.lstm.weight_hh_l0  # of all four gates together
    torch.testing.assert_close(carried, torch.eye(8), rtol=0, atol=1e-5)
    bias = net.lstm.bias_ih_l0.view(4, 8)  # input, forget, cell, output
    assert bias[1].eq(1).all() and not bias[[0, 2, 3]].any()
    assert not net.lstm.bias_hh_l0.any() and not net.lstm.bias_hh_l0.requires_grad


@pytest.mark.parametrize("name", TEXT_NETS)
def test_init_says_how_the_output_layer_starts(name):
    options = {"dimensions": 50} if name == "word-embedding" else {"hidden": 400}
    text, keras = (make(name, classes=20, init=init, **options).head for init in PATRINI_INITS)
    assert text.weight.abs().max() <= 0.05
    spread = 0.88 * math.sqrt(2 / keras.in_features)
    assert keras.weight.std().item() == pytest.approx(spread, rel=0.03)
    assert not text.bias.any() and not keras.bias.any()


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "vocabulary", "options", "words"),
    [
        ("mlp", (9,), 30, {}, "reads images or vectors, but the data are sequences of token ids"),
        ("mlp", (9,), 30, {}, "use 'word-embedding' or 'lstm'"),
        ("lstm", (9,), None, {}, "reads sequences of token ids, but the data are images or vec"),
        ("lstm", (3, 8, 8), 30, {}, r"needs sequences of token ids \(L,\)"),
        ("word-embedding", (3, 8, 8), 30, {}, r"needs sequences of token ids \(L,\)"),
        ("word-embedding", (9,), 0, {}, "vocabulary = 0 must be"),
        ("word-embedding", (9,), 30, {"dimensions": 0}, "dimensions = 0 must be a positive"),
        ("word-embedding", (9,), 30, {"dropout": 1}, r"dropout = 1 must be a number in \[0, 1\)"),
        ("word-embedding", (9,), 30, {"dropout": True}, "dropout = True must be"),
        ("word-embedding", (9,), 30, {"spatial": "no"}, "spatial = 'no' must be True or False"),
        ("word-embedding", (9,), 30, {"init": "keros"}, "did you mean 'keras'"),
        ("lstm", (9,), 30, {"units": 2.5}, "units = 2.5 must be a positive integer"),
        ("lstm", (9,), 30, {"hidden": -1}, "hidden = -1 must be"),
        ("lstm", (9,), 30, {"dimensions": True}, "dimensions = True must be"),
        ("lstm", (9,), 30, {"embedding_dropout": -0.1}, "dropout = -0.1 must be"),
        ("lstm", (9,), 30, {"spatial": True}, "unknown lstm option 'spatial'"),
    ],
)
def test_refusals_say_value_range_and_way_out(name, shape, vocabulary, options, words):
    with pytest.raises(InputError, match=words):
        build_net(name, shape, 2, vocabulary=vocabulary, **options)
