"""Credentials (upstream.md, 1): which of several counts, whom it stands for, and what is a 401."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.sandbox.http.answers import EarlyAnswer, error, forbidden, not_found
from gateway.sandbox.world.rows import JobRow, UserRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.sandbox.world.rows import TokenRow
    from gateway.sandbox.world.store import Store

__all__ = ["JOB_TOKEN_ROLES", "Caller", "authenticate", "job_token", "unauthorized"]

JOB_TOKEN_PREFIX = "glcbt-"  # noqa: S105 - a prefix
_JOB_TOKEN = f"{JOB_TOKEN_PREFIX}sandbox-"
JOB_TOKEN_ROLES = {
    "job_token": f"{_JOB_TOKEN}running",
    "finished_job_token": f"{_JOB_TOKEN}finished",
}
"""Job tokens that every world has: of a build that runs and of one that is over."""
_READING = {"GET", "HEAD"}
_EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
_REVOKED = "Token was revoked. You have to re-authorize from the user."
_TOO_SMALL = "The request requires higher privileges than provided by the access token."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a request comes from; nobody if both are None. With a job token, `job` is its job."""

    user: UserRow | None = None
    job: JobRow | None = None


def job_token(job_id: int) -> str:
    """The token of a job; valid while the job runs."""
    return f"{_JOB_TOKEN}{job_id}"


def unauthorized() -> EarlyAnswer:
    return error(401, {"message": "401 Unauthorized"})


def authenticate(
    store: Store,
    tokens: Mapping[str, TokenRow],
    *,
    method: str,
    headers: Mapping[str, str],
    params: Mapping[str, Any],
    job_tokens: bool,
) -> Caller:
    """The caller: anonymous without a credential; a bad credential raises its EarlyAnswer.

    The first credential counts, in this order: bearer, personal token, job token (only where the
    route takes job tokens). A job token in the place of a personal token is ignored.
    """
    if bearer := _bearer(headers, params):
        if job_tokens and bearer.startswith(JOB_TOKEN_PREFIX):
            return _of_job_token(store, bearer)
        return _sudo(store, _of_token(store, tokens.get(bearer), method), headers, params)
    personal = params.get("private_token") or headers.get("private-token")
    if isinstance(personal, str) and personal and not personal.startswith(JOB_TOKEN_PREFIX):
        token = tokens.get(personal)
        if token is not None and token.kind != "pat":
            raise unauthorized()
        return _sudo(store, _of_token(store, token, method), headers, params)
    if job_tokens:
        given = params.get("job_token") or params.get("token") or headers.get("job-token")
        if isinstance(given, str) and given:
            return _of_job_token(store, given)
    return Caller()


def _bearer(headers: Mapping[str, str], params: Mapping[str, Any]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    given = params.get("access_token") or params.get("bearer_token")
    return given if isinstance(given, str) else None


def _of_token(store: Store, token: TokenRow | None, method: str) -> Caller:
    if token is None:
        raise unauthorized()
    if token.state != "active":
        raise _invalid(_EXPIRED if token.state == "expired" else _REVOKED)
    scopes = token.scopes.split()
    if "api" not in scopes and not ("read_api" in scopes and method in _READING):
        raise error(
            403,
            {
                "error": "insufficient_scope",
                "error_description": _TOO_SMALL,
                "scope": "api read_api",
            },
        )
    return Caller(store.require(UserRow, token.user_id))


def _invalid(description: str) -> EarlyAnswer:
    challenge = f'Bearer realm="The API", error="invalid_token", error_description="{description}"'
    return error(
        401,
        {"error": "invalid_token", "error_description": description},
        {"WWW-Authenticate": challenge},
    )


def _of_job_token(store: Store, text: str) -> Caller:
    """The user who started the job, if it runs."""
    job = _job_of(store, text.removeprefix(_JOB_TOKEN))
    is_running = job is not None and job.status in {"running", "canceling"} and not job.bridge
    user = store.get(UserRow, job.user_id) if is_running and job is not None else None
    if user is None:
        raise unauthorized()
    return Caller(user, job)


def _job_of(store: Store, name: str) -> JobRow | None:
    if name in {"running", "finished"}:
        return store.example_job(is_running=name == "running")
    is_number = name.isascii() and name.isdigit() and len(name) < 20
    return store.get(JobRow, int(name)) if is_number else None


def _sudo(
    store: Store, caller: Caller, headers: Mapping[str, str], params: Mapping[str, Any]
) -> Caller:
    """Act as another user: administrators only (their token carries `sudo`)."""
    name = params.get("sudo") or headers.get("sudo")
    if not name or caller.user is None:
        return caller
    if not caller.user.admin:
        raise forbidden("Must be admin to use sudo")
    text = str(name)
    user = store.get(UserRow, int(text)) if text.isdigit() else store.user_named(text)
    if user is None:
        raise not_found(f"User with ID or username '{text}' Not Found")
    return Caller(user)
