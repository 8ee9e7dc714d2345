"""What all tests share."""

import pytest

pytest_plugins = ["gateway.testing"]


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio: uvicorn, the wires and uvloop know no other."""
    return "asyncio"
