"""The fake context is asked as the real one is."""

from __future__ import annotations

import inspect

import pytest

from gateway.context import Context
from gateway.loaders.logs import LogReader
from gateway.upstream.web_urls import WebUrls
from tests.execution import fake


@pytest.mark.parametrize(
    ("real", "pretended"),
    [(Context, fake.FakeContext), (LogReader, fake.LogReader), (WebUrls, fake.Urls)],
)
def test_methods_take_the_same_arguments(real: type, pretended: type) -> None:
    methods = {
        name: method
        for name, method in vars(real).items()
        # `plan` is a loader's own.
        if inspect.isfunction(method) and not name.startswith("_") and name != "plan"
    }

    assert methods
    for name, method in methods.items():
        assert parameters(getattr(pretended, name)) == parameters(method), name


def parameters(method: object) -> list[tuple[str, object, object]]:
    signature = inspect.signature(method)
    return [(part.name, part.kind, part.default) for part in signature.parameters.values()]
