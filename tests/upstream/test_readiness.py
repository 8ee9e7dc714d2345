"""Whether the upstream is there, and why not."""

from __future__ import annotations

import pytest

from gateway.upstream.causes import Cause
from gateway.upstream.readiness import NotReady, why_not_ready
from gateway.upstream.wire import ConnectionBroken, NotConnected, TimedOut
from tests.upstream.conftest import ScriptedWire, an_answer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "why_not"),
    [
        (an_answer({"version": "17.0.0"}), None),
        (an_answer({"message": "401 Unauthorized"}, 401), None),
        (an_answer(b"", 502), NotReady("the upstream fails (HTTP 502)")),
        (
            an_answer(b"<html>The plain HTTP request was sent to HTTPS port</html>", 400),
            NotReady(Cause.TLS_EXPECTED.sentence, Cause.TLS_EXPECTED),
        ),
        (
            NotConnected(Cause.CERTIFICATE_EXPIRED),
            NotReady(Cause.CERTIFICATE_EXPIRED.sentence, Cause.CERTIFICATE_EXPIRED),
        ),
        (TimedOut("too late"), NotReady("the upstream does not answer")),
        (ConnectionBroken("packed"), NotReady("the upstream does not answer")),
    ],
)
async def test_any_answer_of_its_own_counts(said, why_not):
    wire = ScriptedWire(said)

    assert await why_not_ready(wire, "/api/v4", timeout_s=3) == why_not
    assert wire.targets == ["GET /api/v4/version"]
    assert wire.sent[0].headers == {}
