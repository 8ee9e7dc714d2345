"""A stand-in for an operation's context: it notes what it is asked for and answers as told."""

import asyncio
from types import SimpleNamespace

import pytest

from gateway.execution.executor import PlannedExecutor
from gateway.execution.schema import make_schema
from gateway.upstream.web_urls import WebUrls


class StandIn:
    """`answers[name]` is what a method gives (an exception fails it), `asked` what was asked."""

    urls = WebUrls("https://gitlab.example/api/v4", None)

    def __init__(self):
        self.answers = {}
        self.asked = []

    def __getattr__(self, name):
        def ask(*args, **kwargs):
            self.asked.append((name, *args, *kwargs.values()))
            future = asyncio.get_running_loop().create_future()
            answer = self.answers.get(name)
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
