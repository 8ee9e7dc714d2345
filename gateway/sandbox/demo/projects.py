"""The demo's projects and what each is for.

1. `demo/diaspora-client`: public; the API documentation's examples, every status, the edge cases.
2. `acme/platform/tools/pipeline-kit`: private, nested path, public pipelines off; a protected ref,
   job inputs, an environment.
3. `acme/platform/handbook-site`: private, public pipelines on; was `acme/handbook`; only
   maintainers set variables; project 1's job tokens may read jobs.
4. `demo/closed-kitchen`: public, public pipelines off; only maintainers cancel.
5. `acme/web/shop`: private; ids above 2³¹; project 1's job tokens come in but may do nothing.
6. `demo/monorepo`: internal; many builds, for paging and folding; grows with `jobs`.
7. `vault/secret-deploy`: private, the maintainer's alone: an invisible downstream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.world.access import MAINTAINER
from gateway.sandbox.world.agents import agent
from gateway.sandbox.world.clock import timestamp
from gateway.sandbox.world.jsontext import compact
from gateway.sandbox.world.people import MAINTAINER_ID, MEMBERS
from gateway.sandbox.world.rows import ProjectRow

if TYPE_CHECKING:
    from gateway.sandbox.world.builder import Builder

__all__ = ["DAY", "DEMO", "HANDBOOK", "KIT", "KITCHEN", "MONOREPO", "SHOP", "VAULT", "add_projects"]

DEMO, KIT, HANDBOOK, KITCHEN, SHOP, MONOREPO, VAULT = range(1, 8)
DAY = 86_400.0


def add_projects(world: Builder) -> None:
    created = timestamp(world.now - 300 * DAY)
    for number, (path, name, given) in enumerate(_PROJECTS, 1):
        row = ProjectRow(id=number, path=path, name=name, created_at=created, **given)
        if number == DEMO:
            agents = [agent(1, row, {"default_namespace": "staging"})]
            row = row._replace(agents_json=compact(agents))
        world.project(
            row,
            {MAINTAINER_ID: MAINTAINER} if number == VAULT else MEMBERS,
            moved_from=("acme/handbook",) if number == HANDBOOK else (),
        )


_PROJECTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "demo/diaspora-client",
        "Diaspora Client",
        {
            "visibility": "public",
            "description": "The project of the API documentation's examples",
            "groups_json": "[10]",
        },
    ),
    (
        "acme/platform/tools/pipeline-kit",
        "Pipeline-Baukasten 工具",
        {
            "public_pipelines": 0,
            "groups_json": "[22,21,20]",
            "protected_refs_json": '["release/1.0"]',
            "token_scope": 1,
        },
    ),
    (
        "acme/platform/handbook-site",
        "Handbook site",
        {
            "groups_json": "[21,20]",
            "variables_level": MAINTAINER,
            "allowlist_json": '{"1":["read_jobs"]}',
        },
    ),
    (
        "demo/closed-kitchen",
        "Closed kitchen",
        {
            "visibility": "public",
            "public_pipelines": 0,
            "groups_json": "[10]",
            "cancel_level": MAINTAINER,
        },
    ),
    ("acme/web/shop", "Shop", {"groups_json": "[23,20]", "allowlist_json": '{"1":[]}'}),
    ("demo/monorepo", "Monorepo", {"visibility": "internal", "groups_json": "[10]"}),
    ("vault/secret-deploy", "Secret deploy", {"default_branch": None}),
)
