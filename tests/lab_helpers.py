"""A JupyterLab of the tests' own, and the notebooks that are opened in it."""

from __future__ import annotations

import ast
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from browser_helpers import PATIENCE, ROOT
from nbformat import NotebookNode


@contextmanager
def serve_lab(folder: Path) -> Iterator[str]:
    """JupyterLab on the notebooks in `folder`; yields its address, with a place for a name.

    Nothing of the user's own settings is read or written.
    """
    own = folder / ".lab"
    use_subshells(folder, True)
    _set(folder, "notification", {"fetchNews": "false", "checkForUpdates": False})
    configured = own / "config" / "labconfig" / "page_config.json"
    configured.parent.mkdir(parents=True)
    configured.write_text('{"buildCheck": false}')  # it asks Node.js whether to build anew
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = os.environ | {name: str(own / place) for name, place in places.items()}
    environment |= {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    options = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--no-browser"]
    options += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}", "--allow-root"]
    options += [f"--IdentityProvider.token={token}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    log = own / "log.txt"
    with log.open("w") as said:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _until_it_answers(f"{address}/api?token={token}", server, log)
        yield f"{address}/lab/tree/{{}}?reset&token={token}"
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def use_subshells(folder: Path, wanted: bool) -> None:
    """For pages opened from now on: may widget messages go to a thread of the kernel beside the one
    that runs the cells, which is JupyterLab's own choice, or do they wait for that one?"""
    choice = "perCommTarget" if wanted else "disabled"
    _set(folder, "kernels-settings", {"commsOverSubshells": choice})


def _set(folder: Path, name: str, values: dict) -> None:
    settings = folder / ".lab" / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))


def _until_it_answers(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)  # nothing can be waited for before there is somebody to ask
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


# --- notebooks ------------------------------------------------------------------------------------


def up_to_explorer(name: str) -> NotebookNode:
    """The notebook's explorer with the cells that it needs, and none that trains on the way."""
    document = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    explorers = [k for k, cell in enumerate(code) if _shows_explorer(cell.source)]
    assert explorers, f"{name} shows no explorer"
    kept, needed = [], set()
    for k in range(explorers[0], -1, -1):
        defined, used = _names(code[k].source)
        if k == explorers[0] or defined & needed:
            kept.insert(0, code[k])
            needed |= used
    for cell in kept:
        cell.outputs, cell.execution_count = [], None
    document.cells = kept
    return document


def _shows_explorer(source: str) -> bool:
    return bool(re.search(r"^(\w+ = )?\w+Explorer\(", source, flags=re.MULTILINE))


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell defines, and those that it uses."""
    defined, used = set(), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.alias(name=name, asname=other):
                defined.add(other or name)
    return defined, used
