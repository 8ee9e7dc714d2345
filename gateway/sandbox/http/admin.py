"""The admin endpoint: steers a running sandbox over HTTP, for tests in any language.

| Route below /sandbox | Body | Does |
|---|---|---|
| `GET /` | | profile, time, faults, tokens, landmarks |
| `PUT /profile` | `{"profile": "17"}` | answers as another GitLab version |
| `GET /faults`, `PUT`, `POST`, `DELETE` | a list; one to add | the faults in force |
| `POST /advance` | `{"seconds": 60}` | lets time pass |
| `POST /reset` | | back to the fresh world |
| `GET /received`, `DELETE` | | the requests received, without their credentials |
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from gateway.sandbox.http.faults import Fault

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from gateway.sandbox.http.app import Received
    from gateway.sandbox.profile import Profile

__all__ = ["Admin", "Steered"]

_SECRET = {"private-token", "authorization", "job-token", "cookie"}


class Steered(Protocol):
    """What the endpoint steers: the parts of a `Sandbox` that it needs."""

    faults: list[Fault]
    received: deque[Received]
    landmarks: Mapping[str, int]

    @property
    def tokens(self) -> Mapping[str, str]: ...

    @property
    def profile(self) -> Profile: ...

    @profile.setter
    def profile(self, profile: Profile | str) -> None: ...

    @property
    def now(self) -> datetime: ...

    def advance(self, seconds: float) -> int: ...

    def reset(self) -> None: ...


class Admin:
    """The endpoint over one sandbox; `app` is to be mounted."""

    def __init__(self, sandbox: Steered) -> None:
        self._sandbox = sandbox
        self.app = Router(
            [
                Route("/", self.overview),
                Route("/profile", self.profile, methods=["PUT"]),
                Route("/faults", self.faults, methods=["GET", "PUT", "POST", "DELETE"]),
                Route("/advance", self.advance, methods=["POST"]),
                Route("/reset", self.reset, methods=["POST"]),
                Route("/received", self.received, methods=["GET", "DELETE"]),
            ]
        )

    async def overview(self, _: Request) -> Response:
        return JSONResponse(
            {
                "profile": self._sandbox.profile.name,
                "now": self._sandbox.now.isoformat(),
                "faults": [asdict(fault) for fault in self._sandbox.faults],
                "tokens": dict(self._sandbox.tokens),
                "landmarks": dict(self._sandbox.landmarks),
            }
        )

    async def profile(self, request: Request) -> Response:
        try:
            self._sandbox.profile = str((await _object(request))["profile"])
        except (KeyError, TypeError, ValueError):
            return _refused("profile must be one of 16, 17, 18")
        return Response(status_code=204)

    async def faults(self, request: Request) -> Response:
        faults = self._sandbox.faults
        try:
            match request.method:
                case "PUT":
                    faults[:] = [Fault(**given) for given in await request.json()]
                case "POST":
                    faults.append(Fault(**await _object(request)))
                case "DELETE":
                    faults.clear()
        except (TypeError, ValueError) as wrong:
            return _refused(str(wrong))
        return JSONResponse([asdict(fault) for fault in faults])

    async def advance(self, request: Request) -> Response:
        try:
            seconds = float((await _object(request))["seconds"])
        except (KeyError, TypeError, ValueError):
            return _refused("seconds must be a number")
        steps = self._sandbox.advance(seconds)
        return JSONResponse({"steps": steps, "now": self._sandbox.now.isoformat()})

    async def reset(self, _: Request) -> Response:
        self._sandbox.reset()
        return Response(status_code=204)

    async def received(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._sandbox.received.clear()
        return JSONResponse(
            [
                asdict(seen)
                | {
                    "headers": {
                        name: "[hidden]" if name in _SECRET else value
                        for name, value in seen.headers.items()
                    },
                    "body": seen.body.decode("utf-8", "replace"),
                }
                for seen in self._sandbox.received
            ]
        )


async def _object(request: Request) -> dict[str, Any]:
    """The request's JSON object; TypeError or ValueError for anything else."""
    value = await request.json()
    if not isinstance(value, dict):
        raise TypeError("a JSON object is expected")
    return value


def _refused(reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=400)
