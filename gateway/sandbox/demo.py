"""The demo world: the projects of the API's documentation and of every oddity the contract knows.

| id | path                             | what it is for                                                  |
|----|----------------------------------|-----------------------------------------------------------------|
| 1  | demo/diaspora-client             | public; the documentation's examples, every status, every oddity |
| 2  | acme/platform/tools/pipeline-kit | private, nested path, public pipelines off, protected ref, inputs |
| 3  | acme/platform/handbook-site      | private, public pipelines on; was acme/handbook                  |
| 4  | demo/closed-kitchen              | public, public pipelines off                                    |
| 5  | acme/web/shop                    | ids above 2³¹                                                   |
| 6  | demo/monorepo                    | many builds: paging, folding; grows with `jobs`                 |
| 7  | vault/secret-deploy              | private, maintainer only: an invisible downstream               |
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from gateway.sandbox.access import MAINTAINER
from gateway.sandbox.artifacts import ARTIFACTS
from gateway.sandbox.clock import timestamp
from gateway.sandbox.jsontext import compact
from gateway.sandbox.people import ADMIN, BLOCKED, BOT, DEVELOPER_ID, MAINTAINER_ID, MEMBERS
from gateway.sandbox.profile import STATUSES
from gateway.sandbox.rows import ProjectRow

if TYPE_CHECKING:
    from gateway.sandbox.rows import PipelineRow
    from gateway.sandbox.world import Builder

__all__ = ["build"]

DEMO, KIT, HANDBOOK, KITCHEN, SHOP, MONOREPO, VAULT = range(1, 8)
_DAY = 86_400.0
_FOR_EVER = 30 * _DAY
_HUGE_PIPELINE = 2_900_799_542
_HUGE_JOB = 16_862_751_507
_FOLDING = 220
_UNCOUNTED = 10_001


def build(world: Builder, *, jobs: int | None) -> None:
    """All seven projects. `jobs` is how many builds project 6 has (1,200)."""
    _projects(world)
    _documentation(world)
    _every_status(world)
    _bridges(world)
    _oddities(world)
    _history(world)
    _kit(world)
    _small_projects(world)
    _monorepo(world, 1_200 if jobs is None else jobs)
    _shop(world)
    world.flush()


def _projects(world: Builder) -> None:
    created = timestamp(world.now - 300 * _DAY)

    def project(number: int, path: str, name: str, **given: object) -> None:
        members = {MAINTAINER_ID: MAINTAINER} if number == VAULT else MEMBERS
        moved_from = ("acme/handbook",) if number == HANDBOOK else ()
        row = ProjectRow(id=number, path=path, name=name, created_at=created)
        world.project(row._replace(**given), members, moved_from)

    project(
        DEMO,
        "demo/diaspora-client",
        "Diaspora Client",
        visibility="public",
        description="The project of the API documentation's examples",
        groups_json="[10]",
        agents_json=compact([_agent(world)]),
    )
    project(
        KIT,
        "acme/platform/tools/pipeline-kit",
        "Pipeline-Baukasten 工具",
        public_pipelines=0,
        groups_json="[20,21,22]",
        protected_refs_json='["release/1.0"]',
        token_scope=1,
    )
    project(
        HANDBOOK,
        "acme/platform/handbook-site",
        "Handbook site",
        groups_json="[20,21]",
        variables_level=MAINTAINER,
        allowlist_json='{"1":["read_jobs"]}',
    )
    project(
        KITCHEN,
        "demo/closed-kitchen",
        "Closed kitchen",
        visibility="public",
        public_pipelines=0,
        groups_json="[10]",
        cancel_level=MAINTAINER,
    )
    project(SHOP, "acme/web/shop", "Shop", groups_json="[23,20]", allowlist_json='{"1":[]}')
    project(MONOREPO, "demo/monorepo", "Monorepo", visibility="internal", groups_json="[10]")
    project(VAULT, "vault/secret-deploy", "Secret deploy", default_branch=None)


def _agent(world: Builder) -> dict[str, object]:
    return {
        "id": 1,
        "config_project": {
            "id": DEMO,
            "description": None,
            "name": "Diaspora Client",
            "name_with_namespace": "Demo / Diaspora Client",
            "path": "diaspora-client",
            "path_with_namespace": "demo/diaspora-client",
            "created_at": timestamp(world.now - 300 * _DAY),
        },
        "configuration": {"default_namespace": "staging"},
    }


def _documentation(world: Builder) -> None:
    """Pipelines 1, 5 and 6 with jobs 1 to 9: what the documentation's examples call."""
    now = world.now
    old = world.pipeline(
        DEMO, id=1, created=now - 2 * _DAY, commit={"title": "Test the CI integration."}
    )
    world.job(
        old,
        "deploy:staging",
        id=1,
        stage="deploy",
        run_when="manual",
        allow_failure=1,
        created=now - 2 * _DAY,
        artifacts=("archive", "metadata", "junit"),
        artifacts_expire_at=timestamp(now + 28 * _DAY),
        environment_json='{"slug":"staging","tier":"staging"}',
        coverage=36.43,
    )
    world.job(old, "compile", id=2, stage="build", created=now - 2 * _DAY)
    world.job(
        old, "rspec", id=3, created=now - 2 * _DAY, artifacts=("archive", "metadata", "cobertura")
    )
    world.close_pipeline(old._replace(coverage="36.43"))

    child = world.pipeline(
        DEMO, id=5, created=now - 280, source="parent_pipeline", has_commit=False
    )
    world.job(child, "package", id=4, stage="build", created=now - 280)
    world.job(
        child,
        "smoke",
        id=5,
        status="running",
        created=now - 200,
        log_lines=4000,
        **_works_until(now - 197.5, _FOR_EVER),
    )
    world.close_pipeline(child)

    main = world.pipeline(
        DEMO, id=6, created=now - 300, commit={"title": "Merge branch 'spec' into 'main'"}
    )
    world.job(
        main, "rspec:other", id=6, status="pending", created=now - 300, tag_list_json='["windows"]'
    )
    world.job(
        main,
        "teaspoon",
        id=7,
        status="failed",
        created=now - 300,
        worked=97.0,
        artifacts=("archive", "metadata", "junit"),
        artifacts_expire_at=timestamp(now + 29 * _DAY),
        tag_list_json='["docker runner","ubuntu18"]',
    )
    world.job(
        main,
        "rubocop",
        id=8,
        status="running",
        created=now - 300,
        log_lines=86_400,
        environment_json='{"slug":"review-main","tier":"development"}',
        **_works_until(now - 297.5, _FOR_EVER),
    )
    world.job(
        main,
        "downstream",
        id=9,
        bridge=1,
        status="running",
        created=now - 290,
        started=True,
        downstream_project_id=DEMO,
        downstream_id=5,
        tag_list_json='["bridge"]',
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


def _works_until(started: float, planned_s: float) -> dict[str, float]:
    return {"planned_s": planned_s, "next_at": started + planned_s}


def _every_status(world: Builder) -> None:
    """Pipeline 10: a job in each of the thirteen statuses, none of which moves by itself."""
    row = world.pipeline(DEMO, created=world.now - 1200, status="running", name="Every status")
    for status in STATUSES:
        manual = status in {"manual", "scheduled"}
        world.job(
            row,
            f"is {status}",
            status=status,
            stage="deploy" if status == "created" else "test",
            created=world.now - 1200,
            worked=400.0 if status in {"running", "canceling"} else 45.0,
            started=None if status != "canceled" else False,
            run_when={"manual": "manual", "scheduled": "delayed"}.get(status, "on_success"),
            allow_failure=int(manual),
            log_lines=600,
            planned_s=3000.0,
        )
    world.close_pipeline(row)
    world.landmarks["every_status_pipeline"] = row.id


def _bridges(world: Builder) -> None:
    """Pipeline 11: bridges of all kinds; one leads where only the maintainer may follow."""
    now = world.now
    vault = world.pipeline(
        VAULT, id=12, created=now - 5000, source="pipeline", user_id=MAINTAINER_ID
    )
    world.job(vault, "unseal", stage="deploy", created=now - 5000)
    world.close_pipeline(vault)
    other = world.pipeline(KIT, id=13, created=now - 5000, source="pipeline")
    world.job(other, "use it", stage="test", created=now - 5000)
    world.close_pipeline(other)
    row = world.pipeline(DEMO, id=11, created=now - 5060, name="Bridges")
    world.job(row, "prepare", stage="build", created=now - 5060)
    kinds = (
        ("to secret-deploy", "success", VAULT, vault.id, {}),
        ("to pipeline-kit", "success", KIT, other.id, {"retried": 0}),
        (
            "never created",
            "failed",
            KIT,
            None,
            {"failure_reason": "downstream_pipeline_creation_failed"},
        ),
        (
            "too deep",
            "failed",
            DEMO,
            None,
            {"failure_reason": "reached_max_descendant_pipelines_depth"},
        ),
        ("by hand", "manual", DEMO, None, {"run_when": "manual", "allow_failure": 1}),
        ("canceled", "canceled", DEMO, None, {}),
        ("skipped", "skipped", DEMO, None, {}),
        ("pending", "pending", DEMO, None, {}),
    )
    for name, status, project, downstream, given in kinds:
        job = world.job(
            row,
            name,
            bridge=1,
            status=status,
            stage="deploy",
            created=now - 5000,
            downstream_project_id=project,
            downstream_id=downstream,
            tag_list_json='["bridge"]',
            **given,
        )
        world.landmarks[f"bridge {name}"] = job.id
    first = world.job(
        row, "to diaspora", bridge=1, retried=1, status="failed", stage="deploy", created=now - 5000,
        downstream_project_id=DEMO, tag_list_json='["bridge"]',
    )  # fmt: skip
    world.job(
        row, "to diaspora", bridge=1, status="success", stage="deploy", created=now - 4000,
        downstream_project_id=DEMO, tag_list_json='["bridge"]', downstream_id=5,
    )  # fmt: skip
    world.close_pipeline(row)
    world.landmarks |= {"bridges_pipeline": row.id, "retried_bridge": first.id}
    world.skip_ids(pipelines=19, jobs=59)


def _oddities(world: Builder) -> None:
    """Pipelines 20 and on: one oddity each."""
    now = world.now
    marks = world.landmarks

    row = world.pipeline(DEMO, created=now - 7200, name="Retried")
    first = world.job(row, "flaky", status="failed", created=now - 7200, retried=1)
    second = world.job(row, "flaky", status="failed", created=now - 7000, retried=1)
    world.job(row, "steady", created=now - 7200)
    world.job(row, "flaky", created=now - 6000)
    world.close_pipeline(row)
    marks |= {"retried_pipeline": row.id, "retried_job": first.id, "twice_retried_job": second.id}

    row = world.pipeline(DEMO, created=now - _DAY, ref="v1.2.0", tag=1, name="Release 1.2.0")
    world.job(
        row, "build:all", stage="build", created=now - _DAY, artifacts=("archive", "metadata")
    )
    every = [kind for kind in ARTIFACTS if kind != "trace"]
    marks["every_artifact_job"] = world.job(row, "reports", created=now - _DAY, artifacts=every).id
    world.close_pipeline(row)
    marks["tag_pipeline"] = row.id

    row = world.pipeline(
        DEMO, created=now - 4000, ref="refs/merge-requests/12/head", source="merge_request_event"
    )
    world.job(row, "lint: größe 'prüfen' 日本語", created=now - 4000, worked=12.25)
    world.job(row, "rspec", status="failed", created=now - 4000)
    world.job(row, "ci/optional", status="failed", created=now - 4000, allow_failure=1)
    world.job(row, "publish", status="skipped", stage="deploy", created=now - 4000)
    world.close_pipeline(row)
    marks["failed_pipeline"] = row.id

    row = world.pipeline(
        DEMO, created=now - 3900, ref="feature/ünïcode", source="web", user_id=BLOCKED
    )
    marks["null_user_job"] = world.job(row, "nobody", created=now - 3900, user_id=None).id
    marks["blocked_user_job"] = world.job(row, "by a blocked user", created=now - 3900).id
    marks["bot_job"] = world.job(row, "by a bot", created=now - 3900, user_id=BOT).id
    marks["null_commit_job"] = world.job(row, "commit is gone", created=now - 3900, sha="f" * 40).id
    marks["null_runner_job"] = world.job(
        row, "runner is gone", created=now - 3900, runner_id=None, manager_id=None
    ).id
    marks["null_manager_job"] = world.job(row, "no manager", created=now - 3900, manager_id=None).id
    marks["foreign_runner_job"] = world.job(
        row, "offline runner", created=now - 3900, runner_id=3, manager_id=31
    ).id
    marks["debug_job"] = world.job(row, "debug trace", created=now - 3900, debug=1).id
    marks["unarchived_log_job"] = world.job(
        row, "log only", created=now - 3900, artifacts_json="[]"
    ).id
    marks["silent_job"] = world.job(row, "says nothing", created=now - 3900, log_lines=0).id
    marks["erased_job"] = world.job(
        row, "erased", created=now - 3900, log_lines=0, erased_at=timestamp(now - 100)
    ).id
    marks["expired_artifacts_job"] = world.job(
        row,
        "artifacts expired",
        created=now - 3900,
        artifacts=("archive", "metadata"),
        artifacts_expire_at=timestamp(now - 60),
    ).id
    marks["internal_artifacts_job"] = world.job(
        row, "artifacts for members", created=now - 3900, artifacts=("archive",), artifacts_public=0
    ).id
    marks["never_started_job"] = world.job(
        row,
        "dropped",
        status="failed",
        created=now - 3900,
        started=False,
        failure_reason="stuck_pending_no_matching_runners",
        queued_at=timestamp(now - 3900),
    ).id
    marks["canceled_job"] = world.job(row, "canceled half way", status="canceled", started=True).id
    world.close_pipeline(row)
    marks["oddities_pipeline"] = row.id

    row = world.pipeline(DEMO, created=now - 200 * _DAY, archived=1, source="schedule")
    marks["archived_job"] = world.job(row, "old build", created=now - 200 * _DAY, archived=1).id
    world.close_pipeline(row)

    row = world.pipeline(
        DEMO,
        created=now - 900,
        ref="broken",
        status="failed",
        yaml_errors="jobs:test config should implement a script: or a trigger: keyword",
        finished_at=timestamp(now - 900.001),
    )
    marks["yaml_error_pipeline"] = world.close_pipeline(row).id

    row = world.pipeline(DEMO, created=now - 20, source="schedule", user_id=ADMIN, name="Moves on")
    begin = world.job_count
    world.job(
        row, "compile", stage="build", status="running", created=now - 20, user_id=DEVELOPER_ID,
        **_works_until(now - 17.5, 40.0),
    )  # fmt: skip
    marks["moving_job"] = world.job(
        row, "configure", stage="build", status="pending", created=now - 20, next_at=now + 3
    ).id
    world.job(row, "unit", status="created", created=now - 20)
    world.job(row, "flaky spec", status="created", created=now - 20, allow_failure=1,
              outcome="script_failure")  # fmt: skip
    world.job(row, "trigger child", bridge=1, status="created", stage="deploy", created=now - 20,
              downstream_project_id=DEMO, tag_list_json='["bridge"]')  # fmt: skip
    world.job(row, "by hand", status="created", stage="deploy", created=now - 20,
              run_when="manual", allow_failure=1)  # fmt: skip
    world.job(row, "later", status="created", stage="deploy", created=now - 20, run_when="delayed")
    world.close_pipeline(row, first_job=begin)
    marks["moving_pipeline"] = row.id


def _history(world: Builder) -> None:
    """Twenty ordinary pipelines of project 1, the newest last."""
    chance = Random(world.seed)  # noqa: S311 - a deterministic world, no secrets
    for number in range(20):
        created = world.now - 4 * _DAY + number * 3600
        row = world.pipeline(
            DEMO, created=created, ref=("main", "develop")[number % 2], user_id=2 + number % 2
        )
        _ordinary_jobs(world, row, created, chance)


def _ordinary_jobs(
    world: Builder, row: PipelineRow, created: float, chance: Random, *, builds: int = 6
) -> None:
    """A pipeline that has run: mostly green, one in five fails and skips its last stage."""
    begin = world.job_count
    fails = chance.random() < 0.2
    for index in range(builds):
        stage = "build" if index == 0 else "deploy" if index == builds - 1 else "test"
        status = "success"
        if fails and index == builds - 2:
            status = "failed"
        elif fails and stage == "deploy":
            status = "skipped"
        world.job(
            row,
            _NAMES[index] if index < len(_NAMES) else f"rspec {index}/{builds}",
            stage=stage,
            status=status,
            created=created,
            waited=round(chance.uniform(0.5, 9.0), 6),
            worked=round(chance.uniform(5.0, 240.0), 6),
            artifacts=("archive", "metadata") if index == 1 and status == "success" else None,
            artifacts_expire_at=timestamp(created + 30 * _DAY) if index == 1 else None,
        )
    world.close_pipeline(row, first_job=begin)


_NAMES = ("compile", "rspec", "jest", "rubocop", "brakeman", "deploy:review")


def _kit(world: Builder) -> None:
    """Project 2: a protected ref, inputs, an environment, merge request pipelines."""
    now = world.now
    row = world.pipeline(KIT, created=now - 8000, ref="release/1.0")
    begin = world.job_count
    world.landmarks["protected_job"] = world.job(row, "protected", created=now - 8000).id
    world.close_pipeline(row, first_job=begin)
    row = world.pipeline(KIT, created=now - 600, ref="main")
    begin = world.job_count
    world.landmarks["kit_job"] = world.job(
        row, "check", created=now - 600, artifacts=("archive",)
    ).id
    world.landmarks["inputs_job"] = world.job(
        row,
        "deploy with inputs",
        stage="deploy",
        created=now - 600,
        run_when="manual",
        inputs_json='{"environment":{"options":["staging","production"]},"replicas":{}}',
    ).id
    world.landmarks["deploying_job"] = world.job(
        row,
        "deploy:production",
        status="running",
        stage="deploy",
        created=now - 100,
        environment_json='{"slug":"production","tier":"production"}',
        log_lines=20_000,
        **_works_until(now - 97.5, _FOR_EVER),
    ).id
    world.close_pipeline(row, first_job=begin)


def _small_projects(world: Builder) -> None:
    now = world.now
    for project in (HANDBOOK, KITCHEN):
        row = world.pipeline(project, created=now - 9000)
        begin = world.job_count
        name = f"{'handbook' if project == HANDBOOK else 'kitchen'}"
        world.landmarks[f"{name}_job"] = world.job(row, "pages", created=now - 9000).id
        world.landmarks[f"{name}_manual_job"] = world.job(
            row, "publish", stage="deploy", status="manual", created=now - 9000, run_when="manual",
            allow_failure=1,
        ).id  # fmt: skip
        world.landmarks[f"{name}_running_job"] = world.job(
            row, "watch", status="running", created=now - 90, log_lines=4000,
            **_works_until(now - 87.5, _FOR_EVER),
        ).id  # fmt: skip
        world.close_pipeline(row, first_job=begin)


def _monorepo(world: Builder, builds: int) -> None:
    """Project 6: one pipeline to fold, one too large to be counted if asked for that many, the rest small."""
    chance = Random(world.seed + 1)  # noqa: S311 - a deterministic world, no secrets
    sizes = [_FOLDING]
    if builds > _UNCOUNTED:
        sizes.append(_UNCOUNTED)
    rest = max(builds - sum(sizes), 0)
    sizes += [6] * (rest // 6) + ([rest % 6] if rest % 6 else [])
    step = 10 * _DAY / len(sizes)
    for number, size in enumerate(sizes):
        created = world.now - 11 * _DAY + number * step
        row = world.pipeline(MONOREPO, created=created, ref=("main", "next")[number % 2])
        _ordinary_jobs(world, row, created, chance, builds=size)
        if number < 2:
            world.landmarks[("folding_pipeline", "uncounted_pipeline")[size == _UNCOUNTED]] = row.id
    world.landmarks["paging_project"] = MONOREPO


def _shop(world: Builder) -> None:
    """Project 5: ids above 2³¹, last so that new ids are larger still."""
    world.skip_ids(pipelines=_HUGE_PIPELINE - 1, jobs=_HUGE_JOB - 1)
    chance = Random(world.seed + 2)  # noqa: S311 - a deterministic world, no secrets
    for number in range(4):
        created = world.now - 3000 + number * 500
        row = world.pipeline(SHOP, created=created)
        _ordinary_jobs(world, row, created, chance)
    world.landmarks |= {
        "big_id_project": SHOP,
        "big_id_pipeline": _HUGE_PIPELINE,
        "big_id_job": _HUGE_JOB,
    }
