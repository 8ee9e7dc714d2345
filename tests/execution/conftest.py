"""A loop that settles in order, and both executors over it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from gateway.execution.running import Budget
from gateway.testing.server import serve
from tests.execution.comparison import Comparison
from tests.execution.settling import SettlingLoop, settling_loop
from tests.harness.over import DrivenOver, over_driven

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[SettlingLoop]:
    with settling_loop() as loop:
        yield loop


@pytest.fixture
def comparison(loop: SettlingLoop) -> Comparison:
    return Comparison(loop)


@pytest.fixture(scope="module")
def upstream() -> Iterator[DrivenOver]:
    """The gateway over a fresh sandbox; a random operation may be as dear as it likes."""
    budget = Budget(calls=10**6)
    with serve() as server, over_driven(server, budget=budget, seconds=60) as upstream:
        yield upstream


@pytest.fixture(autouse=True)
def records(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Masked errors are recorded with their traces: thousands of them here."""
    caplog.set_level(logging.CRITICAL, "gateway.execution")
    return caplog
