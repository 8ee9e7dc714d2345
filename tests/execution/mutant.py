"""A mutant: a replacement of text in one of the modules that make and run plans, which is loaded
beside the real modules.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from tests.execution.comparison import Stack

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Mutant"]

PACKAGE = "gateway.execution"
# In the order in which they import each other.
MODULES = (
    "arguments",
    "declared",
    "plan",
    "layout",
    "decoding",
    "namespace",
    "compiler",
    "planner",
    "slot_filler",
    "executor",
    "shapes",
    "operation",
    "document",
    "documents",
    "preparing",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old`, which stands once in the module's source, becomes `new`."""

    name: str
    module: str
    old: str
    new: str

    def load(self, *, validates: bool = False) -> Stack:
        """The modules with the mutated one among them; what is imported elsewhere stays."""
        names = [f"{PACKAGE}.{module}" for module in MODULES]
        kept = {name: sys.modules.pop(name) for name in names}
        try:
            for module in MODULES:
                self._load(module)
            documents: Any = sys.modules[f"{PACKAGE}.documents"]
            executor = sys.modules[f"{PACKAGE}.executor"]
            if not validates:
                # The corpus is known to be valid, and validation takes most of the time.
                documents.validate_steps = _valid
            return Stack(documents, executor, sys.modules[f"{PACKAGE}.preparing"])
        finally:
            sys.modules.update(kept)

    def _load(self, name: str) -> None:
        code = self._mutated() if name == self.module else _compiled(name)
        full_name = f"{PACKAGE}.{name}"
        module = sys.modules[full_name] = ModuleType(full_name)
        exec(code, module.__dict__)  # noqa: S102 - our own source

    def _mutated(self) -> CodeType:
        place = _place_of(self.module)
        source = place.read_text()
        assert source.count(self.old) == 1, f"not once in {self.module}: {self.old}"
        return compile(source.replace(self.old, self.new), place, "exec")


@cache
def _compiled(name: str) -> CodeType:
    place = _place_of(name)
    return compile(place.read_text(), place, "exec")


def _place_of(name: str) -> Path:
    spec = find_spec(f"{PACKAGE}.{name}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def _valid(*_: Any, **__: Any) -> Generator[None, None, list[Any]]:
    """Steps of which there are none, and no errors."""
    yield from ()
    return []
