"""The demo world: the documentation's examples, ordinary history, and much of it.

What is remarkable is noted in `world.landmarks`, ids by name; `oddities` adds the rarer things, and
`places` says what each project is for.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from gateway.sandbox.oddities import add_oddities
from gateway.sandbox.places import DAY, DEMO, MONOREPO, SHOP, add_projects
from gateway.sandbox.world.clock import timestamp

if TYPE_CHECKING:
    from gateway.sandbox.world.builder import Builder
    from gateway.sandbox.world.rows import PipelineRow

__all__ = ["build"]

_BUILDS = 1_200
_FOLDING = 220
_UNCOUNTED = 10_001
_HUGE_PIPELINE = 2_900_799_542
_HUGE_JOB = 16_862_751_507
_NAMES = ("compile", "rspec", "jest", "rubocop", "brakeman", "deploy:review")


def build(world: Builder, *, jobs: int | None) -> None:
    """All seven projects. `jobs` is how many builds project 6 has (1,200)."""
    add_projects(world)
    _documentation(world)
    add_oddities(world)
    _history(world)
    _monorepo(world, _BUILDS if jobs is None else jobs)
    _shop(world)
    world.flush()


_FOR_EVER: dict[str, Any] = {
    "planned_s": 30 * DAY,
    "log_lines": 30 * 8_640,
    "moves": True,
}
"""A job that runs while anybody watches, and writes a line every ten seconds."""


def _documentation(world: Builder) -> None:
    """Pipelines 1, 5 and 6 with jobs 1 to 9: what the documentation's examples call.

    Job 1 is a finished manual job. Retry and play both need a job that was not retried yet, so each
    of the four actions works on it in a fresh world, and cancel, retry, erase in turn, but not play
    after retry: GitLab refuses that too.
    """
    now = world.now
    old = world.pipeline(
        DEMO, id=1, created=now - 2 * DAY, commit={"title": "Test the CI integration."}
    )
    world.job(
        old,
        "deploy:staging",
        id=1,
        stage="deploy",
        run_when="manual",
        allow_failure=1,
        created=now - 2 * DAY,
        artifacts=("archive", "metadata", "junit"),
        artifacts_expire_at=timestamp(now + 28 * DAY),
        environment_json='{"slug":"staging","tier":"staging"}',
        coverage=36.43,
    )
    world.job(old, "compile", id=2, stage="build", created=now - 2 * DAY)
    world.job(old, "rspec", id=3, created=now - 2 * DAY, artifacts=("archive", "cobertura"))
    world.close_pipeline(old)

    child = world.pipeline(
        DEMO, id=5, created=now - 280, source="parent_pipeline", has_commit=False
    )
    world.job(child, "package", id=4, stage="build", created=now - 280)
    world.job(child, "smoke", id=5, status="running", created=now - 200, **_FOR_EVER)
    world.close_pipeline(child)

    main = world.pipeline(
        DEMO, id=6, created=now - 300, commit={"title": "Merge branch 'spec' into 'main'"}
    )
    # No runner has this tag: the job stays pending, so that the examples' scope finds something.
    world.job(
        main,
        "rspec:other",
        id=6,
        status="pending",
        created=now - 300,
        tag_list_json='["windows"]',
    )
    world.job(
        main,
        "teaspoon",
        id=7,
        status="failed",
        created=now - 300,
        worked=97.0,
        artifacts=("archive", "metadata", "junit"),
        artifacts_expire_at=timestamp(now + 29 * DAY),
        tag_list_json='["docker runner","ubuntu18"]',
    )
    world.job(
        main,
        "rubocop",
        id=8,
        status="running",
        created=now - 300,
        environment_json='{"slug":"review-main","tier":"development"}',
        **_FOR_EVER,
    )
    world.job(
        main,
        "downstream",
        id=9,
        bridge=1,
        status="running",
        created=now - 290,
        downstream_project_id=DEMO,
        downstream_id=5,
    )
    world.close_pipeline(main)
    world.landmarks |= {
        "project": DEMO,
        "pipeline": 6,
        "child_pipeline": 5,
        "manual_finished_job": 1,
        "running_job": 8,
        "bridge": 9,
    }
    world.skip_ids(pipelines=9, jobs=19)


def _history(world: Builder) -> None:
    """Twenty ordinary pipelines of project 1."""
    chance = Random(world.seed)  # noqa: S311 - a deterministic world, no secrets
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


def _monorepo(world: Builder, builds: int) -> None:
    """Project 6: a pipeline to fold, one too large to be counted if so many are asked for, the rest
    small.
    """
    chance = Random(world.seed + 1)  # noqa: S311 - a deterministic world, no secrets
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


def _shop(world: Builder) -> None:
    """Project 5: ids above 2³¹. It comes last, so that ids given out later are larger still."""
    world.skip_ids(pipelines=_HUGE_PIPELINE - 1, jobs=_HUGE_JOB - 1)
    chance = Random(world.seed + 2)  # noqa: S311 - a deterministic world, no secrets
    for number in range(4):
        row = world.pipeline(SHOP, created=world.now - 3000 + number * 500)
        _ordinary_jobs(world, row, chance)
    world.landmarks |= {
        "big_id_project": SHOP,
        "big_id_pipeline": _HUGE_PIPELINE,
        "big_id_job": _HUGE_JOB,
    }
