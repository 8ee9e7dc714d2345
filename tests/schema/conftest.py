"""Two ways to run a document: over a stand-in for the operation's context, which notes what it is
asked for and answers as told, and over a sandbox, which notes every upstream call.
"""

import asyncio
from types import SimpleNamespace

import pytest

from gateway.execution.executor import PlannedExecutor
from gateway.execution.running import Budget
from gateway.execution.schema import make_schema
from gateway.testing.server import serve
from gateway.upstream.credential import Credential
from gateway.upstream.web_urls import WebUrls
from tests.harness.over import make_caller, over_driven
from tests.schema.unreadable import Gate as GateByHand


class StandIn:
    """`answers[name]` is what a method gives (an exception fails it, a function is asked), `asked`
    what was asked.
    """

    urls = WebUrls("https://gitlab.example/api/v4", None)
    max_page_size = 100

    def __init__(self):
        self.answers = {}
        self.asked = []

    def __getattr__(self, name):
        def ask(*args, **kwargs):
            self.asked.append((name, *args, *kwargs.values()))
            future = asyncio.get_running_loop().create_future()
            answer = self.answers.get(name)
            if callable(answer):
                answer = answer(*args, **kwargs)
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
            return future

        return ask


@pytest.fixture
def context():
    return StandIn()


@pytest.fixture(scope="session", params=[None, PlannedExecutor], ids=["reference", "planned"])
def schema(request):
    return make_schema(request.param)


@pytest.fixture
def ask(schema, context):
    """Runs a document over the stand-in, once with each executor."""

    def run(document, **variables):
        async def execute():
            return await schema.execute(document, variable_values=variables, context_value=context)

        result = asyncio.run(execute())
        return SimpleNamespace(
            data=result.data,
            errors=[
                (".".join(map(str, error.path or [])), error.message)
                for error in result.errors or []
            ],
        )

    return run


#   10 public · 11 private, for members · 12 moved from lab/old-name
WORLD = {
    "projects": [
        {"id": 10, "path": "lab/open", "visibility": "public"},
        {"id": 11, "path": "lab/inner/closed", "public_pipelines": False},
        {"id": 12, "path": "lab/new-name", "moved_from": ["lab/old-name"]},
    ]
}


# The runner of every world that stops a job at once when it is canceled.
PLAIN_RUNNER = 2


class Gate:
    """An engine over a sandbox. Jobs are made in pipelines of project 10 unless said otherwise."""

    def __init__(self, over):
        self.sandbox = over.server.sandbox
        self.web_url = over.server.url
        self._over = over

    def ask(self, document, *, role="maintainer", job_token=None, **variables):
        """What one operation came to: data, errors by path, and the calls the upstream received.

        None may need more calls than were estimated, retries apart.
        """
        before = len(self.sandbox.received)
        credential = self._over.credential(role)
        if job_token is not None:
            credential = Credential("JOB-TOKEN", job_token)
        response = self._over.run(self._execute(document, credential, variables))
        received = [*self.sandbox.received][before:]
        assert len(received) <= response.estimated_calls + response.tally.retried
        errors = {".".join(map(str, error["path"])): error for error in response.errors or []}
        return SimpleNamespace(
            data=response.data,
            errors=errors,
            codes={path: error["extensions"]["code"] for path, error in errors.items()},
            calls=[f"{call.method} {call.raw_path.removeprefix('/api/v4')}" for call in received],
            estimated=response.estimated_calls,
        )

    async def _execute(self, document, credential, variables):
        return await self._over.execute(document, variables, caller=make_caller(credential))

    def pipeline(self, project=10, **columns):
        return self.sandbox.create_pipeline(project, **columns)

    def job(self, status="success", *, project=10, pipeline=None, **columns):
        where = self.pipeline(project) if pipeline is None else pipeline
        if status == "running":
            columns.setdefault("runner_id", PLAIN_RUNNER)
        return self.sandbox.create_job(project, where, status=status, **columns)


@pytest.fixture(scope="module")
def gate():
    budget = Budget(calls=10_000)
    with serve(world=WORLD) as server, over_driven(server, budget=budget) as over:
        yield Gate(over)


@pytest.fixture(scope="module")
def by_hand():
    """An engine and a reference executor over answers written by hand."""
    gate = GateByHand()
    yield gate
    gate.close()
