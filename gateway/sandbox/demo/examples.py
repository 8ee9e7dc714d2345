"""What the documentation's examples call: pipelines 1, 5 and 6 of project 1, jobs 1 to 9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.demo.projects import DAY, DEMO
from gateway.sandbox.world.clock import timestamp

if TYPE_CHECKING:
    from gateway.sandbox.world.builder import Builder

__all__ = ["add_examples"]

_FOR_EVER: dict[str, Any] = {
    "planned_s": 30 * DAY,
    "log_lines": 30 * 8_640,
    "moves": True,
}
"""A job that runs while anybody watches, and writes a line every ten seconds."""


def add_examples(world: Builder) -> None:
    """All nine jobs.

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
        environment_json='{"slug":"review-main","tier":"development","name":"review/main"}',
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
