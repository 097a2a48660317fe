"""The nets: sizes counted by hand, halves that make the whole, initial weights, refusals."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, stack_module_state

from lnl_core.errors import InputError
from lnl_core.nets import NETS, Net, build_net, net_names

GREY, COLOUR = (1, 28, 28), (3, 32, 32)
#: Those that read images; those that read token ids are in `test_text_nets.py`.
ELSEWHERE = ("alexnet", "inception-resnet-v2")  # and those that have a test file of their own
IMAGE_NETS = [n for n, spec in NETS.items() if spec.reads == "numbers" and n not in ELSEWHERE]
#: The pre-activation ones for small images; the others have tests of their own.
PHOTOGRAPHS = ("resnet34", "resnet50")
RESNETS = [name for name in IMAGE_NETS if "resnet" in name and name not in PHOTOGRAPHS]
PATRINI_NETS = ["mlp", "resnet14", "resnet32", "resnet44"]
#: Too slow to be drawn again and again.
DEEP = ("resnet32", "resnet44", *PHOTOGRAPHS)


def make(name: str, shape: tuple[int, ...] = COLOUR, classes: int = 10, **options: object) -> Net:
    torch.manual_seed(0)
    return build_net(name, shape, classes, **options)


def batch(shape: tuple[int, ...], size: int = 4) -> torch.Tensor:
    return torch.randn(size, *shape, generator=torch.Generator().manual_seed(1))


def randomise_norms(net: nn.Module) -> None:
    """Give every batch norm a scale, shift and statistics of its own, as training would."""
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (norm.bias.data, norm.running_mean):
                tensor.normal_(0, 0.3)


# --- size, counted layer by layer -------------------------------------------------------------


def dense(fan_in: int, fan_out: int) -> int:
    return fan_in * fan_out + fan_out


def conv(side: int, fan_in: int, fan_out: int, bias: bool) -> int:
    return side * side * fan_in * fan_out + (fan_out if bias else 0)


def norm(channels: int) -> int:
    return 2 * channels  # a scale and a shift; running statistics are buffers


def patrini_size(depth: int, classes: int) -> int:
    n, total = (depth - 2) // 6, conv(3, 3, 16, True) + norm(16)
    plain = {c: 2 * (norm(c) + conv(3, c, c, True)) for c in (16, 32, 64)}
    total += n * plain[16] - norm(16)  # the very first block has no leading norm
    for c_in, c in ((16, 32), (32, 64)):
        widening = norm(c_in) + conv(3, c_in, c, True) + norm(c) + conv(3, c, c, True)
        total += widening + conv(1, c_in, c, True) + (n - 1) * plain[c]
    return total + norm(64) + dense(64, classes)


def tanaka_size(classes: int) -> int:
    total = conv(3, 3, 32, False)
    for c_in, c in ((32, 32), (32, 64), (64, 128)):
        total += norm(c_in) + conv(3, c_in, c, False) + norm(c) + conv(3, c, c, False)
        total += conv(1, c_in, c, False)
        total += 4 * 2 * (norm(c) + conv(3, c, c, False))
    return total + norm(128) + dense(128, classes)


def eighteen_size(classes: int, final_norm: bool) -> int:
    total = conv(3, 3, 64, False) + norm(64)
    for c_in, c in ((64, 64), (64, 128), (128, 256), (256, 512)):
        total += norm(c_in) + conv(3, c_in, c, False) + norm(c) + conv(3, c, c, False)
        total += conv(1, c_in, c, False) if c_in != c else 0
        total += 2 * (norm(c) + conv(3, c, c, False))
    return total + (norm(512) if final_norm else 0) + dense(512, classes)


def lenet_size(channels: int, left: int, classes: int) -> int:
    convolutions = conv(5, channels, 20, True) + conv(5, 20, 50, True)
    return convolutions + dense(50 * left * left, 500) + dense(500, classes)


def small_size(channels: int, left: int, classes: int) -> int:
    widths = (channels, 16, 32, 64)
    convolutions = [conv(3, a, b, False) + norm(b) for a, b in pairwise(widths)]
    return sum(convolutions) + dense(64 * left * left, 128) + norm(128) + dense(128, classes)


@pytest.mark.parametrize(
    ("name", "shape", "classes", "options", "size"),
    [
        ("mlp", (784,), 10, {}, 118_282),  # the issue's own number
        ("mlp", (784,), 10, {}, dense(784, 128) + dense(128, 128) + dense(128, 10)),
        ("mlp", (20,), 3, {"hidden": (7,)}, dense(20, 7) + dense(7, 3)),
        ("mlp", (20,), 3, {"hidden": ()}, dense(20, 3)),
        ("lenet", GREY, 10, {}, lenet_size(1, 4, 10)),  # 28 → 24 → 12 → 8 → 4
        ("lenet", COLOUR, 10, {}, lenet_size(3, 5, 10)),  # 32 → 28 → 14 → 10 → 5
        ("small-cnn", COLOUR, 10, {}, 156_442),  # the docstring's own number
        ("small-cnn", GREY, 3, {}, small_size(1, 3, 3)),  # 28 → 14 → 7 → 3
        ("resnet14", COLOUR, 10, {}, patrini_size(14, 10)),
        ("resnet32", COLOUR, 10, {}, patrini_size(32, 10)),
        ("resnet44", COLOUR, 100, {}, patrini_size(44, 100)),
        ("preact-resnet32", COLOUR, 10, {}, tanaka_size(10)),
        ("preact-resnet18", COLOUR, 100, {}, eighteen_size(100, False)),
        ("preact-resnet18", COLOUR, 10, {"final_norm": True}, eighteen_size(10, True)),
    ],
)
def test_parameter_count(name, shape, classes, options, size):
    assert sum(p.numel() for p in make(name, shape, classes, **options).parameters()) == size


@pytest.mark.parametrize(
    ("name", "depth"),
    [(name, int(name[-2:])) for name in RESNETS],  # a net's name ends in its depth
)
def test_depth_counts_the_layers_on_the_longest_path(name, depth):
    layers = [m for m in make(name).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    off_path = [m for m in layers if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert len(layers) - len(off_path) == depth


# --- the contract of every net ----------------------------------------------------------------

SMALLEST = {"mlp": 1, "lenet": 16, "matconvnet-cifar": 16, "resnet34": 32, "resnet50": 32}


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from([n for n in IMAGE_NETS if n not in DEEP]),
    channels=st.integers(1, 3),
    extra=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    classes=st.integers(2, 5),
    training=st.booleans(),
)
def test_logits_are_the_head_of_the_features(name, channels, extra, classes, training):
    smallest = SMALLEST.get(name, 8)
    shape = (channels, smallest + extra[0], smallest + extra[1])
    net = build_net(name, shape, classes).train(training)
    x = batch(shape, 2)
    features = net.features(x)
    assert features.shape == (2, net.feature_dim)
    assert net(x).shape == (2, classes)
    # Running statistics have moved in training mode, but only evaluation reads them.
    torch.testing.assert_close(net(x), net.head(net.features(x)), rtol=0, atol=0)
    assert net(x).isfinite().all()


@pytest.mark.parametrize("name", IMAGE_NETS)
def test_same_seed_same_weights(name):
    first, second = (make(name).state_dict() for _ in range(2))
    torch.manual_seed(1)
    other = build_net(name, COLOUR, 10).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    weights = [key for key in first if key.endswith("weight") and first[key].dim() > 1]
    assert weights
    assert not any(torch.equal(first[key], other[key]) for key in weights)


@pytest.mark.parametrize("name", IMAGE_NETS)
def test_gradients_reach_every_parameter(name):
    # In evaluation mode: in training, batch norm cancels a preceding convolution's bias.
    net = make(name).eval()
    randomise_norms(net)
    nn.functional.cross_entropy(net(batch(COLOUR)), torch.arange(4)).backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("name", IMAGE_NETS)
def test_a_training_step_never_reads_a_value(name):
    """On the meta device there is none to read: .item(), masks and branches on data raise."""
    net = make(name, shape=COLOUR).to("meta")
    x, y = torch.empty(4, *COLOUR, device="meta"), torch.empty(4, 10, device="meta")
    nn.functional.cross_entropy(net(x), y).backward()


@pytest.mark.parametrize("name", IMAGE_NETS)
def test_input_is_left_as_it_was(name):
    x = batch(COLOUR)
    before = x.clone()
    make(name)(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "name", ["lenet", "small-cnn", "resnet14", "preact-resnet32", "preact-resnet18"]
)
def test_channels_last_changes_nothing(name):
    net, x = make(name).eval(), batch(COLOUR)
    expected = net(x)
    actual = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "lenet", "resnet14", "preact-resnet18"])
def test_bf16_autocast_stays_close(name):
    net, x = make(name).eval(), batch(COLOUR)
    with torch.autocast("cpu", torch.bfloat16):
        low = net(x)
    expected = net(x)
    assert low.dtype == torch.bfloat16
    assert (low.float() - expected).norm() < 0.05 * expected.norm()


@pytest.mark.parametrize(("name", "shape"), [("mlp", (20,)), ("resnet14", (3, 16, 16))])
def test_a_stack_of_two_equals_each_alone(name, shape):
    nets = [build_net(name, shape, 4).eval() for _ in range(2)]
    for net in nets:
        randomise_norms(net)
    x = torch.stack([batch(shape), batch(shape) + 1])
    stacked = torch.func.vmap(lambda state, x: functional_call(nets[0], state, (x,)))
    together = stacked(stack_module_state(nets), x)
    for i, net in enumerate(nets):
        torch.testing.assert_close(together[i], net(x[i]), rtol=1e-4, atol=1e-5)


# --- initial weights --------------------------------------------------------------------------


def fan_in(layer: nn.Module) -> int:
    return layer.weight[0].numel()


def body_layers(net: Net) -> list[nn.Module]:
    return [m for m in net.modules() if hasattr(m, "weight") and m.weight.dim() > 1][:-1]


@pytest.mark.parametrize("name", [*PATRINI_NETS, "lenet", "small-cnn", "preact-resnet32"])
def test_body_is_he_normal(name):
    net = make(name)
    assert net.head not in body_layers(net)
    # In units of He's standard deviation: all together must be a standard normal, and each
    # layer of n weights have a spread within 5 standard errors, 1 / sqrt(2 n), of one.
    scaled = [layer.weight * math.sqrt(fan_in(layer) / 2) for layer in body_layers(net)]
    for weights in scaled:
        assert weights.std().item() == pytest.approx(1, abs=5 / math.sqrt(2 * weights.numel()))
    together = torch.cat([weights.flatten() for weights in scaled])
    assert together.mean().item() == pytest.approx(0, abs=5 / math.sqrt(together.numel()))
    # 4.55% of a normal lies beyond two deviations; Keras' truncated normal has nothing there.
    assert (together.abs() > 2).float().mean().item() == pytest.approx(0.0455, abs=0.005)


@pytest.mark.parametrize("name", [n for n in IMAGE_NETS if n != "preact-resnet18"])
def test_biases_start_at_zero_and_norms_at_identity(name):
    for module in make(name).modules():
        if getattr(module, "bias", None) is not None:
            assert not module.bias.any()
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()


@pytest.mark.parametrize("name", PATRINI_NETS)
def test_output_layer_is_uniform_by_default(name):
    weights = make(name, classes=100).head.weight
    assert weights.abs().max().item() == pytest.approx(0.05, abs=0.001)
    assert weights.abs().max() <= 0.05
    assert weights.std().item() == pytest.approx(0.05 / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("name", PATRINI_NETS)
def test_keras_init_is_a_truncated_normal_in_every_layer(name):
    net = make(name, classes=100, init="keras")
    for layer in [*body_layers(net), net.head]:
        spread = math.sqrt(2 / fan_in(layer))
        assert layer.weight.abs().max() <= 2 * spread
        # The standard deviation of a standard normal cut at 2 is 0.8796.
        tolerance = 5 / math.sqrt(2 * layer.weight.numel())
        assert layer.weight.std().item() == pytest.approx(0.8796 * spread, rel=tolerance)


@pytest.mark.parametrize("name", ["lenet", "small-cnn", "preact-resnet32"])
def test_output_layer_is_lecun_normal(name):
    head = make(name, classes=100).head
    assert head.weight.std().item() == pytest.approx(math.sqrt(1 / head.in_features), rel=0.05)


def test_preact_resnet18_keeps_pytorch_initial_weights():
    for layer in body_layers(make("preact-resnet18")):  # uniform within 1 / sqrt(fan_in)
        assert layer.weight.abs().max() <= 1 / math.sqrt(fan_in(layer))
        assert layer.weight.std().item() == pytest.approx(1 / math.sqrt(3 * fan_in(layer)), rel=0.1)


# --- each architecture ------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [0.2, 0.5])
def test_dropout_follows_the_relu_in_training_only(dropout):
    net, x = make("mlp", (50,), hidden=(400,), dropout=dropout), batch((50,), 64)
    whole = make("mlp", (50,), hidden=(400,)).features(x)  # the same seed, the same weights
    assert torch.equal(net.eval().features(x), whole)
    dropped = net.train().features(x)
    alive = dropped > 0
    torch.testing.assert_close(dropped[alive], whole[alive] / (1 - dropout))
    assert (alive.sum() / (whole > 0).sum()).item() == pytest.approx(1 - dropout, abs=0.03)


def test_every_hidden_layer_drops():
    """If the last alone did, what it leaves alive would show its value in evaluation, scaled."""
    net, x = make("mlp", (50,), hidden=(400, 400), dropout=0.5), batch((50,), 64)
    whole, dropped = net.eval().features(x), net.train().features(x)
    assert torch.isclose(dropped, 2 * whole)[dropped > 0].float().mean() < 0.01


def test_mlp_is_dense_relu_dense_relu_dense():
    net, x = make("mlp", (50,), hidden=(30, 20)).double(), batch((50,)).double()
    randomised = [p.data.normal_(0, 0.3) for p in net.parameters()]
    w1, b1, w2, b2, w3, b3 = randomised
    hidden = (x @ w1.T + b1).clamp(min=0)
    torch.testing.assert_close(net(x), (hidden @ w2.T + b2).clamp(min=0) @ w3.T + b3)


def test_mlp_flattens_images():
    net = make("mlp", GREY)
    x = batch(GREY)
    torch.testing.assert_close(net(x), make("mlp", (784,))(x.reshape(4, 784)))


def test_the_only_relu_of_lenet_is_the_last():
    """On constant images every pooling window holds equal values, so the rest is affine."""
    net = make("lenet", GREY)
    flat = torch.full((1, *GREY), 0.3)
    up, origin, down = (net.body[:-1](x) for x in (flat, torch.zeros_like(flat), -flat))
    torch.testing.assert_close(up - origin, origin - down)
    assert (up.abs() > 1e-3).float().mean() > 0.9  # not affine because it is nothing
    assert (net.features(batch(GREY)) >= 0).all()


@pytest.mark.parametrize("name", RESNETS)
def test_a_silent_block_is_an_identity(name):
    """Nothing but the sum stands on the path from block to block: that is pre-activation."""
    net = make(name).eval()
    randomise_norms(net)
    for stage in net.stages:
        for block in stage:
            nn.init.zeros_(block.conv2.weight)
            if block.conv2.bias is not None:
                nn.init.zeros_(block.conv2.bias)
    x = net.stem(batch(COLOUR, 2)) - 1.0  # negative values too: a ReLU on the path would show
    for stage in net.stages:
        rest = stage if stage[0].shortcut is None else stage[1:]
        entered = x if rest is stage else stage[0](x)
        assert torch.equal(rest(entered), entered)
        x = stage(x)


@pytest.mark.parametrize("name", ["resnet14", "resnet44"])
def test_patrini_shortcut_is_a_projection_of_the_raw_input(name):
    net = make(name).eval()
    randomise_norms(net)
    assert [stage[0].shortcut is not None for stage in net.stages] == [False, True, True]
    block = net.stages[1][0]
    nn.init.zeros_(block.conv2.weight)
    nn.init.normal_(block.shortcut.bias)
    x = batch((16, 8, 8))
    weight, bias = block.shortcut.weight[:, :, 0, 0], block.shortcut.bias
    expected = torch.einsum("oc,bchw->bohw", weight, x[:, :, ::2, ::2]) + bias[:, None, None]
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(
    ("name", "projected"),
    [("preact-resnet32", [True] * 3), ("preact-resnet18", [False, True, True, True])],
)
def test_other_shortcuts_project_the_activated_input(name, projected):
    net = make(name).eval()
    randomise_norms(net)
    assert [stage[0].shortcut is not None for stage in net.stages] == projected
    assert all(block.shortcut is None for stage in net.stages for block in stage[1:])
    block = net.stages[1][0]
    nn.init.zeros_(block.conv2.weight)
    x = batch((block.conv1.in_channels, 8, 8))
    activated = block.pre[0](x).clamp(min=0)[:, :, ::2, ::2]
    expected = torch.einsum("oc,bchw->bohw", block.shortcut.weight[:, :, 0, 0], activated)
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet14", "preact-resnet32"])
def test_block_is_norm_relu_conv_twice(name):
    net = make(name).eval()
    randomise_norms(net)
    block = net.stages[0][1]
    x = batch((block.conv1.in_channels, 8, 8))
    inner = block.conv1(torch.relu(block.pre[0](x)))
    torch.testing.assert_close(block(x), x + block.conv2(torch.relu(block.norm2(inner))))


def test_stems_and_first_blocks():
    """Norm-ReLU behind the stem, and again at the head of the first block?"""
    images, found = batch(COLOUR), {}
    for name in RESNETS:
        net = make(name).eval()
        x = net.stem(images)
        first = net.stages[0][0]
        found[name] = (bool((x >= 0).all()), not torch.equal(first.pre(x - 1), x - 1))
    assert found == {
        "resnet14": (True, False),
        "resnet32": (True, False),
        "resnet44": (True, False),
        "preact-resnet32": (False, True),
        "preact-resnet18": (True, True),
    }


@pytest.mark.parametrize(
    ("name", "options", "normalised"),
    [
        ("resnet14", {}, True),
        ("preact-resnet32", {}, True),
        ("preact-resnet18", {}, False),
        ("preact-resnet18", {"final_norm": True}, True),
    ],
)
def test_norm_and_relu_before_the_pooling(name, options, normalised):
    net, x = make(name, **options).eval(), batch(COLOUR)
    maps = net.stages(net.stem(x))
    if normalised:
        randomise_norms(net.final)
        maps = net.final[0](maps).clamp(min=0)
    torch.testing.assert_close(net.features(x), maps.mean((2, 3)))


@pytest.mark.parametrize(
    ("options", "momentum", "eps"),
    [({}, 0.1, 1e-5), ({"norm": "torch"}, 0.1, 1e-5), ({"norm": "keras"}, 0.01, 1e-3)],
)
def test_every_batch_normalisation_has_the_constants_of_the_library_asked_for(
    options, momentum, eps
):
    net = make("resnet14", **options)
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 13  # one before each 3x3 convolution but the first, and the last
    assert {(module.momentum, module.eps) for module in norms} == {(momentum, eps)}


def test_resnets_halve_twice_or_three_times():
    sizes = {}
    for name in RESNETS:
        net = make(name, (3, 20, 16)).eval()
        sizes[name] = tuple(net.stages(net.stem(batch((3, 20, 16), 1))).shape[1:])
    assert sizes.pop("preact-resnet32") == (128, 5, 4)
    assert sizes.pop("preact-resnet18") == (512, 3, 2)
    assert set(sizes.values()) == {(64, 5, 4)}


# --- the registry, and refusals ---------------------------------------------------------------


def test_registry():
    assert net_names() == list(NETS)
    assert all(spec.summary and "\n" not in spec.summary for spec in NETS.values())
    assert NETS["mlp"].options == {"hidden": (128, 128), "dropout": 0.0, "init": "text"}
    assert NETS["resnet14"].options == {"init": "text", "norm": "torch"}
    assert NETS["lenet"].options == {"init": "fan-in"}


KNOWN = ", ".join(sorted(NETS))
TOO_SMALL = "use 'mlp', which takes vectors and images of any size."


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        (
            "resnet41",
            COLOUR,
            {},
            f"unknown net 'resnet41': did you mean 'resnet44'? Known: {KNOWN}.",
        ),
        (
            "mlp",
            COLOUR,
            {"droput": 0.2},
            "unknown mlp option 'droput': did you mean 'dropout'? Known: dropout, hidden, init.",
        ),
        (
            "resnet32",
            COLOUR,
            {"depth": 44},
            "unknown resnet32 option 'depth': Known: init, norm.",
        ),
        ("lc-cnn", GREY, {"dropout": 0.5}, "net 'lc-cnn' takes no options: leave out 'dropout'."),
        (
            "resnet14",
            (784,),
            {},
            "net 'resnet14' needs images (C, H, W) of at least 8x8 pixels, and input_shape is "
            f"(784,): {TOO_SMALL}",
        ),
        (
            "preact-resnet18",
            (3, 32, 7),
            {},
            "net 'preact-resnet18' needs images (C, H, W) of at least 8x8 pixels, and "
            f"input_shape is (3, 32, 7): {TOO_SMALL}",
        ),
        (
            "lenet",
            (1, 15, 28),
            {},
            "net 'lenet' needs images (C, H, W) of at least 16x16 pixels, and input_shape is "
            f"(1, 15, 28): {TOO_SMALL}",
        ),
        (
            "mlp",
            (28, 28),
            {},
            "input_shape = (28, 28) must be positive integers, (C, H, W) for images or (D,) for "
            "vectors, without the batch dimension.",
        ),
        (
            "mlp",
            COLOUR,
            {"dropout": 1.0},
            "dropout = 1.0 must be a number in [0, 1): 0 turns it off, 0.2 is what Patrini et al. "
            "ran, 0.5 what they printed.",
        ),
        (
            "mlp",
            COLOUR,
            {"hidden": (128, 0)},
            "hidden = (128, 0) must be a list of positive integers, one per hidden layer, such as "
            "(128, 128).",
        ),
        (
            "resnet14",
            COLOUR,
            {"init": "keros"},
            "unknown init 'keros': did you mean 'keras'? Known: keras, text.",
        ),
        (
            "resnet32",
            COLOUR,
            {"norm": "keros"},
            "unknown norm 'keros': did you mean 'keras'? Known: keras, torch.",
        ),
    ],
)
def test_refusals_say_value_range_and_way_out(name, shape, options, message):
    with pytest.raises(InputError) as error:
        build_net(name, shape, 10, **options)
    assert str(error.value) == message


@pytest.mark.parametrize("classes", [1, 0, -3, 2.0])
def test_too_few_classes(classes):
    with pytest.raises(InputError) as error:
        build_net("mlp", (4,), classes)
    assert str(error.value) == (
        f"num_classes = {classes} must be an integer of at least 2: one output a class."
    )


@pytest.mark.parametrize("dropout", [-0.1, 1, 5, float("nan"), "half"])
def test_dropout_outside_its_range(dropout):
    with pytest.raises(InputError, match=r"must be a number in \[0, 1\)"):
        build_net("mlp", (4,), 2, dropout=dropout)


@pytest.mark.parametrize("hidden", [128, "128", (0,), (12.5,), (-1, 5)])
def test_hidden_that_is_no_list_of_widths(hidden):
    with pytest.raises(InputError, match="must be a list of positive integers"):
        build_net("mlp", (4,), 2, hidden=hidden)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 32), (1, 3, 32, 32), (3.0, 32, 32), 784])
def test_shapes_that_are_none(shape):
    with pytest.raises(InputError, match=r"without the batch dimension\."):
        build_net("mlp", shape, 2)
