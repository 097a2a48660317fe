"""Execute notebooks, some at a time, and say how each went."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lnl_core.errors import InputError
from nbtools import page
from nbtools.check import out_of_step
from nbtools.surroundings import headless
from nbtools.twins import REFRESH, Notebook, parameters

TOOLS = Path(__file__).resolve().parent.parent
# Seconds that one cell may take: far above what it should, so that a run that hangs ends.
CELL_TIMEOUT = {"smoke": 600, "laptop": 3600, "paper": None}
PATIENCE = 10  # seconds an interrupted notebook has for stopping its kernel


@dataclass
class Result:
    """How one notebook went. A claim that does not hold is a finding, not a failure."""

    name: str
    seconds: float = 0.0
    failure: str = ""
    claims: list[dict] = field(default_factory=list)
    note: str = ""
    executed: bool = False  # far enough to have left pages to look at

    @property
    def kept(self) -> int:
        return sum(claim["holds"] for claim in self.claims)


def run(notebooks: list[Notebook], profile: str, jobs: int, out: Path, timeout: int | None) -> int:
    """Execute `notebooks`; leave them and index.html under `out`; 1 if any failed, else 0."""
    folder = out.resolve() / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    try:
        results = asyncio.run(_run_all(notebooks, profile, jobs, folder, timeout))
    except asyncio.CancelledError:  # SIGTERM; to the caller it is what Ctrl-C is
        raise KeyboardInterrupt from None
    index = out / "index.html"
    index.write_text(page.render(results, profile, time.monotonic() - begun), encoding="utf-8")

    failed = [result.name for result in results if result.failure]
    if failed:
        print(f"{len(failed)} of {len(results)} notebooks failed: {', '.join(failed)}; see {index}")
    else:
        print(f"{len(results)} notebooks ran to their last cell; see {index}")
    return 1 if failed else 0


async def _run_all(
    notebooks: list[Notebook], profile: str, jobs: int, folder: Path, timeout: int | None
) -> list[Result]:
    jobs = min(jobs, len(notebooks))
    slots = asyncio.Semaphore(jobs)
    environment = headless(threads=(os.cpu_count() or 1) // jobs)
    # Ctrl-C already cancels the task that asyncio runs; being told to end should do no less.
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

    async def one(notebook: Notebook) -> Result:
        async with slots:
            begun = time.monotonic()
            result = await _run_one(notebook, profile, folder, timeout, environment)
            result.seconds = time.monotonic() - begun
            _announce(result)
            return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(notebook)) for notebook in notebooks]
    return [task.result() for task in tasks]


async def _run_one(
    notebook: Notebook, profile: str, folder: Path, timeout: int | None, environment: dict[str, str]
) -> Result:
    result = Result(notebook.name)
    record = folder / f"{notebook.name}.run.json"
    html = folder / f"{notebook.name}.html"
    for stale in (record, html, folder / notebook.ipynb.name):
        stale.unlink(missing_ok=True)
    try:
        if not notebook.ipynb.exists():
            raise InputError(f"has no {notebook.ipynb.name} yet: {REFRESH}")
        parameters(notebook.read_ipynb())
        if notebook.twin.exists() and out_of_step(notebook):
            result.note = f"older than its source {notebook.twin.name}: {REFRESH}"
        job = {
            "input": str(notebook.ipynb.resolve()),
            "output": str(folder / notebook.ipynb.name),
            "folder": str(notebook.folder.resolve()),
            "parameters": {"PROFILE": profile, "OUT_DIR": str(folder)},
            "timeout": timeout,
        }
        result.failure = await _execute(job, environment)
        result.executed = html.exists()
        if not result.failure:
            result.claims = _claims(record)
    except InputError as error:
        result.failure = str(error)
    return result


async def _execute(job: dict, environment: dict[str, str]) -> str:
    """Run execute.py on a job and return what it says stopped the notebook."""
    command = [sys.executable, "-m", "nbtools.execute", json.dumps(job)]
    # Files, not pipes: a kernel that outlives its parent would hold a pipe open, and us with it.
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as talk:
        child = await asyncio.create_subprocess_exec(
            *command,
            cwd=TOOLS,
            env=environment,
            stdout=answer,
            stderr=talk,
            start_new_session=True,  # Ctrl-C comes to us alone, and we pass it on once
        )
        try:
            await child.wait()
        except asyncio.CancelledError:
            await _stop(child)
            raise
        if child.returncode:
            last = _text(talk)[-1:] or ["without a word"]
            killed = "; memory running out is the usual cause: JOBS=1" * (child.returncode < 0)
            return f"its process ended with code {child.returncode}: {last[0]}{killed}"
        return json.loads(_text(answer)[-1])["failure"]


async def _stop(child: asyncio.subprocess.Process) -> None:
    """Interrupt a notebook's process, so that it stops its kernel; end it if that takes long."""
    child.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(child.wait(), PATIENCE)
    except TimeoutError:
        child.kill()
        await child.wait()


def _text(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return file.read().decode(errors="replace").strip().splitlines()


def _claims(record: Path) -> list[dict]:
    """The claims in the record that a notebook writes in its last cell."""
    try:
        claims = json.loads(record.read_text(encoding="utf-8"))["claims"]
        return [
            {"text": str(claim["text"]), "holds": bool(claim["holds"]), "detail": claim["detail"]}
            for claim in claims
        ]
    except FileNotFoundError:
        raise InputError(f"did not reach its last cell, which writes {record.name}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"its {record.name} has no list of claims (text, holds, detail)") from None


def _announce(result: Result) -> None:
    status = "FAILED" if result.failure else "ok"
    story = result.failure or f"{result.kept} of {len(result.claims)} claims hold"
    print(f"{status:7}{result.name:28}{result.seconds:7.1f} s   {story}", flush=True)
    if result.note:
        print(f"       note: {result.note}", flush=True)
    for claim in result.claims:
        if not claim["holds"]:
            detail = f" ({claim['detail']})" if claim["detail"] else ""
            print(f"       does not hold: {claim['text']}{detail}", flush=True)
