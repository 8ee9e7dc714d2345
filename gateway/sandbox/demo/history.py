"""Ordinary pipelines: some in project 1, many in project 6, some with large ids in project 5."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from gateway.sandbox.demo.projects import DAY, DEMO, MONOREPO, SHOP
from gateway.sandbox.world.clock import timestamp

if TYPE_CHECKING:
    from gateway.sandbox.world.builder import Builder
    from gateway.sandbox.world.rows import PipelineRow

__all__ = ["add_history", "add_monorepo", "add_shop"]

_FOLDING = 220
_UNCOUNTED = 10_001
_HUGE_PIPELINE = 2_900_799_542
_HUGE_JOB = 16_862_751_507
_NAMES = ("compile", "rspec", "jest", "rubocop", "brakeman", "deploy:review")


def add_history(world: Builder) -> None:
    """Twenty ordinary pipelines of project 1."""
    chance = Random(world.seed)
    for number in range(20):
        row = world.pipeline(
            DEMO,
            created=world.now - 4 * DAY + number * 3600,
            ref=("main", "develop")[number % 2],
            user_id=2 + number % 2,
        )
        _ordinary_jobs(world, row, chance)


def _ordinary_jobs(world: Builder, row: PipelineRow, chance: Random, *, builds: int = 6) -> None:
    """A pipeline that has run: mostly green, one in five fails and skips its last stage."""
    begin = world.job_count
    created = world.begun(row)
    fails = chance.random() < 0.2
    for index in range(builds):
        is_last = index == builds - 1
        stage = "build" if index == 0 else "deploy" if is_last else "test"
        status = "success"
        if fails and index >= builds - 2:
            status = "skipped" if is_last else "failed"
        keeps_files = index == 1 and status == "success"
        world.job(
            row,
            _NAMES[index] if index < len(_NAMES) else f"rspec {index % _FOLDING}/{builds}",
            stage=stage,
            status=status,
            created=created,
            waited=round(chance.uniform(0.5, 9.0), 6),
            worked=round(chance.uniform(5.0, 240.0), 6),
            artifacts=("archive", "metadata") if keeps_files else (),
            artifacts_expire_at=timestamp(created + 30 * DAY) if keeps_files else None,
        )
    world.close_pipeline(row, first_job=begin)


def add_monorepo(world: Builder, builds: int) -> None:
    """Project 6: a pipeline to fold, one too large to be counted if so many are asked for, the rest
    small.
    """
    chance = Random(world.seed + 1)
    sizes = [_FOLDING]
    if builds > _UNCOUNTED:
        sizes.append(_UNCOUNTED)
        world.landmarks["uncounted_pipeline"] = world.next_pipeline + 1
    world.landmarks |= {"paging_project": MONOREPO, "folding_pipeline": world.next_pipeline}
    rest = max(builds - sum(sizes), 0)
    sizes += [6] * (rest // 6)
    if rest % 6:
        sizes.append(rest % 6)
    step = 10 * DAY / len(sizes)
    for number, size in enumerate(sizes):
        created = world.now - 11 * DAY + number * step
        row = world.pipeline(MONOREPO, created=created, ref=("main", "next")[number % 2])
        _ordinary_jobs(world, row, chance, builds=size)


def add_shop(world: Builder) -> None:
    """Project 5: ids above 2³¹. It comes last, so that ids given out later are larger still."""
    world.skip_ids(pipelines=_HUGE_PIPELINE - 1, jobs=_HUGE_JOB - 1)
    chance = Random(world.seed + 2)
    for number in range(4):
        row = world.pipeline(SHOP, created=world.now - 3000 + number * 500)
        _ordinary_jobs(world, row, chance)
    world.landmarks |= {
        "big_id_project": SHOP,
        "big_id_pipeline": _HUGE_PIPELINE,
        "big_id_job": _HUGE_JOB,
    }
