"""What differs between GitLab versions: named profiles, a flag for each row of upstream.md, 10.

A profile decides fields, statuses, parameters and answers. The world is the same in each. Often the
exact minor version of a change is unknown, so a profile stands for a range of releases.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.sandbox.statuses import STATUSES

__all__ = ["PROFILES", "Profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One GitLab version as its API shows it. `dataclasses.replace` makes a mixture for a test."""

    name: str
    version: str
    canceling: bool
    """Statuses `canceling` and `waiting_for_callback` exist; a capable runner cancels
    gracefully."""
    retry_canceling: bool
    """A job in `canceling` can be retried, and played if it is manual."""
    force_cancel: bool
    """`force` of cancel is a parameter; otherwise it is ignored."""
    inputs: bool
    """`inputs` of retry and `job_inputs` of play are parameters; otherwise they are ignored."""
    play_answers_clone: bool
    """Play of a finished manual job answers the new job; otherwise the old one."""
    permission_before_job: bool
    """Retry and erase check the project's permission before they look the job up."""
    ref_filter: bool
    """`ref` filters the project's jobs; otherwise it is ignored."""
    trace_slice: bool
    """`byte_offset` and `byte_limit` of a trace; otherwise the whole log is sent."""
    job_token_lists: bool
    """Job tokens are accepted by the two job lists."""
    job_token_refusal: int
    """Status of a job token's refusal by another project: 403, older 404."""
    counts_project_jobs: bool
    """The project's job list sends totals."""
    moved_redirects: bool
    """Old paths answer 301 and 405; otherwise they simply work."""
    agents_header: bool
    """`GET /job/allowed_agents` answers with the header Gitlab-Feature-Flag."""
    meta_header: bool
    """Answers carry X-Gitlab-Meta."""
    ratelimit_name: bool
    """The global limiter names itself (RateLimit-Name); older send RateLimit-ResetTime instead."""
    job_manager: bool
    """Jobs have `runner_manager`."""
    job_archived: bool
    """Jobs have `archived`."""
    job_source: bool
    """Jobs have `source`. Documented since 18.10, but in no answer recorded up to 19.5: no profile
    has it."""
    runner_details: bool
    """Runners have `created_at`, `created_by`, `job_execution_status`, and no name or address."""
    runner_address: bool
    """Runners show `ip_address`."""
    user_locked: bool
    """Users have `locked`; in jobs also `discord`."""
    user_github: bool
    """Users in jobs have `github` and no `skype`; the short form has `public_email`."""
    commit_extended_trailers: bool
    """Commits have `extended_trailers`."""
    pipeline_archived: bool
    """Single pipelines have `archived`."""
    pipeline_names: bool
    """Pipelines have `name`, in lists too."""
    pipeline_name_filter: bool
    """`name` filters a project's pipelines; otherwise it is ignored."""
    pipeline_created_filter: bool
    """`created_after` and `created_before` do; otherwise they are ignored."""
    pipeline_children: bool
    """`source=parent_pipeline` lists child pipelines; otherwise they are in no list."""

    @property
    def statuses(self) -> tuple[str, ...]:
        """The words `scope` accepts."""
        if self.canceling:
            return STATUSES
        return tuple(word for word in STATUSES if word not in _SINCE_17)

    def shown(self, status: str) -> str:
        """The status as this version shows it: in place of a newer word the older one."""
        return status if self.canceling else _SINCE_17.get(status, status)


_SINCE_17 = {"canceling": "running", "waiting_for_callback": "preparing"}

_NEWEST = Profile(
    name="18",
    version="18.10.1-ee",
    canceling=True,
    retry_canceling=True,
    force_cancel=True,
    inputs=True,
    play_answers_clone=True,
    permission_before_job=False,
    ref_filter=True,
    trace_slice=True,
    job_token_lists=True,
    job_token_refusal=403,
    counts_project_jobs=False,
    moved_redirects=True,
    agents_header=True,
    meta_header=True,
    ratelimit_name=True,
    job_manager=True,
    job_archived=True,
    job_source=False,
    runner_details=True,
    runner_address=False,
    user_locked=True,
    user_github=True,
    commit_extended_trailers=True,
    pipeline_archived=True,
    pipeline_names=True,
    pipeline_name_filter=True,
    pipeline_created_filter=True,
    pipeline_children=True,
)

_17 = Profile(
    name="17",
    version="17.5.2-ee",
    canceling=True,
    retry_canceling=True,
    force_cancel=False,
    inputs=False,
    play_answers_clone=False,
    permission_before_job=True,
    ref_filter=False,
    trace_slice=False,
    job_token_lists=False,
    job_token_refusal=403,
    counts_project_jobs=False,
    moved_redirects=True,
    agents_header=True,
    meta_header=True,
    ratelimit_name=False,
    job_manager=True,
    job_archived=True,
    job_source=False,
    runner_details=False,
    runner_address=False,
    user_locked=True,
    user_github=False,
    commit_extended_trailers=True,
    pipeline_archived=False,
    pipeline_names=True,
    pipeline_name_filter=True,
    pipeline_created_filter=False,
    pipeline_children=True,
)

_16 = Profile(
    name="16",
    version="16.3.4-ee",
    canceling=False,
    retry_canceling=False,
    force_cancel=False,
    inputs=False,
    play_answers_clone=False,
    permission_before_job=True,
    ref_filter=False,
    trace_slice=False,
    job_token_lists=False,
    job_token_refusal=404,
    counts_project_jobs=True,
    moved_redirects=False,
    agents_header=False,
    meta_header=True,
    ratelimit_name=False,
    job_manager=False,
    job_archived=False,
    job_source=False,
    runner_details=False,
    runner_address=True,
    user_locked=False,
    user_github=False,
    commit_extended_trailers=False,
    pipeline_archived=False,
    pipeline_names=True,
    pipeline_name_filter=False,
    pipeline_created_filter=False,
    pipeline_children=False,
)

PROFILES = {profile.name: profile for profile in (_16, _17, _NEWEST)}
