"""Yao et al. 2018, CAN: how the networks were trained (Section IV-B), Tables 2 to 6, Figures 6, 7.

No code of the authors is public, so `text` is the only protocol. What the text leaves open:

- Not as printed: "we first resize the short side of each image to 224". Pictures are kept as their
  central squares of 256 x 256, so the ends of a long side are never seen.
- Momentum and weight decay: 0.9 and, for images, 10⁻⁴, those of the "transformations in the
  residual network" that it cites (fb.resnet.torch). Those transformations: here a window of
  224 x 224 of a picture of 256 x 256 and a flip, and ImageNet's means and deviations.
- Whether the residual network begins with ImageNet's weights: 86.8 mAP from the 5,011 pictures of
  VOC 2007 is not to be had without.
- Which six crops: of a picture of 256 x 256 the left, middle and right window, each as it is and
  mirrored; their logits are averaged (`crops.py`).
- Which epoch is reported: the last, and nothing is held out.
- Which pictures of SD4 are tested on: a fixed quarter. AMT's answers are on all of them, those
  included (`data/amt.py`); WEB's true labels nobody knows (`data/web.py`).
- The ratios of Figure 6: five in equal steps from the 20% that the text speaks of.
- VOC 2012's test labels are not published: its validation set is tested on, `voc2012`, and where it
  would be trained on, the training set alone is.
- The scale of the MLP's features: standardised.
- The multi-label form of the others: `losses/multi_label.py`; its "Bootstrap" is the soft one.

Beside the paper's tables stand ours, Tables 5 and 6, Figure 6 and the separation that Figure 7
shows, on two sets that need no download (`digits-vectors`, an MLP; `shapes-multi`, a small
convolutional net).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lnl_core.config import TrainConfig
from lnl_core.data.amt import COUNTS as AMT_COUNTS
from lnl_core.data.voc import CLASSES as VOC_CLASSES
from lnl_core.data.web import COUNT as WEB_COUNT
from lnl_core.papers.spec import Claim, Setting, Study, Table, Variant
from lnl_core.papers.yao2018_claims import claims

_FEATURES = TrainConfig(
    epochs=90, batch_size=50, optimizer="sgd", lr=0.01, momentum=0.9, schedule="step",
    lr_drops=(30, 60), preprocess="standardise",
)  # fmt: skip
_IMAGES = replace(
    _FEATURES, weight_decay=1e-4, preprocess="imagenet", augmentation="window-flip",
    train_eval=2000, test_crops=6,
)  # fmt: skip
_PHOTOGRAPHS = {
    "text": {
        "net": "resnet34",
        "net_options": {"pretrained": True},
        "train": _IMAGES,
        "val_fraction": 0.0,
    },
}
_DOGS = {
    "text": {
        "net": "mlp",
        "net_options": {"hidden": (1024, 30)},
        "train": _FEATURES,
        "val_fraction": 0.0,
    },
}

#: As in `patrini2017.SETTINGS`. `web-voc2007` is trained on WEB and tested on VOC 2007, and so on.
SETTINGS: dict[str, dict[str, dict]] = {
    "web-voc2007": _PHOTOGRAPHS,
    "web-voc2012": _PHOTOGRAPHS,
    "voc2007": _PHOTOGRAPHS,
    "voc2012": _PHOTOGRAPHS,
    "amt-sd4": _DOGS,
    "sd4": _DOGS,
    "digits-vectors": {"text": {"net": "mlp", "train": _FEATURES, "val_fraction": 0.0}},
    "shapes-multi": {"text": {"net": "lenet", "train": _FEATURES, "val_fraction": 0.0}},
}

METHODS = ("cross-entropy", "trace", "icnm", "bootstrap-soft", "can")
DOG_CLASSES = ("norfolk-terrier", "norwich-terrier", "irish-wolfhound", "scottish-wolfhound")
RATES = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
LAMBDAS = (0, 0.2, 0.5, 1, 2, 5, 10)
#: Figure 6: "five different ratios", which the text does not name but for 20%.
SIZES = (0.2, 0.4, 0.6, 0.8, 1.0)


def _table(name: str, title: str, data: str, settings: dict[str, Setting], **given: Any) -> Table:
    features = data in ("amt-sd4", "sd4", "digits-vectors")
    return Table(
        paper="yao2018",
        name=name,
        title=title,
        data=data,
        columns=tuple(settings),
        settings=settings,
        selection="last",
        marks=False,
        smoke="digits-vectors" if features else "shapes-multi",
        **{"methods": METHODS, "runs": 1, "metric": "map"} | given,
    )


def _real_noise():
    """Tables 2 to 4: each in two, the mean and the categories."""
    for number, data, training, classes, title in (
        (2, "web-voc2007", "web", VOC_CLASSES, "VOC 2007, trained on WEB"),
        (3, "web-voc2012", "web", VOC_CLASSES, "VOC 2012 (validation set), trained on WEB"),
        (4, "amt-sd4", "amt", DOG_CLASSES, "SD4, trained on AMT"),
    ):
        mean = {"given": Setting("given", f"training={training}")}
        each = {
            name: Setting("given", f"category={name};training={training}", part=name)
            for name in classes
        }
        printed = f"table{number}"
        title = f"Table {number}, {title}"
        yield _table(printed, f"{title}: mAP", data, mean)
        yield _table(f"{printed}-ap", f"{title}: AP", data, each, printed=printed, metric="ap")


def _regularised():
    """Table 5 by its rows, λ."""
    for row, data, noise, training, runs in (
        ("voc2007", "web-voc2007", "given", "training=web", 1),
        ("voc2012", "web-voc2012", "given", "training=web", 1),
        ("sd4", "amt-sd4", "given", "training=amt", 1),
        ("digits", "digits-vectors", "label-shuffle:0.4", "", 5),
    ):
        settings = {
            f"lambda={value:g}": Setting(
                noise,
                f"lambda={value:g};{training}" if training else "",
                {"options": {"regularisation": value}},
            )
            for value in LAMBDAS
        }
        yield _table(
            f"table5-{row}", f"Table 5, λ of CAN, {row}", data, settings,
            methods=("can",), runs=runs, printed="" if row == "digits" else "table5",
        )  # fmt: skip


def _artificial_noise():
    """Table 6 by its blocks."""
    for block, data, training, runs in (
        ("voc2007", "voc2007", "training=v07tr", 1),
        ("voc2012", "voc2012", "training=v12tr", 1),
        ("sd4", "sd4", "training=sd4tr", 1),
        ("digits", "digits-vectors", "", 5),
        ("shapes", "shapes-multi", "", 2),
    ):
        noises = [f"label-shuffle:{rate:g}" for rate in RATES]
        yield _table(
            f"table6-{block}", f"Table 6, artificial noise, {block}", data,
            {noise: Setting(noise, training) for noise in noises},
            runs=runs, printed="table6" if training else "",
        )  # fmt: skip


def _training_size():
    """Figure 6: a random part of the training samples. It is plotted, no number of it printed."""
    for name, data, noise, count, runs in (
        ("voc2007", "web-voc2007", "given", WEB_COUNT, 1),
        ("voc2012", "web-voc2012", "given", WEB_COUNT, 1),
        ("sd4", "amt-sd4", "given", AMT_COUNTS[0], 1),
        ("digits", "digits-vectors", "label-shuffle:0.4", 1297, 5),
    ):
        settings = {
            f"size={share:g}": Setting(
                noise, changes={"limit": round(share * count)} if share < 1 else {}
            )
            for share in SIZES
        }
        title = f"Figure 6, part of the training samples, {name}"
        yield _table(f"figure6-{name}", title, data, settings, runs=runs)


def _separation():
    """Figure 7 as a number: the area under the curve of the embedding's distances."""
    for name, data, runs in (("digits", "digits-vectors", 5), ("shapes", "shapes-multi", 2)):
        noises = [f"label-shuffle:{rate:g}" for rate in RATES if 0 < rate < 1]
        yield _table(
            f"figure7-{name}", f"Figure 7 as a number, right from wrong labels, {name}", data,
            {noise: Setting(noise) for noise in noises},
            methods=("can",), metric="selection-auc", runs=runs,
        )  # fmt: skip


_PRINTED_OR_OURS = (*_real_noise(), *_regularised(), *_artificial_noise())
_OWN_DATA = ("digits-vectors", "shapes-multi")
TABLES = tuple(table for table in _PRINTED_OR_OURS if table.data not in _OWN_DATA)
#: Tables without a published number: in the manner of the paper's, or of what it only plots.
OWN_TABLES = (
    *(table for table in _PRINTED_OR_OURS if table.data in _OWN_DATA),
    *_training_size(),
    *_separation(),
)
_ALL = (*TABLES, *OWN_TABLES)

#: What the text leaves open or prints otherwise, varied one at a time.
STUDIES = (
    Study(
        next(table for table in OWN_TABLES if table.name == "table6-digits"),
        "choices-digits",
        "Digits, CAN at P_noise 0.4: what is not printed, or not as printed, one choice at a time",
        tuple(
            Variant(label, "can", "label-shuffle:0.4", {"options": options})
            for label, options in (
                ("ρ as printed", {"rho": "printed"}),
                ("ρ fades over all of training, not half", {"share": 1.0}),
                ("ρ fades over a quarter", {"share": 0.25}),
                ("τ fades to 0.5 as well", {"temperature": "vanishing"}),
                ("σ² in place of σ, as printed", {"printed_variance": True}),
                ("the encoder's gradient reaches the classifier", {"through": True}),
                ("the additive layer starts at random", {"start": 0.0}),
                ("a quality of 2 dimensions, not 16", {"dimensions": 2}),
                ("a quality of 64 dimensions", {"dimensions": 64}),
                ("layers of 32 units, not 128", {"hidden": 32}),
                ("layers of 512 units", {"hidden": 512}),
            )
        ),
    ),
)

CLAIMS: tuple[Claim, ...] = tuple(claims(_ALL, METHODS, LAMBDAS))
