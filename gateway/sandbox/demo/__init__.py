"""The demo world: seven projects with the documentation's examples, a history, and edge cases.

`projects` says what each project is for. What a test may look for has a name in `world.landmarks`,
which maps it to an id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.demo.edge_cases import add_edge_cases
from gateway.sandbox.demo.examples import add_examples
from gateway.sandbox.demo.history import add_history, add_monorepo, add_shop
from gateway.sandbox.demo.projects import add_projects

if TYPE_CHECKING:
    from gateway.sandbox.world.builder import Builder

__all__ = ["build"]

_BUILDS = 1_200


def build(world: Builder, *, jobs: int | None) -> None:
    """All seven projects. `jobs` is how many builds project 6 has (1,200)."""
    add_projects(world)
    add_examples(world)
    add_edge_cases(world)
    add_history(world)
    add_monorepo(world, _BUILDS if jobs is None else jobs)
    add_shop(world)
    world.flush()
