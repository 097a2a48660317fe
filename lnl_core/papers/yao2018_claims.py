"""What Yao et al. 2018 say of their tables, each sentence with the check on it.

Numbers are mAP in percent. The thresholds that the text does not state are ours: an embedding tells
right from wrong labels where its AUC is above 0.8, "almost all" categories are four of five, a
"significant improvement" is two points on the plain network. The paper's own numbers bear all of
them out.
Not checked: that all are "close to randomness" at P_noise 1, since the text names no such number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from lnl_core.papers.spec import Claim, Means, Table, beats

PLAIN = "cross-entropy"
SEPARATES = 80.0
CHALLENGING = ("bottle", "chair", "sofa")


def claims(
    tables: Iterable[Table], methods: Sequence[str], lambdas: Sequence[float]
) -> Iterator[Claim]:
    """Every claim, table by table."""
    for table in tables:
        if table.name.startswith("table6"):
            yield from _artificial_noise(table, methods)
        elif table.name.startswith("table5"):
            yield _regularisation(table, lambdas)
        elif table.name.startswith("figure6"):
            yield from _training_size(table, methods)
        elif table.metric == "map":
            yield from _real_noise(table, methods)
        elif table.metric == "ap" and len(table.columns) == 20:  # said of Tables II and III
            yield from _categories(table, methods)
        elif table.metric == "selection-auc":
            yield from _separation(table)


def _real_noise(table: Table, methods: Sequence[str]) -> Iterator[Claim]:
    """Section IV-C1."""
    points = 2.8 if table.name == "table4" else 0.0
    others = [name for name in methods if name != "can"]
    for other in others:
        yield beats(table.name, "can", other, "given", points, text="Section IV-C1")
    for other in others:
        if other != PLAIN:
            yield beats(table.name, other, PLAIN, "given", text="Section IV-C1")


def _categories(table: Table, methods: Sequence[str]) -> Iterator[Claim]:
    """Section IV-C1, category by category."""

    def ahead(means: Means, column: str) -> bool:
        others = [means[method, column] for method in methods if method != "can"]
        return means["can", column] > max(others)

    yield Claim(
        table.name,
        "Section IV-C1: CAN is above all others in almost all categories (four of five)",
        tuple((method, column) for method in methods for column in table.columns),
        lambda means: (
            sum(ahead(means, column) for column in table.columns) >= 0.8 * len(table.columns)
        ),
    )
    said = "Section IV-C1: significantly, in the challenging categories"
    for column in CHALLENGING:
        yield beats(table.name, "can", PLAIN, column, points=2, text=said)


def _training_size(table: Table, methods: Sequence[str]) -> Iterator[Claim]:
    """Section IV-C2."""
    for column in table.columns:
        share = column.partition("=")[2]
        yield Claim(
            table.name,
            f"Section IV-C2: with {float(share):.0%} of the samples CAN is above all others",
            tuple((method, column) for method in methods),
            lambda means, column=column: means["can", column] > max(
                means[method, column] for method in methods if method != "can"
            ),
        )  # fmt: skip
    yield Claim(
        table.name,
        "Section IV-C2: every method is the better the more samples there are",
        tuple((method, column) for method in methods for column in table.columns),
        lambda means: all(
            means[method, less] < means[method, more]
            for method in methods
            for less, more in pairwise(table.columns)
        ),
    )
    if table.name == "figure6-voc2007":
        for other in ("trace", "icnm"):
            yield beats(table.name, PLAIN, other, table.columns[0], text="Section IV-C2")


def _artificial_noise(table: Table, methods: Sequence[str]) -> Iterator[Claim]:
    """Section IV-C4."""
    name = table.name
    for column in table.columns:
        rate = float(column.partition(":")[2])
        cells = tuple((method, column) for method in methods)
        if 0 < rate < 1:
            yield Claim(
                name,
                f"Section IV-C: at P_noise {rate:g} CAN outperforms all others",
                cells,
                lambda means, column=column: means["can", column] > max(
                    means[method, column] for method in methods if method != "can"
                ),
            )  # fmt: skip
        elif rate == 0:
            yield Claim(
                name,
                "Section IV-C: without noise every noise-aware method is behind the plain network",
                cells,
                lambda means, column=column: means[PLAIN, column] > max(
                    means[method, column] for method in methods if method != PLAIN
                ),
            )  # fmt: skip
    falling = sorted(table.columns, key=lambda column: float(column.partition(":")[2]))
    yield Claim(
        name,
        "Section IV-C: every method is the better the less noise there is",
        tuple((method, column) for method in methods for column in falling),
        lambda means: all(
            means[method, less] > means[method, more]
            for method in methods
            for less, more in pairwise(falling)
        ),
    )


def _regularisation(table: Table, lambdas: Sequence[float]) -> Claim:
    """Section IV-C3."""
    columns = [f"lambda={value:g}" for value in lambdas]

    def rises_and_falls(means) -> bool:
        values = [means["can", column] for column in columns]
        peak = values.index(max(values))
        rising = all(before < after for before, after in pairwise(values[: peak + 1]))
        falling = all(before > after for before, after in pairwise(values[peak:]))
        return 0 < lambdas[peak] <= 1 and rising and falling

    return Claim(
        table.name,
        "Section IV-C3: with λ the result rises to a peak, at a λ above 0 and at most 1, and falls",
        tuple(("can", column) for column in columns),
        rises_and_falls,
    )


def _separation(table: Table) -> Iterator[Claim]:
    """Section IV-D1: "CAN can identify mismatches"."""
    for column in table.columns:
        yield Claim(
            table.name,
            f"Section IV-D: the embedding tells right from wrong labels at {column} "
            f"(AUC above {SEPARATES / 100:g})",
            (("can", column),),
            lambda means, column=column: means["can", column] > SEPARATES,
        )
