"""`make soak`: a grid of forty short runs under kill -9, many times over.

After each round every record is there once, valid, equal to the undisturbed grid's, and was not
written again after it was there. The seed that is printed brings back the same sequence of
victims, though not the same microseconds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from grid_helpers import disturb, timeless

from lnl_core.ledger.records import Folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--deaths", type=int, default=6, help="a round")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = _grid(Path(scratch) / "undisturbed", random.Random(), ())
        for number in range(arguments.rounds):
            chance = random.Random(arguments.seed + number)
            deaths = chance.choices(("worker", "parent"), k=arguments.deaths)
            started = time.monotonic()
            found = _grid(Path(scratch) / str(number), chance, deaths)
            assert found == wanted, f"round {number} differs from the undisturbed grid"
            seconds = time.monotonic() - started
            print(
                f"round {number}: {', '.join(deaths)}; {seconds:.0f} s, as undisturbed", flush=True
            )


def _grid(path: Path, chance: random.Random, deaths: Sequence[str]) -> dict:
    disturb(Folder(path), chance, deaths)
    return {record["key"]: timeless(record) for record in Folder(path)}


if __name__ == "__main__":
    sys.exit(main())
