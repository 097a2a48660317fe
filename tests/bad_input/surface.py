"""The public functions of `lnl_core`, read off its source: no module has to be imported for it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import lnl_core

ROOT = Path(lnl_core.__file__).parent


@dataclass(frozen=True)
class Public:
    """One public function: where it is, whether it takes anything, whether it has a contract."""

    module: str
    name: str
    takes_something: bool
    has_contract: bool

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    def load(self) -> Any:
        return getattr(import_module(f"lnl_core.{self.module}"), self.name)


def public_functions() -> list[Public]:
    """Those of every module, without the underscore, in alphabetical order."""
    found = []
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                given = ast.unparse(node.args)
                contract = any(ast.unparse(d).startswith("takes(") for d in node.decorator_list)
                found.append(Public(module, node.name, bool(given), contract))
    return sorted(found, key=str)
