"""GitLab's webhooks: what is watched is looked at as soon as something has happened to it.

    POST /webhooks/gitlab    Job Hook (`build`), Pipeline Hook (`pipeline`)

Off until a secret is set. An authentic one is answered 204 at once, whatever it says: GitLab turns
webhooks off that fail. What is kept of its jobs is forgotten, and pollers wake, which read with
their callers' credentials and no sooner than the smallest interval. Nobody is told what it says:
one that is replayed costs no more than these reads.
See https://docs.gitlab.com/user/project/integrations/webhooks/ and, for signatures,
https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from time import time
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.settings.checks import SIGNING
from gateway.transport.addressing import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from gateway.watch import Live

__all__ = ["WEBHOOKS_PATH", "webhooks_route"]

WEBHOOKS_PATH: Final = "/webhooks/gitlab"
# GitLab's own bound on payloads is 25 MB; of a pipeline with 1,000 jobs it takes 2.
MAX_BYTES: Final = 25_000_000
# A signature is of no use for longer.
TOLERANCE_S: Final = 300


class _Numbered(msgspec.Struct):
    id: int | None = None


class _Payload(msgspec.Struct):
    object_kind: str = ""
    build_id: int | None = None
    pipeline_id: int | None = None
    object_attributes: _Numbered | None = None
    builds: list[_Numbered] = []


_decode = msgspec.json.Decoder(_Payload).decode


def webhooks_route(
    secret: str,
    live: Callable[[], Live | None],
    forget: Callable[[Sequence[int]], Awaitable[None]],
) -> Route:
    """The route of webhooks that present this secret; `live` gives what is watched meanwhile,
    `forget` drops what is kept of these jobs.
    """

    async def take(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BYTES:
                return _told(413, f"the body has more than {MAX_BYTES} bytes")
        if not _is_authentic(secret, request, body):
            return _told(
                401, "neither X-Gitlab-Token nor webhook-signature fits GATEWAY_WEBHOOK_SECRET"
            )
        pipeline_id, job_ids = _named_in(body)
        # What is woken is to read anew.
        await forget(job_ids)
        watched = live()
        if watched is not None and (pipeline_id is not None or job_ids):
            watched.wake(pipeline_id=pipeline_id, job_ids=job_ids)
        return Response(status_code=204)

    return Route(WEBHOOKS_PATH, take, methods=["POST"])


def _is_authentic(secret: str, request: Request, body: bytes) -> bool:
    headers = request.headers
    if secret.startswith(SIGNING):
        return _is_signed(secret, headers, body, time())
    token = headers.get("x-gitlab-token", "")
    # As the bytes that came: Starlette reads headers as Latin-1.
    return hmac.compare_digest(token.encode("latin-1"), secret.encode())


def _is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Is one of its signatures made with this secret, lately?"""
    name, sent, signatures = (
        headers.get(f"webhook-{key}", "") for key in ("id", "timestamp", "signature")
    )
    try:
        key = base64.b64decode(secret.removeprefix(SIGNING))
        if abs(now - int(sent)) > TOLERANCE_S:
            return False
    except ValueError:
        return False
    signed = b"%b.%b.%b" % (name.encode(), sent.encode(), body)
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # All are looked at, whichever fits.
    fits = [hmac.compare_digest(one.encode(), expected) for one in signatures.split()]
    return any(fits)


def _named_in(body: bytes) -> tuple[int | None, tuple[int, ...]]:
    """The pipeline and the jobs that something has happened to."""
    try:
        told = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Another kind of event, or a newer GitLab's: none that is known.
        return None, ()
    if told.object_kind == "build":
        return told.pipeline_id, () if told.build_id is None else (told.build_id,)
    if told.object_kind == "pipeline" and told.object_attributes is not None:
        jobs = tuple(build.id for build in told.builds if build.id is not None)
        return told.object_attributes.id, jobs
    return None, ()


def _told(status: int, message: str) -> JSONResponse:
    return JSONResponse(refusal(status, message), status)
