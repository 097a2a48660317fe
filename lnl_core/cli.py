"""The `lnl` command: list what there is, fetch data, run a method, reproduce a table.

Talk goes to standard error; standard output carries the result, with `--json` exactly one JSON
document. Exit codes: 0 done, 2 bad input (one sentence says what and how to mend it), 130
interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import sys
from pathlib import Path
from typing import Any

from lnl_core import cli_table
from lnl_core.errors import DivergedError, InputError
from lnl_core.termination import terminable


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        with terminable():
            code = arguments.run(arguments)
        sys.stdout.flush()  # a reader that has left is met here, and not when Python exits
        return code
    except InputError as error:
        print(f"lnl: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lnl: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader left, as in `lnl list methods | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lnl", description="Learning with noisy labels: list, fetch, fit, reproduce."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="what there is")
    listing.add_argument(
        "what", choices=("datasets", "methods", "nets", "noise", "studies", "tables")
    )
    listing.set_defaults(run=_list)

    data = commands.add_parser("data", help="download a dataset, or check one")
    data.add_argument("action", choices=("fetch", "check"))
    data.add_argument("name", help="a dataset's name, or for check the path of an .npz")
    data.set_defaults(run=_data)

    fit = commands.add_parser("fit", help="train one method on noisy data")
    fit.add_argument("method", help="see `lnl list methods`")
    fit.add_argument("--data", help="a dataset's name or an .npz (default: the profile's)")
    fit.add_argument("--noise", default="none", help="NAME:RATE, as in symmetric:0.2")
    fit.add_argument(
        "--noise-draw", choices=("bernoulli", "exact"), default="bernoulli",
        help="each label on its own, or exact counts",
    )  # fmt: skip
    fit.add_argument("--seed", type=int, default=0, help="all four seeds (default 0)")
    for name in ("noise", "split", "init", "order"):
        fit.add_argument(f"--seed-{name}", type=int, help=f"the {name} seed alone")
    fit.add_argument("--profile", default="smoke", help="smoke, laptop or paper")
    fit.add_argument("--protocol", help="text (as printed) or code (as the authors ran it)")
    fit.add_argument("--paper", help="take the settings of another paper")
    fit.add_argument("--net", help="see `lnl list nets`")
    fit.add_argument("--epochs", type=int)
    fit.add_argument("--batch-size", type=int)
    fit.add_argument("--lr", type=float)
    fit.add_argument("--limit", type=int, metavar="N", help="use N training samples")
    fit.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE",
        help="an option of the method, as beta=0.9; may be repeated",
    )  # fmt: skip
    fit.add_argument("--precision", help="float32 or bfloat16 (default float32)")
    fit.add_argument("--device", default="auto", help="auto, cpu or cuda")
    fit.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: by the net)")
    fit.add_argument(
        "--checkpoints", type=Path, metavar="FOLDER",
        help="save the state there after each epoch, and continue from it",
    )  # fmt: skip
    fit.set_defaults(run=_fit)

    cli_table.add_parsers(commands)
    for command in (listing, data, fit):
        command.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


# Importing torch takes seconds. Each command imports what it needs, so that --help answers at once.


def _list(arguments: argparse.Namespace) -> int:
    if arguments.what == "datasets":
        from lnl_core.data.sources import SOURCES

        rows = {name: source.summary for name, source in SOURCES.items()}
    elif arguments.what == "methods":
        from lnl_core.methods import get_method, method_names

        rows = {name: get_method(name).summary for name in method_names()}
    elif arguments.what == "nets":
        from lnl_core.nets import NETS

        rows = {name: net.summary for name, net in NETS.items()}
    elif arguments.what == "tables":
        from lnl_core.ledger.tables import all_tables

        rows = {name: table.title for name, table in all_tables().items()}
    elif arguments.what == "studies":
        from lnl_core.ledger.studies import all_studies

        rows = {name: study.title for name, study in all_studies().items()}
    else:
        from lnl_core.noise import PROTOCOLS

        rows = {name: summary for name, (_, summary) in PROTOCOLS.items()}
    if arguments.json:
        print(json.dumps([{"name": name, "summary": text} for name, text in rows.items()]))
    else:
        width = max(map(len, rows))
        for name, text in rows.items():
            print(f"{name:<{width}}  {text}")
    return 0


def _data(arguments: argparse.Namespace) -> int:
    from lnl_core.data import fetch_dataset, load_dataset

    dataset = (fetch_dataset if arguments.action == "fetch" else load_dataset)(arguments.name)
    facts = {
        "name": dataset.name,
        "source": dataset.source,
        "kind": dataset.kind,
        "input_shape": list(dataset.input_shape),
        "train": len(dataset.x_train),
        "test": len(dataset.x_test),
        "classes": list(dataset.classes),
        "multi_label": dataset.multi_label,
        "noisy_labels": dataset.y_train_noisy is not None,
        "fingerprint": dataset.fingerprint,
    }
    if arguments.json:
        print(json.dumps(facts))
    else:
        for key, value in facts.items():
            print(f"{key:<12}  {value}")
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    from lnl_core.accel import set_threads
    from lnl_core.noise import parse_noise
    from lnl_core.profiles import configure
    from lnl_core.run import Run

    config = configure(
        arguments.method,
        arguments.data,
        parse_noise(arguments.noise, arguments.noise_draw),
        profile=arguments.profile,
        protocol=arguments.protocol,
        paper=arguments.paper,
        net=arguments.net,
        seeds=_seeds(arguments),
        options=dict(_option(text) for text in arguments.option),
        limit=arguments.limit,
        **_given(
            epochs=arguments.epochs,
            batch_size=arguments.batch_size,
            lr=arguments.lr,
            precision=arguments.precision,
        ),
    )
    set_threads(arguments.threads, config.net)
    run = Run(config, device=arguments.device, checkpoints=arguments.checkpoints, steps=True)
    noise = run.data.noise
    nominal = "" if noise.nominal_rate is None else f"nominal rate {noise.nominal_rate:.1%}, "
    _say(
        f"{config.method} on {run.data.name} ({run.data.source}), {len(run.data.train)} training "
        f"samples, {config.net}, {config.train.epochs} epochs, "
        f"{config.protocol or config.profile} settings"
    )
    _say(f"noise {noise.protocol}: {nominal}{noise.realised_rate:.1%} of the labels are wrong")

    problem = None
    try:
        _watch(run)
    except (DivergedError, InputError) as error:  # what was done until then is not lost
        problem = error
    # A run that diverged in its first epoch is a result; one that was refused is none.
    if run.history or (arguments.json and isinstance(problem, DivergedError)):
        _print_result(run, problem, as_json=arguments.json)
    if problem is not None:
        _say(f"lnl: {problem}")
        return 2
    return 0


def _watch(run: Any) -> None:
    """Train behind a progress bar: drawn often on a terminal, every ten seconds elsewhere."""
    import time

    from tqdm import tqdm

    from lnl_core.train import EpochRecord

    pause = 0.2 if sys.stderr.isatty() else 10
    stage, drawn = None, time.monotonic()
    with tqdm(total=0, unit="epoch", mininterval=pause) as bar:
        for record in run:
            if record.stage != stage:  # a recipe's stages are not known before they begin
                stage = record.stage
                bar.total += run.stage_config(stage).epochs
            if isinstance(record, EpochRecord):
                bar.set_postfix(stage=stage, test=f"{record.test_accuracy:.3f}", refresh=False)
                bar.update()
            elif time.monotonic() - drawn > pause:  # an epoch may take minutes: show its steps
                drawn = time.monotonic()
                bar.set_postfix(stage=stage, epoch=record.epoch, step=record.step)


def _print_result(run: Any, problem: Exception | None, *, as_json: bool) -> None:
    document = run.document(problem)
    if as_json:
        print(json.dumps(document))
        return
    from lnl_core.measures.selection import RULES

    print("test accuracy")
    for rule, value in document["metrics"].items():
        shown = "—" if value is None else f"{value:.1%}"
        print(f"  {rule:<15} {shown:>6}  {RULES[rule]}")
    print(f"{document['seconds']:.1f} s on {document['device']}")


def _seeds(arguments: argparse.Namespace) -> Any:
    from lnl_core.config import Seeds

    own = {name: getattr(arguments, f"seed_{name}") for name in ("noise", "split", "init", "order")}
    return Seeds(**{name: arguments.seed if seed is None else seed for name, seed in own.items()})


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"option {text!r} has no value: write KEY=VALUE, as in beta=0.9.")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return key, value  # a bare word is a string


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
