"""The environment variables that kernels are started with."""

from __future__ import annotations

import os

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def headless(threads: int) -> dict[str, str]:
    """For a run that nobody watches: figures into the notebook, no progress bars.

    The threads are divided among the notebooks that run at the same time, unless the caller has
    set them: two that take every core each are several times slower than one after the other.
    """
    environment = dict.fromkeys(THREADS, str(max(1, threads))) | dict(os.environ)
    environment["TQDM_DISABLE"] = "1"
    # An inherited MPLBACKEND=Agg would leave every figure out.
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    return environment


def reproducible() -> dict[str, str]:
    """For outputs that are stored or compared with stored ones: nothing of the machine's own."""
    environment = headless(threads=1) | dict.fromkeys(THREADS, "1")
    environment["CUDA_VISIBLE_DEVICES"] = ""  # a GPU adds in another order than a CPU
    environment.pop("LNL_DATA", None)  # a file there could take the place of an embedded dataset
    return environment
