"""The demo world's edge cases: every status, every kind of bridge, and jobs that lack something.

Each has a name in `world.landmarks`. Only `moving_pipeline` moves by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox.demo.projects import DAY, DEMO, HANDBOOK, KIT, KITCHEN, VAULT
from gateway.sandbox.statuses import STATUSES
from gateway.sandbox.world.artifacts import ARTIFACTS
from gateway.sandbox.world.clock import timestamp
from gateway.sandbox.world.jsontext import compact
from gateway.sandbox.world.people import ADMIN, BLOCKED, BOT, MAINTAINER_ID

if TYPE_CHECKING:
    from gateway.sandbox.world.builder import Builder
    from gateway.sandbox.world.rows import PipelineRow

__all__ = ["add_edge_cases"]


def add_edge_cases(world: Builder) -> None:
    _every_status(world)
    _bridges(world)
    world.skip_ids(pipelines=19, jobs=59)
    _retried(world)
    _tag(world)
    _failed(world)
    _unusual_jobs(world)
    _unusual_pipelines(world)
    _moving(world)
    _kit(world)
    _small_projects(world)


def _note(world: Builder, row: PipelineRow, name: str) -> None:
    world.close_pipeline(row)
    world.landmarks[name] = row.id


def _every_status(world: Builder) -> None:
    """A job in each of the thirteen statuses."""
    created = world.now - 1200
    row = world.pipeline(DEMO, created=created, status="running", name="Every status")
    for status in STATUSES:
        is_alive = status in {"running", "canceling"}
        job = world.job(
            row,
            f"is {status}",
            status=status,
            stage="deploy" if status == "created" else "test",
            created=created,
            worked=400.0 if is_alive else 45.0,
            run_when={"manual": "manual", "scheduled": "delayed"}.get(status, "on_success"),
            allow_failure=int(status == "manual"),
            log_lines=600,
            planned_s=3000.0,
        )
        world.landmarks[f"is_{status}_job"] = job.id
    _note(world, row, "every_status_pipeline")


def _bridges(world: Builder) -> None:
    """Bridges of all kinds; one leads where only the maintainer may follow."""
    created = world.now - 5060
    vault = world.pipeline(VAULT, created=created + 60, source="pipeline", user_id=MAINTAINER_ID)
    world.job(vault, "unseal", stage="deploy", created=created + 60)
    _note(world, vault, "invisible_pipeline")
    other = world.pipeline(KIT, created=created + 60, source="pipeline")
    world.job(other, "use it", created=created + 60)
    _note(world, other, "downstream_pipeline")

    row = world.pipeline(DEMO, created=created, name="Bridges")
    world.job(row, "prepare", stage="build", created=created)
    kinds: tuple[tuple[str, str, int, int | None, dict[str, Any]], ...] = (
        ("to secret-deploy", "success", VAULT, vault.id, {}),
        ("to pipeline-kit", "success", KIT, other.id, {}),
        ("fails early", "failed", KIT, None, {"failure_reason": _NOT_CREATED}),
        ("too deep", "failed", DEMO, None, {"failure_reason": _TOO_DEEP}),
        ("by hand", "manual", DEMO, None, {"run_when": "manual", "allow_failure": 1}),
        ("given up", "canceled", DEMO, None, {}),
        ("not needed", "skipped", DEMO, None, {}),
        ("waits", "pending", DEMO, None, {}),
        ("again", "failed", DEMO, None, {"retried": 1, "failure_reason": "unknown_failure"}),
        ("again", "success", DEMO, 5, {}),
    )
    for name, status, project, downstream, given in kinds:
        job = world.job(
            row,
            name,
            bridge=1,
            status=status,
            stage="deploy",
            created=created + 60,
            downstream_project_id=project,
            downstream_id=downstream,
            **given,
        )
        mark = "retried" if job.retried else _BRIDGE_MARKS.get(name, status)
        world.landmarks[f"{mark}_bridge"] = job.id
    _note(world, row, "bridges_pipeline")


_NOT_CREATED = "downstream_pipeline_creation_failed"
_TOO_DEEP = "reached_max_descendant_pipelines_depth"
_BRIDGE_MARKS = {
    "to secret-deploy": "invisible",
    "to pipeline-kit": "multi_project",
    "too deep": "hopeless",
}


def _retried(world: Builder) -> None:
    created = world.now - 7200
    row = world.pipeline(DEMO, created=created, name="Retried")
    first = world.job(row, "flaky", status="failed", created=created, retried=1)
    second = world.job(row, "flaky", status="failed", created=created + 200, retried=1)
    world.job(row, "steady", created=created)
    world.job(row, "flaky", created=created + 1200)
    world.landmarks |= {"retried_job": first.id, "twice_retried_job": second.id}
    _note(world, row, "retried_pipeline")


def _tag(world: Builder) -> None:
    created = world.now - DAY
    row = world.pipeline(DEMO, created=created, ref="v1.2.0", tag=1, name="Release 1.2.0")
    world.job(row, "build:all", stage="build", created=created, artifacts=("archive", "metadata"))
    every = [kind for kind in ARTIFACTS if kind != "trace"]
    world.landmarks["every_artifact_job"] = world.job(
        row, "reports", created=created, artifacts=every
    ).id
    _note(world, row, "tag_pipeline")


def _failed(world: Builder) -> None:
    """A merge request's pipeline: an allowed failure, a real one, and what it skipped."""
    created = world.now - 4000
    row = world.pipeline(
        DEMO,
        created=created,
        ref="refs/merge-requests/12/head",
        source="merge_request_event",
        commit={"title": 'Fix <b> & "quotes" ', "message": 'Fix <b> & "quotes" \r\n\r\nΔ\r\n'},
    )
    world.job(row, "lint: größe 'prüfen' 日本語", created=created, worked=12.25)
    world.job(row, "rspec", status="failed", created=created, artifacts=("junit",))
    world.job(row, "ci/optional", status="failed", created=created, allow_failure=1)
    world.landmarks["skipped_follower_job"] = world.job(
        row, "publish", status="skipped", stage="deploy", created=created
    ).id
    _note(world, row, "failed_pipeline")


def _unusual_jobs(world: Builder) -> None:
    """One pipeline; each job lacks something or has something that others have not."""
    created = world.now - 3900
    row = world.pipeline(
        DEMO, created=created, ref="feature/ünïcode", source="web", user_id=BLOCKED
    )
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "null_user_job": ("nobody", {"user_id": None}),
        "blocked_user_job": ("by a blocked user", {}),
        "bot_job": ("by a bot", {"user_id": BOT}),
        "null_commit_job": ("commit is gone", {"sha": "f" * 40}),
        "null_runner_job": ("runner is gone", {"runner_id": None, "manager_id": None}),
        "null_manager_job": ("no manager", {"manager_id": None}),
        "offline_runner_job": ("offline runner", {"runner_id": 3, "manager_id": 31}),
        "debug_job": ("debug trace", {"debug": 1}),
        "unarchived_log_job": ("log only", {"artifacts_json": "[]"}),
        "silent_job": ("says nothing", {"log_lines": 0}),
        "erased_job": ("erased", {"log_lines": 0, "erased_at": timestamp(world.now - 100)}),
        "expired_artifacts_job": (
            "artifacts expired",
            {"artifacts": ("archive",), "artifacts_expire_at": timestamp(world.now - 60)},
        ),
        "internal_artifacts_job": (
            "artifacts for members",
            {"artifacts": ("archive",), "artifacts_public": 0},
        ),
        "never_started_job": (
            "dropped",
            {
                "status": "failed",
                "started": False,
                "allow_failure": 1,
                "failure_reason": "no_matching_runner",
            },
        ),
        "half_done_job": (
            "canceled half way",
            {"status": "canceled", "started": True, "allow_failure": 1},
        ),
    }
    for mark, (name, given) in kinds.items():
        world.landmarks[mark] = world.job(row, name, created=created, **given).id
    _note(world, row, "unusual_jobs_pipeline")


def _unusual_pipelines(world: Builder) -> None:
    created = world.now - 200 * DAY
    row = world.pipeline(DEMO, created=created, archived=1, source="schedule")
    world.landmarks["archived_job"] = world.job(row, "old build", created=created, archived=1).id
    _note(world, row, "archived_pipeline")
    row = world.pipeline(
        DEMO,
        created=world.now - 900,
        ref="broken",
        status="failed",
        yaml_errors="jobs:test config should implement a script: or a trigger: keyword",
        finished_at=timestamp(world.now - 900.001),
    )
    _note(world, row, "yaml_error_pipeline")


def _moving(world: Builder) -> None:
    """A pipeline that the simulated runner takes through all its stages."""
    created = world.now - 20
    row = world.pipeline(
        DEMO,
        created=created,
        source="schedule",
        user_id=ADMIN,
        name="Moves on",
        variables_json=compact(
            [
                {"variable_type": "env_var", "key": "NIGHTLY", "value": "true"},
                {"variable_type": "file", "key": "KUBECONFIG", "value": "clusters: []\n"},
            ]
        ),
    )

    def job(name: str, stage: str, **given: Any) -> int:
        made = world.job(row, name, stage=stage, created=created, **{"status": "created", **given})
        return made.id

    job("compile", "build", status="running", worked=17.5, planned_s=40.0, moves=True)
    world.landmarks["moving_job"] = job("configure", "build", status="pending", moves=True)
    job("unit", "test")
    job("flaky spec", "test", allow_failure=1, outcome="script_failure")
    job("trigger child", "deploy", bridge=1, downstream_project_id=DEMO)
    job("by hand", "deploy", run_when="manual", allow_failure=1)
    job("later", "deploy", run_when="delayed")
    _note(world, row, "moving_pipeline")


def _kit(world: Builder) -> None:
    """Project 2: a protected ref, inputs, an environment, and a job of no known version."""
    created = world.now - 8000
    row = world.pipeline(KIT, created=created, ref="release/1.0")
    world.landmarks["protected_job"] = world.job(row, "protected", created=created).id
    world.close_pipeline(row)
    created = world.now - 600
    row = world.pipeline(KIT, created=created)
    world.landmarks["kit_job"] = world.job(row, "check", created=created, artifacts=("archive",)).id
    world.landmarks["inputs_job"] = world.job(
        row,
        "deploy with inputs",
        stage="deploy",
        created=created,
        run_when="manual",
        inputs_json='{"environment":{"options":["staging","production"]},"replicas":{}}',
    ).id
    world.landmarks["deploying_job"] = world.job(
        row,
        "deploy:production",
        status="running",
        stage="deploy",
        created=world.now - 100,
        environment_json='{"slug":"production","tier":"production"}',
        log_lines=20_000,
        planned_s=20_000.0,
    ).id
    world.close_pipeline(row)
    row = world.pipeline(KIT, created=created, ref="from/the/future", status="running")
    world.landmarks["unknown_job"] = world.job(
        row,
        "from the future",
        status="unknown_to_us",
        created=created,
        extra_json='{"shiny":{"new":true},"score":1.5}',
    ).id
    world.close_pipeline(row)


def _small_projects(world: Builder) -> None:
    """Projects 3 and 4: a finished, a manual and a running job each."""
    for project, name in ((HANDBOOK, "handbook"), (KITCHEN, "kitchen")):
        row = world.pipeline(project, created=world.now - 9000)
        jobs = {
            "job": world.job(row, "pages", created=world.now - 9000, artifacts=("archive",)),
            "manual_job": world.job(
                row, "publish", stage="deploy", status="manual", run_when="manual", allow_failure=1
            ),
            "running_job": world.job(
                row, "watch", status="running", created=world.now - 90, planned_s=4000.0
            ),
        }
        world.landmarks |= {f"{name}_{mark}": job.id for mark, job in jobs.items()}
        world.close_pipeline(row)
