"""What Jindal et al. 2019 say of their tables, each sentence with the check on it.

All numbers are errors in percent. The thresholds that the text does not state are ours: "near"
is a point, "close" two, "substantially" better than the base model at 50% noise ten. What is said
of "all cases" is asked of each noisy column by itself; of none without noise, of which the text
says that the error is "near-optimum". Where it says "NNAQC, perhaps regularized by dropout", the
better of the two counts. The test names those that the paper's own numbers fail.
Not checked: "very competitive" with other papers' numbers, and "a significant performance gap"
between NNAQC with and without dropout beyond ten classes, which Table 2 does not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lnl_core.papers.spec import Claim, Means, Table, errs_less

NNAQC = ("nnaqc", "nnaqc-dropout")
GENIES = ("genie", "genie-qc")
CLEAN, HALF = "uniform-simplex:0", "uniform-simplex:0.5"


def table_claims(table: Table) -> Iterator[Claim]:
    """On one block of Table 1: against the base model, the genies and all others."""
    said = "Section 4.2: NNAQC substantially outperforms"
    yield errs_less(table.name, "nnaqc", "cross-entropy", HALF, points=10, text=said)
    yield Claim(
        table.name,
        "Section 4.2: without noise the error is near that of the base model",
        _cells(("cross-entropy", *NNAQC), CLEAN),
        lambda means: _best(means, CLEAN) - means["cross-entropy", CLEAN] <= 1.0,
    )
    genies = tuple(name for name in GENIES if name in table.methods)
    for column in _noisy(table):
        for others, whom in (
            (_others(table, GENIES), "all that are not told T"),
            (genies, "genies"),
        ):
            yield _ahead(table, column, others, f"Section 4.2: in all cases ahead of {whom}")


def hundred_claims(lc_cnn: Table, resnet: Table) -> Iterator[Claim]:
    """On Table 2's two blocks, CIFAR-100."""
    for column in _noisy(lc_cnn):
        yield _ahead(lc_cnn, column, _others(lc_cnn), "Section 4.2: ahead, as with ten classes")
        dropped, whole = ("nnaqc-dropout", column), ("nnaqc", column)
        yield Claim(
            lc_cnn.name,
            f"Section 4.2: dropout particularly improves performance, at {column}",
            (dropped, whole),
            lambda means, dropped=dropped, whole=whole: means[dropped] < means[whole],
        )
    for column in _noisy(resnet):
        others = _others(resnet, ("forward-estimated",))
        yield _ahead(resnet, column, others, "Section 4.2: only F-correction is equally good")


def ablation_claims(table: Table) -> Iterator[Claim]:
    """On one block of Table 5: "both the components contribute"."""
    parts = ("nna", "qc")
    for column in table.columns:
        yield Claim(
            table.name,
            f"Section 4.4: both components contribute: together they err less than either alone at "
            f"{column}",
            _cells((*parts, "nnaqc"), column),
            lambda means, column=column: (
                means["nnaqc", column] < min(means[part, column] for part in parts)
            ),
        )


def sample_claims() -> Iterator[Claim]:
    """Across the blocks with all samples and with the fewest, at 50% noise."""
    for everything, few in (
        ("table1-cifar10-50k", "table1-cifar10-10k"),
        ("table1-mnist-60k", "table1-mnist-20k"),
    ):
        yield Claim(
            None,
            f"Section 4.2: from {everything} to {few}, at 50% noise, NNAQC loses less than "
            "F-correction",
            _blocks((everything, few), ("nnaqc", "forward-estimated")),
            lambda means, everything=everything, few=few: (
                _lost(means, "nnaqc", everything, few)
                < _lost(means, "forward-estimated", everything, few)
            ),
        )
    everything, few = "table1-cifar10-50k", "table1-cifar10-10k"
    yield Claim(
        None,
        "Section 4.2: on CIFAR-10 at 50% noise F-correction is close to NNAQC (within 2 points) "
        "with all samples, and significantly behind it (by more) with 10,000",
        _blocks((everything, few), (*NNAQC, "forward-estimated")),
        lambda means: _behind(means, everything) <= 2.0 < _behind(means, few),
    )


def _blocks(tables: Iterable[str], methods: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((table, method, HALF) for table in tables for method in methods)


def _lost(means: Means, method: str, everything: str, few: str) -> float:
    return means[few, method, HALF] - means[everything, method, HALF]


def _behind(means: Means, block: str) -> float:
    best = min(means[block, method, HALF] for method in NNAQC)
    return means[block, "forward-estimated", HALF] - best


def _noisy(table: Table) -> list[str]:
    return [column for column in table.columns if column != CLEAN]


def _others(table: Table, left_out: Iterable[str] = ()) -> tuple[str, ...]:
    """The rows of a table that are not NNAQC's."""
    return tuple(name for name in table.methods if name not in (*NNAQC, *left_out))


def _ahead(table: Table, column: str, others: tuple[str, ...], text: str) -> Claim:
    return Claim(
        table.name,
        f"{text}, perhaps with dropout, at {column}",
        _cells((*others, *NNAQC), column),
        lambda means: _best(means, column) < min(means[other, column] for other in others),
    )


def _best(means: Means, column: str) -> float:
    return min(means[method, column] for method in NNAQC)


def _cells(methods: Iterable[str], column: str) -> tuple[tuple[str, str], ...]:
    return tuple((method, column) for method in methods)
