"""ImageNet's layout on a generated folder, AlexNet with frozen blocks, and top-5."""

from __future__ import annotations

import math
from urllib.error import URLError

import numpy as np
import pytest
import torch
from ledger_helpers import record_of
from PIL import Image
from training_helpers import finish, random_dataset, small_run

from lnl_core import InputError, Run, configure, load_dataset, make_noisy
from lnl_core.data.imagenet import load_imagenet
from lnl_core.ledger.tables import cell_config, get_table, table_cells
from lnl_core.nets import alexnet, build_net
from lnl_core.noise import parse_noise
from lnl_core.train import _top5

WNIDS = ("n01440764", "n01443537", "n02510455")
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three classes of plain colours: four and two images each, none of them square."""
    monkeypatch.setenv("LNL_DATA", str(tmp_path))
    draw = np.random.default_rng(0)
    for wnid, colour in zip(WNIDS, COLOURS, strict=True):
        for split, count in (("train", 4), ("val", 2)):
            place = tmp_path / "imagenet" / split / wnid
            place.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(-30, 31, (80, 100, 3)) + np.array(colour)
                image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
                image.save(place / f"{wnid}_{number}.JPEG")
    (tmp_path / "imagenet" / "train" / WNIDS[0] / "notes.txt").write_text("no image")
    return tmp_path / "imagenet"


def test_a_folder_is_a_class_and_nothing_is_read_but_names(folder):
    data = load_imagenet(folder)
    assert data.classes == WNIDS
    assert data.y_train.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.y_test.tolist() == [0, 0, 1, 1, 2, 2]
    assert tuple(data.x_train.shape) == (12, 3, 256, 256)
    assert data.source == "a folder in ImageNet's layout, 12 images"
    assert load_dataset("imagenet").fingerprint == data.fingerprint
    for label, image in zip(data.y_test.tolist(), data.x_test[torch.arange(6)], strict=True):
        assert image.float().mean((1, 2)).argmax() == label  # red, green, blue


def test_it_is_made_noisy_and_trained_on_as_table_3_says(folder, monkeypatch):
    data = make_noisy(load_imagenet(folder), parse_noise("random-k:0.5"), val_fraction=0)
    assert len(data.train) == 12 and data.transition_matrix.shape == (3, 3)
    weights = fake_weights(0.01)
    monkeypatch.setattr(alexnet, "_imagenet_weights", lambda: weights)
    config = configure("nnaqc", "imagenet", "random-k:0.1", profile="paper", epochs=1, batch_size=6)
    run = finish(Run(config, device="cpu", dataset=load_imagenet(folder)))
    assert config.paper == "jindal2019" and math.isfinite(run.history[-1].train_loss)
    kept = run.method.net.body[0].state_dict()
    assert (kept["8.weight"] == 0.01).all() and not (kept["10.weight"] == 0.01).any()


def test_what_is_not_there_is_said_with_the_way_to_get_it(folder, tmp_path):
    with pytest.raises(InputError, match=r"register for it at image-net\.org, unpack it to"):
        load_imagenet(tmp_path / "nowhere")
    (folder / "val" / "n99999999").mkdir()
    with pytest.raises(InputError, match=r"has a class 'n99999999' that .* has not"):
        load_imagenet(folder)
    flat = tmp_path / "flat"
    (flat / "train" / WNIDS[0]).mkdir(parents=True)
    (flat / "val").mkdir()
    with pytest.raises(InputError, match="val has no folder a class"):
        load_imagenet(flat)


# --- AlexNet --------------------------------------------------------------------------------------


def fake_weights(number: float = 0.25) -> dict[str, torch.Tensor]:
    """As torchvision's, of AlexNet's shapes, every number the same."""
    state = build_net("alexnet", (3, 64, 64), 10).body[0].state_dict()
    return {f"features.{name}": torch.full_like(value, number) for name, value in state.items()}


@pytest.mark.parametrize(("frozen", "layers"), [(0, 0), (1, 1), (4, 4), (5, 5)])
def test_the_first_blocks_are_imagenets_and_stay(monkeypatch, frozen, layers):
    weights = fake_weights()
    monkeypatch.setattr(alexnet, "_imagenet_weights", lambda: weights)
    net = build_net("alexnet", (3, 64, 64), 10, pretrained=True, frozen=frozen)
    convolutions = [m for m in net.body[0] if isinstance(m, torch.nn.Conv2d)]
    known = [(m.weight == 0.25).all().item() for m in convolutions]
    assert known == [True] * layers + [False] * (5 - layers)
    assert [not m.weight.requires_grad for m in convolutions] == known
    assert all(p.requires_grad for p in net.body[3:].parameters())
    net(torch.randn(2, 3, 64, 64)).sum().backward()
    grads = [m.weight.grad is not None for m in convolutions]
    assert grads == [not done for done in known]


def test_a_fresh_alexnet_is_whole_and_has_no_leftovers_of_memory():
    net = build_net("alexnet", (3, 64, 64), 7).eval()
    assert sum(p.numel() for p in net.parameters()) == 61_100_840 - 1000 * 4097 + 7 * 4097
    for name, value in net.state_dict().items():
        assert value.isfinite().all(), name
        if name.endswith("weight"):
            spread = math.sqrt((1 if name.startswith("head") else 2) / value[0].numel())
            assert value.std().item() == pytest.approx(spread, rel=0.05), name
        else:
            assert not value.any(), name
    x = torch.randn(2, 3, 70, 64)
    assert net.features(x).shape == (2, 4096) and net(x).shape == (2, 7)


def test_without_the_weights_one_sentence_says_where_they_belong(monkeypatch, tmp_path):
    def offline(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", offline)
    with pytest.raises(InputError, match=r"not to be had .*no route.*pretrained=False\.$"):
        build_net("alexnet", (3, 64, 64), 10, pretrained=True)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((3, 62, 80), {}, "at least 63x63"),
        ((1, 64, 64), {}, "three channels, but images here have 1"),
        ((3, 64, 64), {"pretrained": "yes"}, "must be True or False"),
        ((3, 64, 64), {"frozen": 6}, "a number of blocks, 0 to 5"),
        ((3, 64, 64), {"frozen": True}, "a number of blocks, 0 to 5"),
    ],
)
def test_refusals(shape, options, message):
    with pytest.raises(InputError, match=message):
        build_net("alexnet", shape, 10, **options)


# --- top-5 ----------------------------------------------------------------------------------------


def test_a_label_among_the_five_likeliest_counts():
    logits = torch.arange(8.0).repeat(4, 1)
    assert _top5(logits, torch.tensor([7, 3, 2, 0])) == 0.5


def test_only_many_classes_have_a_top_5():
    assert finish(small_run(epochs=1)).history[-1].test_top5 is None
    many = random_dataset(400, 200, classes=100)
    last = finish(small_run(epochs=1, dataset=many, noise="none")).history[-1]
    assert last.test_accuracy <= last.test_top5 <= 1


def test_table_3_is_judged_by_its_top_5_error():
    table = get_table("jindal2019/table3")
    config = cell_config(table, "nnaqc", "random-k:0.5").to_dict()
    record = record_of(
        config, 0.3, dataset={"source": "ImageNet (ILSVRC2012), as many images as published"}
    )
    for epoch in record["history"]:
        epoch["test_top5"] = 0.55
    (cell,) = (
        c for c in table_cells(table, [record]) if (c.method, c.column) == ("nnaqc", "random-k:0.5")
    )
    assert cell.comparison.published == 44.31
    assert cell.comparison.mean == pytest.approx(45.0)
    other = record_of(config, 0.3, dataset={"source": "a folder in ImageNet's layout, 12 images"})
    assert sum(c.comparison.n for c in table_cells(table, [other])) == 0
