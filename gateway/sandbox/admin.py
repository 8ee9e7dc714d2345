"""The admin endpoint, off by default: steers a running sandbox over HTTP, for tests in other
languages.

| Route below /sandbox | Body | Does |
|---|---|---|
| `GET /` | | profile, time, faults, tokens, landmarks |
| `PUT /profile` | `{"profile": "17"}` | answers as another GitLab version |
| `GET`, `PUT`, `POST`, `DELETE /faults` | a list, or one fault to add | the faults in force |
| `POST /advance` | `{"seconds": 60}` | lets time pass |
| `POST /reset` | | back to the fresh world |
| `GET`, `DELETE /received` | | the requests received, without their credentials |
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from gateway.sandbox.faults import Fault

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from gateway.sandbox.sandbox import Sandbox

__all__ = ["admin_app"]

_SECRET = {"private-token", "authorization", "job-token", "cookie"}


def admin_app(sandbox: Sandbox) -> ASGIApp:
    """The endpoint's routes over one sandbox."""

    async def overview(_: Request) -> Response:
        return JSONResponse(
            {
                "profile": sandbox.profile.name,
                "now": sandbox.now.isoformat(),
                "faults": [_shown(fault) for fault in sandbox.faults],
                "tokens": dict(sandbox.tokens),
                "landmarks": dict(sandbox.landmarks),
            }
        )

    async def profile(request: Request) -> Response:
        wanted = await _object(request)
        try:
            sandbox.profile = str(wanted["profile"])
        except KeyError:
            return _refused("profile must be one of 16, 17, 18")
        return Response(status_code=204)

    async def faults(request: Request) -> Response:
        try:
            if request.method == "PUT":
                sandbox.faults[:] = [Fault(**given) for given in await request.json()]
            elif request.method == "POST":
                sandbox.faults.append(Fault(**await _object(request)))
            elif request.method == "DELETE":
                sandbox.faults.clear()
        except (TypeError, ValueError) as wrong:
            return _refused(str(wrong))
        return JSONResponse([_shown(fault) for fault in sandbox.faults])

    async def advance(request: Request) -> Response:
        try:
            seconds = float((await _object(request))["seconds"])
        except (KeyError, TypeError, ValueError):
            return _refused("seconds must be a number")
        return JSONResponse({"steps": sandbox.advance(seconds), "now": sandbox.now.isoformat()})

    async def reset(_: Request) -> Response:
        sandbox.reset()
        return Response(status_code=204)

    async def received(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.received.clear()
        return JSONResponse(
            [
                {
                    "method": seen.method,
                    "raw_path": seen.raw_path,
                    "headers": {
                        name: "[hidden]" if name in _SECRET else value
                        for name, value in seen.headers.items()
                    },
                    "body": seen.body.decode("utf-8", "replace"),
                    "status": seen.status,
                }
                for seen in sandbox.received
            ]
        )

    return Router(
        [
            Route("/", overview),
            Route("/profile", profile, methods=["PUT"]),
            Route("/faults", faults, methods=["GET", "PUT", "POST", "DELETE"]),
            Route("/advance", advance, methods=["POST"]),
            Route("/reset", reset, methods=["POST"]),
            Route("/received", received, methods=["GET", "DELETE"]),
        ]
    )


def _shown(fault: Fault) -> dict[str, Any]:
    return asdict(fault)


async def _object(request: Request) -> dict[str, Any]:
    """The request's JSON object; ValueError for anything else."""
    value = await request.json()
    if not isinstance(value, dict):
        raise TypeError("a JSON object is expected")
    return value


def _refused(reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=400)
