"""Datasets as tensors: where they come from, how they are made noisy, how they are batched."""

from lnl_core.data.batches import Batch, TrainingSet
from lnl_core.data.dataset import Dataset
from lnl_core.data.noisy import NoiseReport, NoisyData, Split, make_noisy
from lnl_core.data.sources import data_folder, dataset_names, fetch_dataset, load_dataset

__all__ = [
    "Batch", "Dataset", "NoiseReport", "NoisyData", "Split", "TrainingSet", "data_folder",
    "dataset_names", "fetch_dataset", "load_dataset", "make_noisy",
]  # fmt: skip
