"""What callers do all the time, and what they have to see.

readers      see what their own credential sees, and who they are
writers      each write reaches the upstream once at most; after it every replica shows it
followers    a log is whole byte for byte, a job's last state is the true one
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import WebSocketException

from tests.replicas.callers import Unknown
from tests.transport.subscribers import TRANSPORTS, Subscriber

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.replicas.callers import Callers
    from tests.replicas.servers import Upstream

__all__ = ["follow", "read", "watch", "write"]

ROLES = ("developer", "maintainer", "guest", "outsider", "read_only")
NESTED = """
query Page($project: ID!, $pipeline: ID!, $job: ID!) {
  currentUser { username }
  job(by: {path: {project: $project, job: $job}}) { name status log { tail(lines: 5) { text } } }
  pipeline(by: {path: {project: $project, pipeline: $pipeline}}) {
    status
    jobs(first: 20) { nodes { name status pipeline { ref } } }
  }
}
"""
JOB = """
query One($project: ID!, $job: ID!) {
  job(by: {path: {project: $project, job: $job}}) { name status erasedAt }
}
"""
DOCUMENTS = {
    action: f"""
mutation Write($project: ID!, $job: ID!) {{
  written: {field}(input: {{job: {{path: {{project: $project, job: $job}}}}}}) {{
    userErrors {{ code }}
  }}
}}
"""
    for action, field in (("erase", "jobErase"), ("retry", "jobRetry"))
}
LOG = """
subscription Follow($project: ID!, $job: ID!, $from: BigInt!) {
  jobLog(job: {path: {project: $project, job: $job}}, fromByte: $from, format: RAW) { text endByte }
}
"""
STATES = """
subscription Watch($project: ID!, $job: ID!) {
  jobUpdated(job: {path: {project: $project, job: $job}}) { status }
}
"""
# Projects that not everybody sees, and a log that members alone see: project, pipeline, job.
GUARDED = (
    (2, 28, "kit_job"),
    (3, 30, "handbook_job"),
    (4, 31, "kitchen_job"),
    (1, 23, "debug_job"),
    (1, 10, "is_failed_job"),
)
FOLLOWED_S = 120
# A job that is followed runs for so long.
RUNS_S = (5.0, 25.0)
LOOKS = 3
# How subscriptions end, and are told of, when what serves them does.
BROKEN = (httpx.TransportError, OSError, TimeoutError, WebSocketException, AssertionError)


async def read(callers: Callers, upstream: Upstream, until: float) -> None:
    """Ask for what some see and others do not, as each of them."""
    expected = {
        (role, *one): await _truth(callers.client, upstream, role, *one)
        for role in ROLES
        for one in GUARDED
    }
    while monotonic() < until:
        role, project, pipeline, name = callers.random.choice(list(expected))
        job = upstream.sandbox.landmarks[name]
        asked = {"project": str(project), "pipeline": str(pipeline), "job": str(job)}
        answer = await callers.read(upstream.sandbox.tokens[role], NESTED, asked)
        data = answer["data"] or {}
        found = data.get("job") or {}
        shown = (
            (data.get("currentUser") or {}).get("username"),
            found.get("name"),
            bool((found.get("log") or {}).get("tail")),
        )
        if shown != expected[role, project, pipeline, name]:
            callers.fault(
                f"{role} was answered {shown}, not {expected[role, project, pipeline, name]}:"
                f" {str(answer)[:2_000]}"
            )
        await asyncio.sleep(callers.random.uniform(0, 0.05))


async def _truth(
    client: httpx.AsyncClient, upstream: Upstream, role: str, project: int, _: int, name: str
) -> tuple[str, str | None, bool]:
    """Who a role is, the job's name if it may see it, and whether it may see its log."""
    job = f"{upstream.url}/api/v4/projects/{project}/jobs/{upstream.sandbox.landmarks[name]}"
    headers = {"private-token": upstream.sandbox.tokens[role]}
    user = await client.get(f"{upstream.url}/api/v4/user", headers=headers)
    found = await client.get(job, headers=headers)
    log = await client.get(f"{job}/trace", headers=headers)
    return user.json()["username"], found.json().get("name"), log.status_code == 200


async def write(
    callers: Callers, upstream: Upstream, until: float, away: Callable[[float], bool]
) -> None:
    """Erase and retry jobs, each once, and look at it through another replica. `away` says whether
    the store was away at any moment since a time.
    """
    token = upstream.sandbox.tokens["maintainer"]
    while monotonic() < until:
        action = callers.random.choice(list(DOCUMENTS))
        job = upstream.sandbox.create_job(name="written", status="failed", user="maintainer")
        asked: dict[str, Any] = {"project": "1", "job": str(job)}
        # Then it is kept.
        for _ in callers.replicas:
            await callers.read(token, JOB, asked)
        begun = monotonic()
        codes = await _carried_out(callers, token, DOCUMENTS[action], asked)
        if codes is None:
            callers.counted["writes of unknown outcome"] += 1
        elif codes:
            callers.fault(f"{action} was answered {codes}")
        elif action == "erase":
            await _shows(callers, token, asked, begun, away)
        sent = upstream.writes[f"/api/v4/projects/1/jobs/{job}/{action}"]
        if sent > 1 or (codes == [] and not sent):
            callers.fault(f"{action} of {job} was answered {codes}, and sent {sent} times")
        await asyncio.sleep(callers.random.uniform(0.05, 0.3))


async def _carried_out(
    callers: Callers, token: str, document: str, asked: dict[str, Any]
) -> list[str] | None:
    """The codes of its errors; None where nobody knows whether it was carried out."""
    try:
        answer = await callers.write(token, document, asked)
    except Unknown:
        return None
    payload = (answer["data"] or {}).get("written")
    if payload is None:
        return [str(answer)]
    codes = [error["code"] for error in payload["userErrors"]]
    return None if "OUTCOME_UNKNOWN" in codes else codes


async def _shows(
    callers: Callers,
    token: str,
    asked: dict[str, Any],
    begun: float,
    away: Callable[[float], bool],
) -> None:
    """Every replica shows a write that was answered."""
    for _ in callers.replicas:
        after = await callers.read(token, JOB, asked)
        if ((after["data"] or {}).get("job") or {}).get("erasedAt"):
            callers.counted["own writes seen"] += 1
        elif away(begun):
            callers.counted["own writes not seen while the store was away"] += 1
        else:
            callers.fault(f"an erased job is shown as it was: {after}")


async def follow(callers: Callers, upstream: Upstream, until: float) -> None:
    """Follow logs to their ends, at another replica where one ends."""
    while monotonic() < until:
        job = _running_job(callers, upstream)
        asked: dict[str, Any] = {"project": "1", "job": str(job), "from": 0}
        pieces: list[str] = []
        async for data in _to_the_end(callers, upstream, LOG, asked):
            piece = data["jobLog"]
            pieces.append(piece["text"])
            asked["from"] = piece["endByte"]
        log, followed = await _log_of(callers, upstream, job), "".join(pieces).encode()
        if followed != log:
            callers.fault(f"job {job}: a follower has {len(followed)} bytes, not {len(log)}")
        callers.counted["logs followed"] += 1


async def watch(callers: Callers, upstream: Upstream, until: float) -> None:
    """Watch jobs until they have finished."""
    while monotonic() < until:
        job = _running_job(callers, upstream)
        shown = None
        async for data in _to_the_end(callers, upstream, STATES, {"project": "1", "job": str(job)}):
            shown = data["jobUpdated"]["status"]
        status = (await _job(callers, upstream, job, "")).json()["status"].upper()
        if shown != status:
            callers.fault(f"job {job} was last shown as {shown}, and is {status}")
        callers.counted["jobs watched"] += 1


async def _to_the_end(
    callers: Callers, upstream: Upstream, document: str, asked: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """The data of a subscription, subscribed again with what `asked` holds then, until it is
    complete.
    """
    headers = {"private-token": upstream.sandbox.tokens["developer"]}
    until = monotonic() + FOLLOWED_S
    ended = None
    while ended != "complete":
        if monotonic() > until:
            callers.fault(f"a subscription did not end in {FOLLOWED_S} s: {asked}")
            return
        transport = TRANSPORTS[callers.random.choice(list(TRANSPORTS))]
        it: Subscriber | None = None
        try:
            async with transport(callers.pick().url, headers, document, asked) as it:
                while (response := await it.next()) is not None:
                    if response.get("errors"):
                        callers.fault(f"a subscriber was told {response}")
                    else:
                        yield response["data"]
                ended = it.ended
        except BROKEN:
            ended = None
        if ended != "complete":
            callers.counted["subscriptions begun again"] += 1
            await asyncio.sleep(callers.random.uniform(0.05, 0.3))


def _running_job(callers: Callers, upstream: Upstream) -> int:
    """A job that begins to run now."""
    return upstream.sandbox.create_job(
        name="followed",
        status="pending",
        moves=True,
        planned_s=callers.random.uniform(*RUNS_S),
        log_lines=callers.random.randrange(20, 800),
    )


async def _log_of(callers: Callers, upstream: Upstream, job: int) -> bytes:
    return (await _job(callers, upstream, job, "/trace")).content


async def _job(callers: Callers, upstream: Upstream, job: int, below: str) -> httpx.Response:
    url = f"{upstream.url}/api/v4/projects/1/jobs/{job}{below}"
    headers = {"private-token": upstream.sandbox.tokens["admin"]}
    for _ in range(LOOKS):
        # Among thousands of requests httpx now and then closes an expired connection that it has
        # just given to another.
        with suppress(httpx.ReadError):
            return await callers.client.get(url, headers=headers)
    raise RuntimeError(f"the upstream did not answer to {url}")
