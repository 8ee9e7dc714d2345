"""The machines that run jobs."""

from __future__ import annotations

import strawberry

from gateway.schema.fields import PROMISED, plain
from gateway.schema.scalars import BigInt, DateTime

__all__ = ["Runner", "RunnerManager"]


@strawberry.type(description="The machine that took the job.")
class Runner:
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    name: str | None = plain(
        "name", "Kind of runner, e.g. gitlab-runner; newer upstreams send null."
    )
    description: str | None = plain("description", "What its owner calls it.")
    active: bool | None = plain("active", "It takes jobs. Older twin of paused.")
    paused: bool | None = plain("paused", "Its owner stopped it from taking jobs.")
    is_shared: bool | None = plain("is_shared", "It serves the whole instance.")
    runner_type: str | None = plain(
        "runner_type", "Whom it serves: instance_type, group_type or project_type."
    )
    online: bool | None = plain(
        "online", "It was heard of lately, seen from now, not from the job."
    )
    status: str | None = plain(
        "status", "online, offline, stale or never_contacted, seen from now."
    )
    ip_address: str | None = plain("ip_address", "Its address; null on newer upstreams.")


@strawberry.type(description="The process of a runner that took the job.")
class RunnerManager:
    database_id: BigInt = plain("id", "Numeric id in the upstream.")
    system_id: str | None = plain(
        "system_id", f"What the process calls the machine it runs on. {PROMISED}", promised=True
    )
    version: str | None = plain("version", "Version of the runner's program.")
    revision: str | None = plain("revision", "Revision the program was built from.")
    platform: str | None = plain("platform", "Operating system, e.g. linux.")
    architecture: str | None = plain("architecture", "Processor, e.g. amd64.")
    created_at: DateTime | None = plain("created_at", "When it registered first.")
    contacted_at: DateTime | None = plain("contacted_at", "When it was heard of last.")
    ip_address: str | None = plain("ip_address", "Its address.")
    status: str | None = plain(
        "status", "online, offline, stale or never_contacted, seen from now."
    )
