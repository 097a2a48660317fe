"""A small dataset whose every sample can be told from the others."""

from __future__ import annotations

import torch

from lnl_core.data import Dataset


def tiny_dataset(
    n_train: int = 100,
    n_test: int = 20,
    classes: int = 10,
    kind: str = "vector",
    multi_label: bool = False,
    given: bool = False,
    name: str = "tiny",
) -> Dataset:
    """The first value of sample i is i (modulo 256 in an image): see `ids`. Class i mod K."""

    def samples(count: int) -> torch.Tensor:
        number = torch.arange(count)
        if kind == "image":
            return number.to(torch.uint8)[:, None, None, None].repeat(1, 3, 8, 8)
        if kind == "tokens":
            return torch.stack([number, number + 1], 1)
        return torch.stack([number.float(), torch.randn(count, generator=seeded())], 1)

    def labels(count: int) -> torch.Tensor:
        index = torch.arange(count) % classes
        if not multi_label:
            return index
        hot = torch.nn.functional.one_hot(index, classes) + torch.nn.functional.one_hot(
            (index * 3 + 1) % classes, classes
        )
        return hot.clamp(max=1).to(torch.uint8)

    noisy = labels(n_train).roll(1, 0) if given else None
    return Dataset(
        name, samples(n_train), labels(n_train), samples(n_test), labels(n_test),
        tuple(f"class {k}" for k in range(classes)), "made for a test", noisy,
    )  # fmt: skip


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def ids(x: torch.Tensor) -> list[int]:
    """Which samples these are."""
    return [int(sample.flatten()[0]) for sample in x]
