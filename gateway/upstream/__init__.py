"""The Jobs API client: entities, paging, errors, retry and logs. Knows no GraphQL; usable alone.

    async with open_wire("http1", WireOptions("https://gitlab.example.com")) as wire:
        client = Client(wire, ClientConfig("https://gitlab.example.com/api/v4"))
        deadline = asyncio.get_running_loop().time() + 10
        scope = CallScope(Credential("PRIVATE-TOKEN", token), deadline)
        job = await client.job(scope, "group/project", 42)
        print(job.status, scope.tally.calls)

    paging ─ windows over the client's lists
      client ─ one method for each endpoint (`routes`)
        calls ─ the layers that a call passes through
          wires ─ HTTP: `http1` by ourselves, `httpx` to compare with
        reading ─ bytes to entities, in steps where they are long or faulty (`taking_apart`);
        written ─ what a write's answer stands for

What is listed here is the public face, with `entities` for what the client answers and
`gateway.errors` for what it raises.
"""

from gateway.upstream.calls import (
    Call,
    Circuit,
    ClientConfig,
    Layer,
    OpenAnswer,
    Standings,
    standard_chain,
)
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.kept import KeptInMemory, KeptReads
from gateway.upstream.pages import KeysetCursor, KeysetPage, OffsetPage
from gateway.upstream.paging import (
    Listing,
    Window,
    walk_all_pipeline_jobs,
    walk_bridges,
    walk_pipeline_jobs,
    walk_pipelines,
    walk_project_jobs,
    window_of,
)
from gateway.upstream.routes import ROUTES, Keep, Route
from gateway.upstream.scope import CallScope, Tally
from gateway.upstream.wire import Answer, StreamedAnswer, Wire, WireError, WireOptions
from gateway.upstream.wires import open_wire

__all__ = [
    "ROUTES",
    "Answer",
    "Call",
    "CallScope",
    "Circuit",
    "Client",
    "ClientConfig",
    "Credential",
    "Keep",
    "KeptInMemory",
    "KeptReads",
    "KeysetCursor",
    "KeysetPage",
    "Layer",
    "Listing",
    "OffsetPage",
    "OpenAnswer",
    "Route",
    "Standings",
    "StreamedAnswer",
    "Tally",
    "Window",
    "Wire",
    "WireError",
    "WireOptions",
    "open_wire",
    "standard_chain",
    "walk_all_pipeline_jobs",
    "walk_bridges",
    "walk_pipeline_jobs",
    "walk_pipelines",
    "walk_project_jobs",
    "window_of",
]
