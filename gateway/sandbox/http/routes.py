"""The endpoint of a request. A path is matched as it was sent, and its segments decoded after."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gateway.sandbox.http.endpoints import (
    artifacts,
    job_actions,
    job_token,
    jobs,
    pipelines,
    projects,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sandbox.http.answers import Answer
    from gateway.sandbox.http.call import Call

    Endpoint = Callable[[Call], Answer]

__all__ = ["ROUTES", "Match", "match"]

_ROOT = "/api/v4"
_PROJECT = "/projects/:id"
_JOB = f"{_PROJECT}/jobs/:job_id"
_PIPELINE = f"{_PROJECT}/pipelines/:pipeline_id"

ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/job", job_token.current_job),
    ("GET", "/job/allowed_agents", job_token.allowed_agents),
    ("GET", "/user", projects.current_user),
    ("GET", "/version", projects.version),
    ("GET", "/metadata", projects.metadata),
    ("GET", _PROJECT, projects.project),
    ("GET", f"{_PROJECT}/jobs", jobs.project_jobs),
    ("GET", f"{_PROJECT}/jobs/artifacts/:ref_name/download", artifacts.archive_of_ref),
    ("GET", f"{_PROJECT}/jobs/artifacts/:ref_name/raw/*artifact_path", artifacts.file_of_ref),
    ("GET", _JOB, jobs.job),
    ("GET", f"{_JOB}/trace", jobs.trace),
    ("GET", f"{_JOB}/artifacts", artifacts.archive),
    ("DELETE", f"{_JOB}/artifacts", artifacts.delete),
    ("POST", f"{_JOB}/artifacts/keep", artifacts.keep),
    ("GET", f"{_JOB}/artifacts/*artifact_path", artifacts.file),
    ("POST", f"{_JOB}/cancel", job_actions.cancel),
    ("POST", f"{_JOB}/retry", job_actions.retry),
    ("POST", f"{_JOB}/erase", job_actions.erase),
    ("POST", f"{_JOB}/play", job_actions.play),
    ("GET", f"{_PROJECT}/pipelines", pipelines.pipelines),
    ("GET", f"{_PROJECT}/pipelines/latest", pipelines.latest_pipeline),
    ("GET", _PIPELINE, pipelines.pipeline),
    ("GET", f"{_PIPELINE}/variables", pipelines.variables),
    ("GET", f"{_PIPELINE}/test_report_summary", pipelines.test_report_summary),
    ("GET", f"{_PIPELINE}/jobs", jobs.pipeline_jobs),
    ("GET", f"{_PIPELINE}/bridges", jobs.bridges),
    ("GET", f"{_PIPELINE}/trigger_jobs", jobs.bridges),
    ("POST", f"{_PIPELINE}/retry", pipelines.retry_pipeline),
    ("POST", f"{_PIPELINE}/cancel", pipelines.cancel_pipeline),
    ("GET", f"{_PROJECT}/repository/commits/:sha", projects.commit),
)
"""Method, path below /api/v4, endpoint. `:name` is one segment, `*name` the rest of the path."""


def _compile(template: str) -> re.Pattern[str]:
    pattern = re.sub(r":(\w+)", r"(?P<\1>[^/]+)", template)
    return re.compile(re.sub(r"\*(\w+)", r"(?P<\1>.+)", pattern))


class Match:
    """The endpoint of a request; without one, the methods that its path allows."""

    __slots__ = ("allowed", "endpoint", "params")

    def __init__(
        self, endpoint: Endpoint | None, params: dict[str, str], allowed: list[str]
    ) -> None:
        self.endpoint = endpoint
        self.params = params
        self.allowed = allowed

    @property
    def name(self) -> str | None:
        return None if self.endpoint is None else self.endpoint.__name__


_COMPILED: list[tuple[re.Pattern[str], dict[str, Endpoint]]] = []
for _method, _template, _endpoint in ROUTES:
    _known = next(
        (methods for pattern, methods in _COMPILED if pattern == _compile(_template)), None
    )
    if _known is None:
        _COMPILED.append((_compile(_template), {_method: _endpoint}))
    else:
        _known[_method] = _endpoint


def match(method: str, path: str) -> Match:
    """The first route that matches the encoded path; HEAD is GET."""
    below = path.removeprefix(_ROOT).rstrip("/") if path.startswith(_ROOT) else ""
    wanted = "GET" if method == "HEAD" else method
    allowed: list[str] = []
    for pattern, methods in _COMPILED:
        found = pattern.fullmatch(below)
        if found is None:
            continue
        if wanted in methods:
            params = {name: unquote(value) for name, value in found.groupdict().items()}
            return Match(methods[wanted], params, [])
        allowed += [*methods, *(["HEAD"] if "GET" in methods else [])]
    return Match(None, {}, sorted({*allowed, "OPTIONS"}) if allowed else [])
