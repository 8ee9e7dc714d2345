"""The public face: what `gateway` offers by name, and how README.md says it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import gateway
from gateway import errors
from tests.harness.first_page import is_first_page

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = dict(
    re.findall(r"```python\n# (\w+\.py)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
)


def test_all_names_are_there_and_sorted():
    assert gateway.__all__ == sorted(gateway.__all__)
    assert [name for name in gateway.__all__ if getattr(gateway, name, None) is None] == []
    assert set(gateway.__all__) <= set(dir(gateway))


def test_all_that_is_imported_for_the_type_checker_is_offered():
    tree = ast.parse(Path(gateway.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}

    assert names | {"__version__"} == set(gateway.__all__)


def test_every_error_is_offered():
    assert set(errors.__all__) <= set(gateway.__all__)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        gateway.nothing  # noqa: B018 - asking is the act


def test_the_client_alone_loads_no_framework():
    program = """if True:
        import sys
        from gateway import CallScope, Client, ClientConfig, Credential, WireOptions, open_wire
        print(sorted({"strawberry", "graphql", "starlette", "uvicorn"} & sys.modules.keys()))
    """

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.anyio
async def test_the_readmes_client_reads_a_job(sandbox_server):
    example: dict = {}
    exec(EXAMPLES["client.py"], example)  # noqa: S102 - our own

    status, calls = await example["status_of"](
        sandbox_server.url, sandbox_server.tokens["developer"], "demo/diaspora-client", 8
    )

    [job] = [job for job in sandbox_server.sandbox.jobs(1) if job.id == 8]
    assert (status, calls) == (job.status, 1)


@pytest.mark.anyio
async def test_the_readmes_application_mounts_the_gateway(sandbox_server, monkeypatch):
    monkeypatch.setenv("GATEWAY_UPSTREAM_URL", sandbox_server.url)
    example: dict = {}
    exec(EXAMPLES["application.py"], example)  # noqa: S102 - our own
    app = example["app"]

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as caller:
            answer = await caller.post(
                "/ci/graphql",
                json={"query": "{ job(by: {path: {project: 1, job: 8}}) { name } }"},
                headers={"private-token": sandbox_server.tokens["developer"]},
            )
            start = await caller.get("/ci/")
            unknown = await caller.get("/ci/graphql/more")

    assert answer.json()["data"]["job"]["name"]
    assert example["heard"] == [(200, 1)]
    assert is_first_page(start)
    assert unknown.status_code == 404
