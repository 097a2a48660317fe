"""What Kim et al. 2024 say of their tables, each sentence with the check on it.

Thresholds that the text does not state are ours: "significant margin" at 90% is 3 points on
CIFAR-10 and 9 on CIFAR-100 (3.6 and 10.0 in print), "competitive" and "comparable" are a point,
"not so greatly affected" two. The paper's own numbers fail one of these, on Table 6: the test
names it. Of our own tables the same is asked, and of Figure 5 what its curves show at their end.
"""

from __future__ import annotations

from collections.abc import Iterator

from lnl_core.papers.kim2024_ours import JUDGES, OWN_TABLES
from lnl_core.papers.kim2024_settings import FLYWHEELS
from lnl_core.papers.kim2024_tables import CIFAR, PART_DEPENDENT, TABLES, TINY
from lnl_core.papers.spec import Claim, Means, Table, is_ahead

OURS = "flywheel"
NO_CR, NO_AUX, FIXED, NO_CL = FLYWHEELS[1:]
MOST = "symmetric-inclusive:0.9"
#: Points ahead of the next best at 90%.
MARGINS = {"table1-cifar10": 3.0, "table1-cifar100": 9.0}
#: Those that are built for noise that goes by the instance.
INSTANCE = ("cores2", "cal", "kmeidtm", "instancegm")


def claims() -> Iterator[Claim]:
    """Every claim, table by table."""
    tables = {table.name: table for table in (*TABLES, *OWN_TABLES)}
    for name, margin in MARGINS.items():
        for column in tables[name].columns:
            yield _best(tables[name], column, "Section 4.3: ahead across all rates and types")
        yield _best(tables[name], MOST, "Section 4.3: robust in difficult cases", margin)
    for data in CIFAR:
        yield from _instance_dependent(tables[f"table2-{data}"])
    yield _gain_over_sft()
    yield from _tiny(tables["table3"])
    yield from _tiny(tables["table3-best"])
    yield from _real(tables)
    for data in CIFAR:
        yield from _ablation(tables[f"table6-{data}"])
    yield from _ablation_across()
    for name, table in tables.items():
        if name.endswith(("-auc", "-refurbished")):
            yield from _figure5(table)
    for name in ("digits", "shapes"):
        yield from _ours(tables[name])


def _rivals(table: Table, column: str, among: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The rows of a column that are not the flywheel's, nor its ablations'."""
    rows = [m for m, c in table.cells if c == column and m not in FLYWHEELS]
    return tuple(row for row in rows if not among or row in among)


def _best(
    table: Table, column: str, text: str, points: float = 0.0, among: tuple[str, ...] = ()
) -> Claim:
    rivals = _rivals(table, column, among)
    by = f" by {points:g} points or more" if points else ""

    def check(means: Means) -> bool:
        best = max(means[rival, column] for rival in rivals)
        return is_ahead(means[OURS, column] - best, points)

    who = ", ".join(rivals) if among else "every other row"
    return Claim(
        table.name, f"{text}: flywheel is above {who} at {column}{by}",
        ((OURS, column), *((rival, column) for rival in rivals)), check,
    )  # fmt: skip


def _within(table: Table, column: str, text: str, points: float, rivals: tuple[str, ...]) -> Claim:
    return Claim(
        table.name,
        f"{text}: at {column} flywheel is at most {points:g} behind {', '.join(rivals)}",
        ((OURS, column), *((rival, column) for rival in rivals)),
        lambda means: max(means[r, column] for r in rivals) - means[OURS, column] <= points,
    )


def _instance_dependent(table: Table) -> Iterator[Claim]:
    """Section 4.3 on Table 2."""
    for column in PART_DEPENDENT:
        rivals = _rivals(table, column, INSTANCE)
        yield _within(
            table,
            column,
            "Section 4.3: competitive, despite not being designed for it",
            1.0,
            rivals,
        )
    if table.data == "cifar100":
        yield Claim(
            table.name,
            "Section 4.3: InstanceGM is slightly better at part-dependent:0.4",
            ((OURS, PART_DEPENDENT[1]), ("instancegm", PART_DEPENDENT[1])),
            lambda means: 0 < means["instancegm", PART_DEPENDENT[1]]
            - means[OURS, PART_DEPENDENT[1]] <= 1,
        )  # fmt: skip


def _gain_over_sft() -> Claim:
    cells = ((OURS, PART_DEPENDENT[1]), ("sft", PART_DEPENDENT[1]))
    return Claim(
        "table2-cifar100",
        "Section 4.3: 8 points above SFT at part-dependent:0.4",
        cells,
        lambda means: is_ahead(means[cells[0]] - means[cells[1]], 8),
    )


def _tiny(table: Table) -> Iterator[Claim]:
    """Section 4.3 on Table 3."""
    for column in TINY[1:]:
        yield _best(table, column, "Section 4.3: not only outperforms the others in noise")
    yield _within(
        table, TINY[0], "Section 4.3: comparable without noise", 1.0, _rivals(table, TINY[0])
    )


def _real(tables: dict[str, Table]) -> Iterator[Claim]:
    """Section 4.3 on Tables 4 and 5."""
    others = tuple(row for row in tables["table4"].methods if row not in (OURS, "sft"))
    yield _best(tables["table4"], "given", "Section 4.3: consistently well", among=others)
    yield _within(tables["table4"], "given", "Section 4.3: SFT gains 0.04", 0.1, ("sft",))
    for name in ("table5", "table5-top5"):
        yield _best(tables[name], "given", "Section 4.3: consistently well")


def _loses(table: Table, ablation: str, column: str, text: str) -> Claim:
    cells = ((OURS, column), (ablation, column))
    return Claim(
        table.name, f"{text}: {ablation} is below flywheel at {column}", cells,
        lambda means: means[cells[1]] < means[cells[0]],
    )  # fmt: skip


def _ablation(table: Table) -> Iterator[Claim]:
    """Section 5.2 on Table 6."""
    for column in table.columns:
        yield _loses(table, NO_CR, column, "Section 5.2: CR is indispensable")
        yield _loses(table, NO_AUX, column, "Section 5.2: the auxiliary network helps")
        yield _loses(table, FIXED, column, "Section 5.2: with ε fixed accuracy degrades")
        if table.data == "cifar100" and column.startswith("symmetric"):
            yield _loses(table, NO_CL, column, "Section 5.2: CL helps on CIFAR-100 at high noise")
        yield Claim(
            table.name,
            f"Section 5.2: not so greatly affected by CL: within 2 points at {column}",
            ((OURS, column), (NO_CL, column)),
            lambda means, column=column: abs(means[OURS, column] - means[NO_CL, column]) <= 2,
        )


def _ablation_across() -> Iterator[Claim]:
    asymmetric = "asymmetric:0.4"
    cells = tuple(
        (f"table6-{data}", method, column)
        for data in CIFAR
        for column in ("symmetric-inclusive:0.8", MOST, asymmetric)
        for method in (OURS, FIXED)
    )

    def drop(means: Means, table: str, column: str) -> float:
        return means[table, OURS, column] - means[table, FIXED, column]

    def check(means: Means) -> bool:
        drops = {(table, column): drop(means, table, column) for table, _, column in cells}
        return max(drops, key=drops.get) == ("table6-cifar100", asymmetric)

    yield Claim(
        None, "Section 5.2: ε fixed costs most on CIFAR-100 with asymmetric noise", cells, check
    )
    yield Claim(
        None,
        "Section 5.2: at asymmetric:0.4 ε fixed costs more than a point on CIFAR-10 and more than "
        "four on CIFAR-100 (1.8 and 6.0 in print)",
        tuple(cell for cell in cells if cell[2] == asymmetric),
        lambda means: (
            drop(means, "table6-cifar10", asymmetric) > 1
            and drop(means, "table6-cifar100", asymmetric) > 4
        ),
    )


def _figure5(table: Table) -> Iterator[Claim]:
    """Section 5.1: "our main network outperforms the others", and so the auxiliary one."""
    rivals = tuple(name for name in JUDGES if name != OURS)
    for column in table.columns:
        yield _best(table, column, "Section 5.1, Figure 5", among=rivals)


def _ours(table: Table) -> Iterator[Claim]:
    """What is said of CIFAR, asked of our own tables."""
    for column in table.columns:
        yield _best(table, column, "As Section 4.3")
        for ablation in (NO_CR, NO_AUX, NO_CL):
            yield _loses(table, ablation, column, "As Section 5.2")
    for column in ("asymmetric:0.4", "part-dependent:0.4"):  # where ε is not uniform
        yield _loses(table, FIXED, column, "As Section 5.2")
