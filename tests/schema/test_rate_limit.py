"""`rateLimit`: what an operation costs, and what the upstream still allows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.execution.running import Budget
from gateway.upstream.calls import ClientConfig, Standings, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.web_urls import WebUrls
from tests.harness.accounts import Accounts
from tests.harness.driven import EPOCH, Upstream, answer_of, drive, job_body
from tests.harness.over import make_caller

API = "https://gitlab.test/api/v4"
FIGURES = "rateLimit { cost maxCost limit remaining resetAt }"
JOB = "job(by: {path: {project: 1, job: 7}}) { name }"


def asked(*documents, headers, tokens="aaa", replicas=None):
    """What each answered, one after the other, and how many calls were made; asked of one replica
    after the other, where there are several.
    """

    async def run():
        upstream = Upstream(lambda _: answer_of(job_body(7), **headers))
        engines = []
        for pace in replicas or [None]:
            standings = Standings(pace=pace)
            chain = standard_chain(upstream, ClientConfig(API), standings=standings)
            client = Client.over(chain, standings)
            engines.append(Engine(client, WebUrls(API), budget=Budget(calls=99)))
        found = []
        for i, (document, token) in enumerate(zip(documents, tokens, strict=False)):
            caller = make_caller(Credential("PRIVATE-TOKEN", token))
            response = await engines[i % len(engines)].execute(
                GraphQLRequest(query=document), caller
            )
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


def test_tells_what_it_said_to_another_replica_and_what_was_sent_there_since():
    headers = {"RateLimit_Limit": 60, "RateLimit_Remaining": 37, "RateLimit_Reset": EPOCH + 40}
    accounts = Accounts()
    replicas = [accounts.replica(), accounts.replica()]

    (_, before, _, after), calls = asked(
        f"{{ {FIGURES} {JOB} }}",
        f"{{ {FIGURES} }}",
        f"{{ {FIGURES} {JOB} }}",
        f"{{ {FIGURES} }}",
        headers=headers,
        tokens="aaaa",
        replicas=replicas,
    )

    assert (before["limit"], before["remaining"]) == (60, 37)
    # The upstream's next word of it may be on its way.
    assert (after["limit"], after["remaining"]) == (60, 36)
    assert calls == 2


def test_tells_what_it_knows_where_the_store_is_away():
    headers = {"RateLimit_Limit": 60, "RateLimit_Remaining": 37, "RateLimit_Reset": EPOCH + 40}
    accounts = Accounts()
    accounts.is_up = False

    (_, told), _ = asked(
        f"{{ {FIGURES} {JOB} }}", f"{{ {FIGURES} }}", headers=headers, replicas=[accounts.replica()]
    )

    assert (told["limit"], told["remaining"]) == (60, 37)
