"""Pseudo-labels of Tanaka et al. 2018, Section 5.1 (PL-CIFAR): k-means++ on a network's features.

One cluster a class; a sample's noisy label is its cluster's class. The errors are those of the
features: samples that look alike to a network are wrong together. Which cluster is which class,
the text leaves open; here it is the one-to-one assignment with the most right labels (Hungarian
method), as for the accuracy of a clustering. k-means is Lloyd's from k-means++ starts, the best of
`STARTS`.

The paper's features are the 2,048 of the last pooling ("pool5") of a ResNet-50 trained on
ImageNet. Where those weights are not at hand a stand-in, named as such, gives noise of the same
kind: the last hidden layer of an `mlp` that was shortly trained on a few of the data with their
clean labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from lnl_core import losses
from lnl_core.accel import pick_device
from lnl_core.augment import Preprocess, make_preprocess
from lnl_core.checksums import verify
from lnl_core.contract import takes
from lnl_core.data.cache import keep, recall
from lnl_core.data.dataset import Dataset
from lnl_core.errors import InputError
from lnl_core.nets import Net, build_net
from lnl_core.streams import RandomStream, numpy_generator, torch_seed

#: Of so many k-means the one with the least distances is taken.
STARTS = 3
#: How the stand-in is trained: the share of the training samples that it learns from, steps of
#: Adam, samples a step, learning rate. So short, because the paper's labels are 62.5% right: these
#: are about 70% right on digits and MNIST. (Of coloured shapes they tell nothing: 13%.)
STANDIN_SHARE, STANDIN_STEPS, STANDIN_BATCH, STANDIN_LR = 0.1, 30, 32, 1e-3
#: ImageNet's mean and deviation a channel, by which the ResNet-50's inputs are scaled.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@takes(dataset=Dataset, seed="seed", folder=Path)
def pseudo_labels(dataset: Dataset, seed: int, folder: Path) -> NDArray[np.int64]:
    """Labels [N] of the training samples by the paper's features; `seed` starts k-means.

    `folder` holds the ResNet-50's weights, and keeps the features for the next time. Raises
    `InputError` for data that are not images, and without the weights.
    """
    file = folder / f"pool5-{dataset.name}.npz"
    kept = recall(file, dataset.fingerprint)
    if kept is None:
        kept = {"features": resnet50_features(_images(dataset), folder)}
        keep(file, dataset.fingerprint, kept)
    return cluster_labels(kept["features"], dataset.y_train.numpy(), dataset.num_classes, seed)


@takes(dataset=Dataset, seed="seed")
def standin_pseudo_labels(dataset: Dataset, seed: int) -> NDArray[np.int64]:
    """The same by the stand-in's features; `seed` draws its samples and its weights as well.

    Raises `InputError` for token ids.
    """
    if dataset.kind == "tokens":
        raise InputError(
            f"noise 'pseudo-label-standin' is for images and vectors, but {dataset.name} holds "
            "token ids: use another protocol."
        )
    scale = make_preprocess("standardise", dataset.x_train)
    with RandomStream(torch_seed("pseudo-label", seed)):
        net = _train_standin(dataset, scale)
    with torch.inference_mode():
        features = [net.features(scale(part)) for part in dataset.x_train.split(1000)]
    return cluster_labels(
        torch.cat(features).numpy(), dataset.y_train.numpy(), dataset.num_classes, seed
    )


def _train_standin(dataset: Dataset, scale: Preprocess) -> Net:
    # Not `train.fit`, which needs noisy data: these features are what makes them.
    net = build_net("mlp", dataset.input_shape, dataset.num_classes).train()
    optimizer = torch.optim.Adam(net.parameters(), STANDIN_LR)
    count = max(STANDIN_BATCH, round(STANDIN_SHARE * len(dataset.x_train)))
    chosen = torch.randperm(len(dataset.x_train))[:count]
    for _ in range(STANDIN_STEPS):
        index = chosen[torch.randint(len(chosen), (STANDIN_BATCH,))]
        logits = net(scale(dataset.x_train[index]))
        optimizer.zero_grad(set_to_none=True)
        losses.cross_entropy(logits, dataset.y_train[index]).mean().backward()
        optimizer.step()
    return net.eval()


@takes(features=np.ndarray, labels=np.ndarray, num_classes="classes", seed="seed")
def cluster_labels(
    features: NDArray[np.floating], labels: NDArray[np.int64], num_classes: int, seed: int
) -> NDArray[np.int64]:
    """k-means++ on features [N, F], one cluster a class, each named by the assignment of clusters
    to classes that agrees most with `labels` [N]."""
    from sklearn.cluster import KMeans

    start = int(numpy_generator("k-means", seed).integers(2**31))
    means = KMeans(num_classes, init="k-means++", n_init=STARTS, random_state=start)
    clusters = means.fit_predict(features)
    together = np.zeros((num_classes, num_classes), int)
    np.add.at(together, (clusters, labels), 1)
    _, names = linear_sum_assignment(together, maximize=True)
    return names[clusters].astype(np.int64)


@takes(images="any B C H W", folder=Path)
@torch.inference_mode()
def resnet50_features(images: Tensor, folder: Path) -> NDArray[np.float16]:
    """What ImageNet's ResNet-50 has after its last pooling: uint8 [N, C, H, W] → [N, 2048].

    Images are resized to 224x224 (bilinear) and scaled as in its training; grey ones get three
    equal channels. Half precision, which k-means does not notice, halves the file.
    """
    device = pick_device("auto")
    net = load_resnet50(folder).to(device)
    shift, scale = (
        torch.tensor(values, device=device).view(1, 3, 1, 1)
        for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    parts = []
    for part in images.split(256):
        x = part.to(device).float().div(255).expand(-1, 3, -1, -1)
        x = F.interpolate(x, (224, 224), mode="bilinear", antialias=True, align_corners=False)
        parts.append(net((x - shift) / scale).half().cpu())
    return torch.cat(parts).numpy()


@takes(folder=Path)
def load_resnet50(folder: Path) -> nn.Module:
    """torchvision's ResNet-50 without its last layer, in evaluation mode, with the first ImageNet
    weights (`IMAGENET1K_V1`), whose SHA-256 is verified."""
    from torchvision.models import ResNet50_Weights, resnet50

    url = ResNet50_Weights.IMAGENET1K_V1.url
    file = folder / url.rsplit("/", 1)[1]
    if not file.is_file():
        raise InputError(
            f"noise 'pseudo-label' needs the ResNet-50 weights {file}: put {url} (98 MB) there, "
            "or use 'pseudo-label-standin', whose features are trained on the spot."
        )
    try:
        verify("weights", file)
    except OSError as error:
        raise InputError(f"{file} is damaged ({error}): get it again.") from None
    net = resnet50()
    net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    net.fc = nn.Identity()
    return net.eval()


def _images(dataset: Dataset) -> Tensor:
    if dataset.kind != "image" or dataset.input_shape[0] not in (1, 3):
        raise InputError(
            f"noise 'pseudo-label' needs grey or colour images, but a sample of {dataset.name} has "
            f"shape {list(dataset.input_shape)}: use 'pseudo-label-standin'."
        )
    return dataset.x_train
