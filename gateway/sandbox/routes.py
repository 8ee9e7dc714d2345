"""Which endpoint a request goes to. Paths are matched as they were sent: encoded, split at `/`
first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gateway.sandbox import files, neighbours, pipelines, reads, writes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sandbox.answers import Answer
    from gateway.sandbox.call import Call

    Endpoint = Callable[[Call], Answer]

__all__ = ["ROUTES", "Match", "match"]

_PROJECT = "/projects/:id"
_JOB = f"{_PROJECT}/jobs/:job_id"
_PIPELINE = f"{_PROJECT}/pipelines/:pipeline_id"

ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/job", reads.current_job),
    ("GET", "/job/allowed_agents", reads.allowed_agents),
    ("GET", "/version", neighbours.version),
    ("GET", "/metadata", neighbours.metadata),
    ("GET", _PROJECT, neighbours.project),
    ("GET", f"{_PROJECT}/jobs", reads.project_jobs),
    ("GET", f"{_PROJECT}/jobs/artifacts/:ref_name/download", files.archive_of_ref),
    ("GET", f"{_PROJECT}/jobs/artifacts/:ref_name/raw/*artifact_path", files.file_of_ref),
    ("GET", _JOB, reads.job),
    ("GET", f"{_JOB}/trace", reads.trace),
    ("GET", f"{_JOB}/artifacts", files.archive),
    ("DELETE", f"{_JOB}/artifacts", files.delete),
    ("POST", f"{_JOB}/artifacts/keep", files.keep),
    ("GET", f"{_JOB}/artifacts/*artifact_path", files.file),
    ("POST", f"{_JOB}/cancel", writes.cancel),
    ("POST", f"{_JOB}/retry", writes.retry),
    ("POST", f"{_JOB}/erase", writes.erase),
    ("POST", f"{_JOB}/play", writes.play),
    ("GET", f"{_PROJECT}/pipelines", pipelines.pipelines),
    ("GET", f"{_PROJECT}/pipelines/latest", pipelines.latest_pipeline),
    ("GET", _PIPELINE, pipelines.pipeline),
    ("GET", f"{_PIPELINE}/jobs", reads.pipeline_jobs),
    ("GET", f"{_PIPELINE}/bridges", reads.bridges),
    ("GET", f"{_PIPELINE}/trigger_jobs", reads.bridges),
    ("POST", f"{_PIPELINE}/retry", pipelines.retry_pipeline),
    ("POST", f"{_PIPELINE}/cancel", pipelines.cancel_pipeline),
    ("GET", f"{_PROJECT}/repository/commits/:sha", neighbours.commit),
)
"""Method, path below /api/v4, endpoint. `:name` is one segment, `*name` the rest of the path."""


def _compile(template: str) -> re.Pattern[str]:
    pattern = re.sub(r":(\w+)", r"(?P<\1>[^/]+)", template)
    return re.compile(re.sub(r"\*(\w+)", r"(?P<\1>.+)", pattern))


class Match:
    """The endpoint of a request, or the methods its path does know."""

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
    """The first route that matches the encoded path below /api/v4; HEAD is GET."""
    wanted = "GET" if method == "HEAD" else method
    allowed: list[str] = []
    for pattern, methods in _COMPILED:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if wanted in methods:
            params = {name: unquote(value) for name, value in found.groupdict().items()}
            return Match(methods[wanted], params, [])
        allowed += [*methods, *(["HEAD"] if "GET" in methods else [])]
    return Match(None, {}, sorted({*allowed, "OPTIONS"}) if allowed else [])
