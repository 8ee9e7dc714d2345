"""pytest fixtures over the sandbox: a Jobs API of its own for each test that asks for one.

Installed with the package, pytest finds this module by its entry point; a checkout names it in
`tests/conftest.py` (`pytest_plugins = ["gateway.testing"]`). The entry point bears the module's own
name, so pytest sees that both are one plugin. Importing it starts nothing and loads nothing but
pytest: the sandbox, Starlette and uvicorn are imported by the first test that needs them.

    @pytest.mark.sandbox(profile="16", jobs=1_000)
    def test_my_tool(sandbox_server):
        run_my_tool(url=sandbox_server.url, token=sandbox_server.tokens["developer"])

See docs/sandbox.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.sandbox import Sandbox
    from gateway.testing.server import SandboxServer

__all__ = ["sandbox", "sandbox_options", "sandbox_server"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "sandbox(**options): what the fixtures `sandbox` and `sandbox_server` are made with, "
        "as `gateway.sandbox.Sandbox` takes it; the nearest marker's option wins",
    )


@pytest.fixture
def sandbox_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of this test's sandbox: all `sandbox` markers around it, the outermost first."""
    markers = reversed(list(request.node.iter_markers("sandbox")))
    return {name: value for marker in markers for name, value in marker.kwargs.items()}


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, sandbox_options: dict[str, Any]) -> Iterator[Sandbox]:
    """A fresh sandbox in this process: `sandbox.app` is its ASGI application, no socket is opened.

    In a test that also asks for `sandbox_server` it is the one being served.
    """
    if "sandbox_server" in request.fixturenames:
        server: SandboxServer = request.getfixturevalue("sandbox_server")
        yield server.sandbox
        return

    from gateway.sandbox import Sandbox  # noqa: PLC0415 - not before a test needs it

    made = Sandbox(**sandbox_options)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def sandbox_server(sandbox_options: dict[str, Any]) -> Iterator[SandboxServer]:
    """A fresh sandbox behind a real HTTP server on a free port of the loopback interface."""
    from gateway.testing.server import serve  # noqa: PLC0415 - not before a test needs it

    with serve(**sandbox_options) as server:
        yield server
