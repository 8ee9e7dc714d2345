"""`rateLimit`: what an operation costs, and what the upstream still allows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.execution.engine import Budget, Engine
from gateway.execution.request import GraphQLRequest
from gateway.upstream.calls import ClientConfig, Standings, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.web_urls import WebUrls
from tests.harness.driven import EPOCH, Upstream, answer_of, drive, job_body
from tests.harness.over import make_caller

API = "https://gitlab.test/api/v4"
FIGURES = "rateLimit { cost maxCost limit remaining resetAt }"
JOB = "job(by: {path: {project: 1, job: 7}}) { name }"


def asked(*documents, headers, tokens="aaa"):
    """What each answered, one after the other, and how many calls were made."""

    async def run():
        upstream = Upstream(lambda _: answer_of(job_body(7), **headers))
        standings = Standings()
        chain = standard_chain(upstream, ClientConfig(API), standings=standings)
        engine = Engine(Client.over(chain, standings), WebUrls(API), budget=Budget(calls=99))
        found = []
        for document, token in zip(documents, tokens, strict=False):
            caller = make_caller(Credential("PRIVATE-TOKEN", token))
            response = await engine.execute(GraphQLRequest(query=document), caller)
            assert response.errors is None
            found.append(response.data["rateLimit"])
            await asyncio.sleep(0)
        return found, len(upstream.asked)

    return drive(run())


def test_costs_nothing_and_tells_what_the_operation_may_need():
    (alone, beside), calls = asked(f"{{ {FIGURES} }}", f"{{ {FIGURES} {JOB} }}", headers={})

    untold = {"limit": None, "remaining": None, "resetAt": None}
    assert alone == {"cost": 0, "maxCost": 99, **untold}
    assert beside == {"cost": 1, "maxCost": 99, **untold}
    assert calls == 1


def test_tells_what_the_upstream_said_last_to_this_credential():
    headers = {
        "RateLimit_Limit": 600,
        "RateLimit_Remaining": 597,
        "RateLimit_Reset": EPOCH + 40,
        "RateLimit_Name": "throttle_authenticated_api",
    }
    (_, mine, others), _ = asked(
        f"{{ {FIGURES} {JOB} }}",
        f"{{ {FIGURES} }}",
        f"{{ {FIGURES} }}",
        headers=headers,
        tokens="aab",
    )

    assert (mine["limit"], mine["remaining"]) == (600, 597)
    reset_at = datetime.fromisoformat(mine["resetAt"])
    assert timedelta(seconds=35) < reset_at - datetime.now(UTC) < timedelta(seconds=42)
    assert others["limit"] is others["remaining"] is others["resetAt"] is None
