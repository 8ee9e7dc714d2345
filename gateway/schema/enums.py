"""Enums for the upstream's words (statuses, reasons of failures), and what a status allows.

A member's name is the upstream's word in capitals. The sets of words grow with GitLab's releases: a
new one is `UNKNOWN` here, and its text is beside it in `statusText` or `failureReasonText`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

import strawberry
from strawberry import UNSET

from gateway.errors import BadInput
from gateway.upstream.statuses import ACTIVE, FINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CANCELABLE",
    "ERASABLE",
    "PLAYABLE",
    "RETRYABLE",
    "FailureReason",
    "PipelineOrder",
    "PipelineScope",
    "SortOrder",
    "Status",
    "members_by_word",
    "status_of",
    "status_words",
]

E = TypeVar("E", bound=Enum)

# Which actions each status allows (upstream.md, 7).
CANCELABLE: Final = ACTIVE - {"canceling"} | {"manual"}
RETRYABLE: Final = frozenset({"success", "failed", "canceled"})
PLAYABLE: Final = frozenset({"manual", "scheduled"})
ERASABLE: Final = FINISHED


@strawberry.enum(description="Status of a job, bridge or pipeline.")
class Status(Enum):
    CREATED = strawberry.enum_value("created", description="Waits for what has to run before it.")
    WAITING_FOR_RESOURCE = strawberry.enum_value(
        "waiting_for_resource", description="Waits for a resource group that another job holds."
    )
    PREPARING = strawberry.enum_value(
        "preparing", description="What it needs, e.g. a cluster's namespace, is being set up."
    )
    WAITING_FOR_CALLBACK = strawberry.enum_value(
        "waiting_for_callback", description="Waits for an outside system to call back."
    )
    PENDING = strawberry.enum_value("pending", description="Waits for a runner.")
    RUNNING = strawberry.enum_value("running", description="A runner is at it.")
    SUCCESS = strawberry.enum_value("success", description="Finished well.")
    FAILED = strawberry.enum_value("failed", description="Finished badly.")
    CANCELING = strawberry.enum_value(
        "canceling", description="Was told to stop; the runner is finishing its after_script."
    )
    CANCELED = strawberry.enum_value("canceled", description="Was stopped.")
    SKIPPED = strawberry.enum_value(
        "skipped", description="Left out, e.g. because something before it failed."
    )
    MANUAL = strawberry.enum_value("manual", description="Waits for somebody to start it.")
    SCHEDULED = strawberry.enum_value(
        "scheduled", description="Will start by itself after a delay."
    )
    UNKNOWN = strawberry.enum_value(
        "", description="A word this gateway does not know yet; see statusText."
    )


@strawberry.enum(description="Why a job failed.")
class FailureReason(Enum):
    UNKNOWN_FAILURE = strawberry.enum_value(
        "unknown_failure", description="The upstream could not tell why."
    )
    SCRIPT_FAILURE = strawberry.enum_value(
        "script_failure", description="The script ended with an error."
    )
    API_FAILURE = strawberry.enum_value(
        "api_failure", description="A call between runner and upstream failed."
    )
    STUCK_OR_TIMEOUT_FAILURE = strawberry.enum_value(
        "stuck_or_timeout_failure",
        description="Stuck or timed out; newer upstreams say which of the two.",
    )
    RUNNER_SYSTEM_FAILURE = strawberry.enum_value(
        "runner_system_failure", description="The runner's system failed."
    )
    MISSING_DEPENDENCY_FAILURE = strawberry.enum_value(
        "missing_dependency_failure", description="Artifacts of an earlier job are gone."
    )
    RUNNER_UNSUPPORTED = strawberry.enum_value(
        "runner_unsupported", description="The runner cannot do what the job asks for."
    )
    STALE_SCHEDULE = strawberry.enum_value(
        "stale_schedule", description="A delayed job could not start in time."
    )
    JOB_EXECUTION_TIMEOUT = strawberry.enum_value(
        "job_execution_timeout", description="The script ran longer than the job's timeout."
    )
    ARCHIVED_FAILURE = strawberry.enum_value(
        "archived_failure", description="The job was too old to run."
    )
    UNMET_PREREQUISITES = strawberry.enum_value(
        "unmet_prerequisites", description="What the job needs could not be set up."
    )
    SCHEDULER_FAILURE = strawberry.enum_value(
        "scheduler_failure", description="The scheduler could not assign it to a runner."
    )
    DATA_INTEGRITY_FAILURE = strawberry.enum_value(
        "data_integrity_failure", description="The upstream's data of the job did not fit together."
    )
    FORWARD_DEPLOYMENT_FAILURE = strawberry.enum_value(
        "forward_deployment_failure", description="A newer deployment was there already."
    )
    USER_BLOCKED = strawberry.enum_value(
        "user_blocked", description="The user who started it is blocked."
    )
    PROJECT_DELETED = strawberry.enum_value(
        "project_deleted", description="The project was deleted."
    )
    CI_QUOTA_EXCEEDED = strawberry.enum_value(
        "ci_quota_exceeded", description="No compute minutes were left."
    )
    PIPELINE_LOOP_DETECTED = strawberry.enum_value(
        "pipeline_loop_detected", description="The bridge would have started a loop of pipelines."
    )
    NO_MATCHING_RUNNER = strawberry.enum_value(
        "no_matching_runner", description="No runner takes such a job."
    )
    TRACE_SIZE_EXCEEDED = strawberry.enum_value(
        "trace_size_exceeded", description="The log grew beyond its limit."
    )
    BUILDS_DISABLED = strawberry.enum_value(
        "builds_disabled", description="CI is turned off for the project."
    )
    ENVIRONMENT_CREATION_FAILURE = strawberry.enum_value(
        "environment_creation_failure", description="The environment could not be made."
    )
    DEPLOYMENT_REJECTED = strawberry.enum_value(
        "deployment_rejected", description="Somebody rejected the deployment."
    )
    FAILED_OUTDATED_DEPLOYMENT_JOB = strawberry.enum_value(
        "failed_outdated_deployment_job", description="The deployment was older than the latest."
    )
    PROTECTED_ENVIRONMENT_FAILURE = strawberry.enum_value(
        "protected_environment_failure", description="The environment is protected from the user."
    )
    INSUFFICIENT_BRIDGE_PERMISSIONS = strawberry.enum_value(
        "insufficient_bridge_permissions",
        description="The user may not start pipelines in the other project.",
    )
    DOWNSTREAM_BRIDGE_PROJECT_NOT_FOUND = strawberry.enum_value(
        "downstream_bridge_project_not_found",
        description="The project of the downstream pipeline was not found.",
    )
    INVALID_BRIDGE_TRIGGER = strawberry.enum_value(
        "invalid_bridge_trigger", description="The bridge's trigger definition is not valid."
    )
    UPSTREAM_BRIDGE_PROJECT_NOT_FOUND = strawberry.enum_value(
        "upstream_bridge_project_not_found",
        description="The project the bridge waits for was not found.",
    )
    INSUFFICIENT_UPSTREAM_PERMISSIONS = strawberry.enum_value(
        "insufficient_upstream_permissions",
        description="The user may not read the project the bridge waits for.",
    )
    BRIDGE_PIPELINE_IS_CHILD_PIPELINE = strawberry.enum_value(
        "bridge_pipeline_is_child_pipeline",
        description="A child pipeline may not start this one.",
    )
    DOWNSTREAM_PIPELINE_CREATION_FAILED = strawberry.enum_value(
        "downstream_pipeline_creation_failed",
        description="The downstream pipeline could not be created.",
    )
    DOWNSTREAM_PROJECT_TRIGGER_RESOLVED_TO_EMPTY = strawberry.enum_value(
        "downstream_project_trigger_resolved_to_empty",
        description="The name of the downstream project came out empty.",
    )
    SECRETS_PROVIDER_NOT_FOUND = strawberry.enum_value(
        "secrets_provider_not_found", description="The provider of secrets was not found."
    )
    REACHED_MAX_DESCENDANT_PIPELINES_DEPTH = strawberry.enum_value(
        "reached_max_descendant_pipelines_depth",
        description="No further level of child pipelines is allowed.",
    )
    IP_RESTRICTION_FAILURE = strawberry.enum_value(
        "ip_restriction_failure", description="The group does not allow the runner's IP address."
    )
    REACHED_MAX_PIPELINE_HIERARCHY_SIZE = strawberry.enum_value(
        "reached_max_pipeline_hierarchy_size",
        description="No further pipeline is allowed in this family of pipelines.",
    )
    REACHED_DOWNSTREAM_PIPELINE_TRIGGER_RATE_LIMIT = strawberry.enum_value(
        "reached_downstream_pipeline_trigger_rate_limit",
        description="Too many downstream pipelines were started in a short time.",
    )
    JOB_EXECUTION_SERVER_TIMEOUT = strawberry.enum_value(
        "job_execution_server_timeout",
        description="The upstream ended a job that ran longer than its timeout.",
    )
    STUCK_PENDING_WITH_MATCHING_RUNNERS = strawberry.enum_value(
        "stuck_pending_with_matching_runners",
        description="Pending for too long, although runners take such jobs.",
    )
    STUCK_PENDING_NO_MATCHING_RUNNERS = strawberry.enum_value(
        "stuck_pending_no_matching_runners",
        description="Pending for too long; no runner takes such jobs.",
    )
    NO_UPDATES_RUNNING = strawberry.enum_value(
        "no_updates_running", description="The runner fell silent while the job ran."
    )
    NO_UPDATES_CANCELING = strawberry.enum_value(
        "no_updates_canceling", description="The runner fell silent while the job was canceling."
    )
    SERVER_TIMEOUT_RUNNING = strawberry.enum_value(
        "server_timeout_running", description="The upstream ended a job that ran for too long."
    )
    SERVER_TIMEOUT_CANCELING = strawberry.enum_value(
        "server_timeout_canceling",
        description="The upstream ended a job that was canceling for too long.",
    )
    RUNNER_CONFIGURATION_ERROR = strawberry.enum_value(
        "runner_configuration_error", description="The runner is configured wrongly."
    )
    RUNNER_EXTERNAL_DEPENDENCY_FAILURE = strawberry.enum_value(
        "runner_external_dependency_failure",
        description="Something the runner depends on failed, e.g. an image registry.",
    )
    RUNNER_INTERRUPTED = strawberry.enum_value(
        "runner_interrupted", description="The runner was stopped while the job ran."
    )
    JOB_TOKEN_EXPIRED = strawberry.enum_value(
        "job_token_expired", description="The job's token expired before the job ended."
    )
    ID_TOKEN_BURNED_PROJECT_PATH = strawberry.enum_value(
        "id_token_burned_project_path",
        description="ID tokens are refused for a path that belonged to another project before.",
    )
    DUO_WORKFLOW_NOT_ALLOWED = strawberry.enum_value(
        "duo_workflow_not_allowed", description="The project does not allow such agent jobs."
    )
    JOB_ROUTER_FAILURE = strawberry.enum_value(
        "job_router_failure", description="The job router refused the job."
    )
    UNKNOWN = strawberry.enum_value(
        "", description="A word this gateway does not know yet; see failureReasonText."
    )


def members_by_word(enum: type[E]) -> Mapping[str, E]:
    """The members of an enum by the upstream's words. Any other word stands for `UNKNOWN`."""
    return {member.value: member for member in enum}


STATUSES: Final = members_by_word(Status)


def status_of(word: str) -> Status:
    """The status of a job, bridge or pipeline by the upstream's word."""
    return STATUSES.get(word, Status.UNKNOWN)


@strawberry.enum(description="Groups of a project's pipelines.")
class PipelineScope(Enum):
    RUNNING = strawberry.enum_value("running", description="Those that run.")
    PENDING = strawberry.enum_value("pending", description="Those that wait for a runner.")
    FINISHED = strawberry.enum_value("finished", description="Succeeded, failed or canceled.")
    BRANCHES = strawberry.enum_value("branches", description="The newest of each branch.")
    TAGS = strawberry.enum_value("tags", description="The newest of each tag.")


@strawberry.enum(description="What a project's pipelines are put in order by.")
class PipelineOrder(Enum):
    ID = strawberry.enum_value("id", description="Their number: the order of creation.")
    UPDATED_AT = strawberry.enum_value(
        "updated_at",
        description="When they changed last. One that changes meanwhile moves in the list.",
    )
    STATUS = strawberry.enum_value(
        "status", description="Status. There is no page after the first."
    )
    REF = strawberry.enum_value(
        "ref", description="Branch or tag. There is no page after the first."
    )
    USER_ID = strawberry.enum_value(
        "user_id", description="Who started them. There is no page after the first."
    )


@strawberry.enum(description="Which end of an order comes first.")
class SortOrder(Enum):
    DESC = strawberry.enum_value("desc", description="The newest, the highest number.")
    ASC = strawberry.enum_value("asc", description="The oldest, the lowest number.")


def status_words(statuses: Iterable[Status] | None) -> tuple[str, ...]:
    """The upstream's words for a filter by status, each once, in the enum's order.

    Raises `BadInput` for `UNKNOWN`.
    """
    # Asked for each pipeline; UNSET is false by running Python code.
    if statuses is UNSET or not statuses:
        return ()
    wanted = frozenset(statuses)
    if Status.UNKNOWN in wanted:
        raise BadInput("statuses: UNKNOWN stands for words the gateway does not know, leave it out")
    return tuple(status.name.lower() for status in Status if status in wanted)
