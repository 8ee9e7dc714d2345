"""Callers that send raw targets to a sandbox in process.

They speak ASGI themselves. HTTP clients tidy a target before they send it (dot segments, percent
encoding), and the encoded path is part of what is tested.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote, urlencode

from gateway.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names in lower case, `body` as sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def ids(self) -> list[int]:
        return [row["id"] for row in self.json()]

    def header(self, name: str) -> str | None:
        """Value of a header; None if it was not sent, an error if it was sent twice."""
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, f"{name} sent {len(values)} times"
        return values[0] if values else None

    @property
    def links(self) -> dict[str, str]:
        """`Link` by relation, in the order sent."""
        parts = (self.header("link") or "").split(", ")
        pairs = [part.split(">; rel=") for part in parts if part]
        return {rel.strip('"'): url.removeprefix("<") for url, rel in pairs}

    @property
    def said(self) -> tuple[int, Any]:
        """Status and JSON body: what an error is compared by."""
        return self.status, self.json()


@dataclass(slots=True)
class Caller:
    """Calls a sandbox in process, as one role unless a call names another (None is anonymous)."""

    sandbox: Sandbox
    role: str | None = "maintainer"
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def as_(self, role: str | None) -> Self:
        return type(self)(self.sandbox, role, self.runner)

    def get(self, target: str, **options: Any) -> Answer:
        return self.call("GET", target, **options)

    def post(self, target: str, **options: Any) -> Answer:
        return self.call("POST", target, **options)

    def call(
        self,
        method: str,
        target: str,
        *,
        query: Any = None,
        form: Any = None,
        json_body: Any = None,
        headers: dict[str, str] | None = None,
        root: str = "/api/v4",
    ) -> Answer:
        """Send `target` (path and query, exactly as written) below `root`.

        `query` and `form` are pairs or a dict, form-encoded; `json_body` is sent as JSON. `headers`
        that carry a credential replace the role's.
        """
        sent = {"host": "127.0.0.1:8001"} | (headers or {})
        if not {"private-token", "job-token", "authorization"} & sent.keys():
            sent |= self.credential()
        body = b""
        if form is not None:
            body = urlencode(form).encode()
            sent["content-type"] = "application/x-www-form-urlencoded"
        elif json_body is not None:
            body = json.dumps(json_body).encode()
            sent["content-type"] = "application/json"
        if body:
            sent["content-length"] = str(len(body))
        path, _, query_text = (root + target).partition("?")
        if query is not None:
            query_text = urlencode(query)
        return self.runner.run(self._send(method, path, query_text, sent, body))

    @property
    def tokens(self) -> Mapping[str, str]:
        return self.sandbox.tokens

    def credential(self) -> dict[str, str]:
        match self.role:
            case None:
                return {}
            case "oauth":
                return {"authorization": f"Bearer {self.tokens['oauth']}"}
            case "job_token" | "finished_job_token":
                return {"job-token": self.tokens[self.role]}
            case _:
                return {"private-token": self.tokens[self.role]}

    async def _send(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "root_path": "",
            "query_string": query.encode("ascii"),
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "server": ("127.0.0.1", 8001),
            "client": ("127.0.0.1", 50_000),
        }
        inbox: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        outbox: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return inbox.pop() if inbox else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            outbox.append(message)

        await self.sandbox.app(scope, receive, send)
        start, *chunks = outbox
        return Answer(
            start["status"],
            [(key.decode("latin-1"), value.decode("latin-1")) for key, value in start["headers"]],
            b"".join(chunk.get("body", b"") for chunk in chunks),
        )


# A world for tests that need to know everything in it; each makes the jobs it acts on.
#   10 public · 11 private, public pipelines off · 12 moved from lab/old-name · 13 statistics being
#   recomputed · 14 private, public pipelines on · 15 nested, with a dot in its path
WORLD: dict[str, Any] = {
    "projects": [
        {
            "id": 10,
            "path": "lab/open",
            "visibility": "public",
            "protected_refs": ["protected"],
            "pipelines": [
                {
                    "id": 100,
                    "jobs": [
                        {"id": 1000, "name": "runs", "status": "running", "user": "developer"},
                        {"id": 1001, "name": "ran", "status": "success", "user": "developer"},
                    ],
                }
            ],
        },
        {"id": 11, "path": "lab/closed", "public_pipelines": False},
        {"id": 12, "path": "lab/new-name", "moved_from": ["lab/old-name"]},
        {"id": 13, "path": "lab/refreshing"},
        {"id": 14, "path": "lab/members"},
        {"id": 15, "path": "lab/inner/project.x"},
    ]
}
RUNNING, FINISHED = 1000, 1001
# Runners of every world: the first runs after_script on cancel, the second does not.
GRACEFUL, PLAIN_RUNNER = 1, 2


class Lab(Caller):
    """A caller of the world above, and the things it can be given."""

    @property
    def profile(self) -> str:
        return self.sandbox.profile.name

    @property
    def tokens(self) -> dict[str, str]:
        return {
            **self.sandbox.tokens,
            "job_token": self.sandbox.job_token(RUNNING),
            "finished_job_token": self.sandbox.job_token(FINISHED),
        }

    def username(self, role: str) -> str:
        return {"admin": "root", "oauth": "developer"}.get(role, role)

    def pipeline(self, project: int = 10, **columns: Any) -> int:
        return self.sandbox.create_pipeline(project, **columns)

    def job(
        self,
        status: str = "success",
        *,
        project: int = 10,
        pipeline: int | None = None,
        log: str | None = None,
        artifacts: bool = False,
        graceful: bool = False,
        ref: str = "main",
        **columns: Any,
    ) -> int:
        """A job, in a pipeline of its own unless one is named, without log and artifacts."""
        where = self.pipeline(project, ref=ref) if pipeline is None else pipeline
        if status in {"running", "canceling", "success", "failed"}:
            columns.setdefault("runner_id", GRACEFUL if graceful else PLAIN_RUNNER)
        job = self.sandbox.create_job(
            project,
            where,
            status=status,
            log=None if log is None else log.encode(),
            **{
                "log_lines": 0,
                "artifacts": ("archive", "metadata") if artifacts else (),
                **columns,
            },
        )
        if artifacts and status == "skipped":  # which never left any by itself
            self.sandbox.update_job(job, artifacts_json='[{"file_type":"junit","size":1}]')
        return job

    def bridge(
        self,
        status: str = "success",
        *,
        project: int = 10,
        pipeline: int | None = None,
        downstream: int | None = None,
        **columns: Any,
    ) -> int:
        """A trigger job; `downstream` is a pipeline's id."""
        where = self.pipeline(project) if pipeline is None else pipeline
        return self.sandbox.create_job(
            project, where, status=status, bridge=True, downstream_id=downstream, **columns
        )
